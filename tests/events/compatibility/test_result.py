"""How a verdict is told: as text, and as a table that runs nothing."""

from workbench.events import check_compatibility

MARKUP = "<img src=x onerror=alert(1)>"


def test_a_verdict_reads_as_a_line_and_a_line_for_each_change():
    verdict = check_compatibility({"type": "number"}, {"type": "integer"})
    assert str(verdict).splitlines() == [
        "NOT compatible (BACKWARD, strict)",
        "✗ /  type-changed: the event was number and is integer now: new readers refuse old events.",
        "    for example 0.5",
    ]
    assert repr(verdict) == str(verdict)


def test_the_table_escapes_names_and_payloads():
    old = {"properties": {MARKUP: {"enum": [MARKUP, "b"]}}}
    new = {"properties": {MARKUP: {"enum": ["b"]}}}
    table = check_compatibility(old, new)._repr_html_()
    assert "<img" not in table
    assert "&lt;img src=x onerror=alert(1)&gt;" in table
    assert "✗ NOT compatible (BACKWARD, strict)" in table


def test_a_null_is_a_proof_too():
    verdict = check_compatibility({"type": ["null", "string"]}, {"type": "string"})
    [change] = verdict.breaking
    assert (change.proved, change.witness) == (True, None)
    assert "for example null" in str(verdict)


def test_avro_s_bytes_are_shown():
    old, new = {"type": "fixed", "name": "F", "size": 2}, {"type": "fixed", "name": "F", "size": 3}
    verdict = check_compatibility(old, new, format="avro")
    assert not verdict
    assert str(verdict)
