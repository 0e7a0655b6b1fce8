"""An answer that is changed in place says no longer what it said."""

import pandas as pd

from workbench.analysis.answer import Answer


def test_an_answer_that_loses_rows_or_gets_columns_loses_its_sentence(orders):
    for change in (
        lambda table: table.drop(index=0, inplace=True),  # noqa: PD002 - as users do
        lambda table: table.insert(0, "more", 1),
    ):
        flows = orders.flows()
        assert flows.sentence.startswith("4 flows of ")
        change(flows)
        assert isinstance(flows, Answer)
        said = "This table was changed since it was an answer: ask again for its sentence."
        assert flows.sentence == said
        assert repr(flows).startswith(said)
        assert flows.plot().layout.annotations[0].text.replace("<br>", " ") == said


def test_an_answer_in_another_order_keeps_its_sentence(orders):
    flows = orders.flows()
    flows.sort_values("duration_ms", inplace=True)  # noqa: PD002 - as users do
    assert flows.sentence == orders.flows().sentence


def test_what_is_made_of_an_answer_is_a_plain_table(orders):
    assert type(orders.flows().head(1)) is pd.DataFrame
