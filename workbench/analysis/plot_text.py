"""Texts from a log in pictures: as they are, whatever is in them."""

from html import escape


def plain(text: str) -> str:
    """Write a text so that Plotly shows it letter by letter: no markup, and no TeX between ``$``."""
    return escape(text, quote=False).replace("$", "&#36;")
