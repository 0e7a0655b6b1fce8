"""The rule about old events that their reader can't read."""

from dataclasses import replace

import pytest

from workbench.choreography import Choreography
from workbench.events import EventType

TEXT = {"type": "string"}


def schema(*required, **fields):
    return {
        "type": "object",
        "properties": {"id": TEXT, **dict.fromkeys(required, TEXT), **fields},
        "required": ["id", *required],
    }


def design_with(*schemas, **settings):
    """Versions of UserSignedUp, each released whatever it breaks; verification/send reads them."""
    design = Choreography()
    design.event(EventType("MailSent", schema()))
    for version, each in enumerate(schemas, 1):
        design.event(EventType("UserSignedUp", each, version))
        design.release("UserSignedUp", force=True, reason="a test")
    service = design.service("verification")
    emit = {"MailSent": {"id": "data.id"}}
    service.whenever("UserSignedUp", emit=emit, name="send", **settings)
    return design


def found(design):
    problems = [p for p in design.lint() if p.rule == "old-events-unreadable"]
    assert all((p.subject, p.severity) == ("verification/send", "warning") for p in problems)
    return [p.message for p in problems]


@pytest.mark.parametrize("deprecated", [(), (1,)])
def test_a_forced_release_without_an_upcaster_is_told(deprecated):
    design = design_with(schema(), schema("locale"))
    design.evolve("UserSignedUp", deprecated=deprecated)
    (message,) = found(design)
    assert message == (
        "UserSignedUp v1 can't be read by verification/send, which reads v2: UserSignedUp v1 as it "
        'stands is no UserSignedUp v2: the payload: "locale" is a required property; write an '
        "upcaster (events/UserSignedUp/2.upcaster.yaml), or let it read v1 too: old events on the "
        "channel would be dead letters."
    )


def test_a_version_of_which_only_some_events_fit_is_told_too():
    (message,) = found(design_with(schema(locale=TEXT), schema("locale")))
    assert message.startswith("Some UserSignedUp v1 events can't be read by verification/send, ")


def test_an_upcaster_mends_it():
    design = design_with(schema(), schema("locale"))
    design.upcaster("UserSignedUp", 1, {"locale": "'en'"})
    assert found(design) == []


def test_a_default_mends_it():
    assert found(design_with(schema(), schema("locale", locale={**TEXT, "default": "en"}))) == []


@pytest.mark.parametrize("reads", [[1], [1, 2]])
def test_who_reads_the_old_version_too_is_none(reads):
    assert found(design_with(schema(), schema("locale"), reads=reads)) == []


def test_versions_that_fit_as_they_stand_are_none():
    assert found(design_with(schema(), schema(note=TEXT))) == []


def test_the_newest_version_that_cannot_be_read_is_told_once():
    design = design_with(schema(), schema("locale"), schema("locale", "plan"))
    (message,) = found(design)
    assert message.startswith("UserSignedUp v2 can't be read")
    assert "(events/UserSignedUp/3.upcaster.yaml), or let it read v2 too" in message
    design.upcaster("UserSignedUp", 2, {"plan": "'free'"})
    (message,) = found(design)
    assert message.startswith("UserSignedUp v1 can't be read by verification/send, which reads v3")
    assert "(events/UserSignedUp/2.upcaster.yaml), or let it read v1 too" in message
    design.upcaster("UserSignedUp", 1, {"locale": "'en'"})
    assert found(design) == []


def test_what_stands_between_two_versions_that_are_read_is_told():
    design = design_with(schema("a"), schema("b"), schema("c"), reads=[1, 3])
    (message,) = found(design)
    assert message.startswith("UserSignedUp v2 can't be read by verification/send, which reads v1 ")
    assert "which reads v1 and v3: " in message


def test_an_upcaster_that_fails_is_told_by_its_own_rule_alone():
    design = design_with(schema(), schema("locale"))
    design.upcaster("UserSignedUp", 1, {"locale": "1.0"})
    assert found(design) == []
    assert "upcaster-fails" in [p.rule for p in design.lint()]


def test_a_draft_that_old_events_will_not_fit_wants_the_upcaster_of_the_draft():
    design = design_with(schema())
    design.event(EventType("UserSignedUp", schema("locale"), 2))
    (message,) = found(design)
    assert "(events/UserSignedUp/draft.upcaster.yaml)" in message


def test_the_version_of_a_draft_that_is_gone_is_passed_over():
    design = design_with(schema(), schema("locale"))
    reactions = design.services["verification"].reactions
    reactions["send"] = replace(reactions["send"], reads=(7,))
    assert found(design) == []
