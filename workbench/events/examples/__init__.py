"""Plausible payloads from a JSON Schema: seeded, and every one of them checked.

``payloads`` is what others call. ``structure`` makes values that keep a schema's rules: objects,
lists and the ways to combine schemas. ``scalars`` makes texts and numbers, ``plausible`` those
that look right for a field's name, ``pattern_text`` those that match a regular expression.
``people`` has e-mail addresses agree with names, and ``document`` finds subschemas and checks values against them.
"""

from workbench.events.examples.payloads import Examples, examples

__all__ = ["Examples", "examples"]
