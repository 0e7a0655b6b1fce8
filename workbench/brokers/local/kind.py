"""What kind of broker it is: what the steps that are the same for all must know of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of broker: its name in sentences, and the port that its clients expect."""

    name: str
    usual_port: int

    @property
    def word(self) -> str:
        """Its name in commands and folders."""
        return self.name.lower()
