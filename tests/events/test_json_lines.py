"""The lines of a JSON text: each part stands where a reader sees it."""

import json

from hypothesis import given
from hypothesis import strategies as st

from workbench.events.json_lines import lines_of

TEXT = """\
{
  "properties": {"id": {"type": "string"},
    "a/b": {
      "enum": ["x", "y",
        {"z": "}],"}]
    }
  }
}"""


def test_members_and_entries_are_found_by_their_pointers():
    pointers = ["", "/properties/id", "/properties/a~1b", "/properties/a~1b/enum/1"]
    pointers += ["/properties/a~1b/enum/2/z", "/properties/gone", "/properties/a~1b/enum/7"]
    assert lines_of(TEXT, pointers) == {
        "": 1,
        "/properties/id": 2,
        "/properties/a~1b": 3,
        "/properties/a~1b/enum/1": 4,
        "/properties/a~1b/enum/2/z": 5,
    }


def test_what_is_not_json_ends_the_search_and_nothing_else():
    assert lines_of('{"a": 1}}{"b": 2}', ["/a", "/b"]) == {"/a": 1}
    assert lines_of("", ["/a"]) == lines_of("}", ["/a"]) == lines_of("[[[", ["/0/0/1"]) == {}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(values)
def test_every_part_of_any_document_is_found_on_its_own_line(document):
    """Written with an indent, each name and each entry begins a line, in document order."""
    pointers = list(_pointers(document, ""))
    text = json.dumps(document, indent=1, ensure_ascii=False)
    lines = text.split("\n")
    found = lines_of(text, pointers)
    assert list(found) == pointers
    assert list(found.values()) == sorted(found.values())
    for pointer, line in found.items():
        name = pointer.rsplit("/", 1)[-1].replace("~1", "/").replace("~0", "~")
        start = lines[line - 1].strip()
        assert start.startswith(json.dumps(name, ensure_ascii=False) + ":") or name.isdigit()


def _pointers(value, home):
    steps = value.items() if isinstance(value, dict) else ()
    steps = enumerate(value) if isinstance(value, list) else steps
    for step, part in steps:
        pointer = f"{home}/{str(step).replace('~', '~0').replace('/', '~1')}"
        yield pointer
        yield from _pointers(part, pointer)
