"""A design as Mermaid text; that it is drawn, whatever stands in it, is seen in the browser's tests."""

import pytest

from workbench.choreography import Choreography
from workbench.events import Event
from workbench.mermaid import MIME, label


class Placed(Event, version=1, key="id"):
    id: str


class Paid(Event, version=1, key="id"):
    id: str


class Refunded(Event, version=1, key="id"):
    id: str


class Failed(Event, version=1, key="id"):
    id: str


def test_a_design_is_drawn_with_its_conditions_delays_and_compensations():
    design = Choreography()
    same = {"id": "data.id"}
    design.event(Failed)
    billing = design.service("billing")
    billing.whenever(Placed, emit={Paid: same}, guard="data.id != ''", after="90s", name="charge")
    billing.compensate("charge", when=Failed, emit={Refunded: same})
    design.service("watch").whenever(
        Placed, emit={Failed: same}, unless=[Paid, Refunded], within="15min"
    )
    assert str(design.mermaid()).splitlines() == [
        "flowchart LR",
        '    e0(["Failed"])',
        '    e1(["Placed"])',
        '    e2(["Paid"])',
        '    e3(["Refunded"])',
        '    s0["billing"]',
        "    e1 -->|\"data.id != ''\"| s0",
        '    s0 -->|"after 1.5 min"| e2',
        '    e0 -.->|"undo charge"| s0',
        "    s0 -.-> e3",
        '    s1["watch"]',
        '    e1 -->|"unless Paid or Refunded within 15 min"| s1',
        "    s1 --> e0",
        "    classDef event fill:#fff4d6,stroke:#b8860b,color:#333",
        "    class e0,e1,e2,e3 event",
    ]


def test_a_picture_is_shown_as_mermaid_and_read_as_text():
    picture = Choreography().mermaid()
    assert picture._repr_mimebundle_() == {MIME: "flowchart LR\n", "text/plain": "flowchart LR\n"}
    assert repr(picture) == "flowchart LR\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("order placed, v2 (draft)", "order placed, v2 (draft)"),
        ('"<b>"', "#34;#60;b#62;#34;"),
        ("a;b#c`d\\", "a#59;b#35;c#96;d#92;"),
        ("two\n lines", "two lines"),
        ("größe 注文", "größe 注文"),
        ("", " "),
        ("x" * 500, "x" * 199 + "#8230;"),
    ],
)
def test_a_label_holds_no_markup_and_no_syntax(text, shown):
    assert label(text) == shown
