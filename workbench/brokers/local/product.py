"""Which broker it is: what the steps that are the same for all of them must know of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Product:
    """A broker that can be had: its name in sentences, and the port that its clients expect."""

    name: str
    usual_port: int

    @property
    def kind(self) -> str:
        """Its name in commands, folders and addresses."""
        return self.name.lower()
