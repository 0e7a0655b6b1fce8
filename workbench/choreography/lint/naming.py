"""Rules about the names of events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from workbench.choreography.lint.rule import Found, rule
from workbench.choreography.lint.words import is_command, is_past

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography


@rule("command-name", "warning")
def command_name(design: Choreography) -> Iterator[Found]:
    """An event is named like a command.

    `ReserveStock` tells one service what to do; `OrderPlaced` says what happened and leaves it to
    whoever hears it. An event that is a command in disguise has one right receiver, and its
    emitter knows what comes next: the control is central again, only harder to see.

    Name it after what has happened by then, in the past tense. A name is taken for a command if
    it begins with an English imperative (`Send…`, `Create…`), or ends in `Command`, and has no
    past participle in it.
    """
    for name in design.event_types:
        if is_command(name):
            yield Found(
                name, f"{name} is named like a command: name it after what has happened by then."
            )


@rule("not-past-tense", "note")
def not_past_tense(design: Choreography) -> Iterator[Found]:
    """An event's name does not say that something happened.

    `OrderPlaced` can be nothing but an event. `Order`, `OrderUpdate` and `OutOfStock` may be a
    document, a command, an event or a state, and everyone takes them as they like.

    Put it in the past tense: `OrderChanged`, `StockRefused`. A name is in the past tense if one of
    its words is an English past participle (`-ed`, or an irregular one such as `Sent`). It is a
    note, for a state can be the domain's own word: silence it with that reason. So too a design
    in another language: leave the `subject` out, and the rule is silent everywhere.
    """
    for name in design.event_types:
        if not is_past(name) and not is_command(name):
            yield Found(name, f"{name} does not say what happened: name it in the past tense.")
