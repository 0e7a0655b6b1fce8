"""Several versions of an event type on one channel, and services that read different ones."""

from decimal import Decimal

import pytest

from workbench import Workbench
from workbench.brokers import MemoryBroker
from workbench.choreography import Choreography
from workbench.errors import DesignError, EventError
from workbench.events import Envelope, Event, EventType
from workbench.services import RetryPolicy, service_spec


class Placed(Event, version=1, key="id"):
    id: str
    total: Decimal
    first: str = "Ada"


PlacedV1 = Placed


class Placed(Event, version=2, key="id"):
    id: str
    total: Decimal
    first: str = "Ada"
    currency: str = "EUR"


PlacedV2 = Placed


class Placed(Event, version=3, key="id"):
    id: str
    amount: Decimal
    currency: str
    name: str
    gift: bool = False


PlacedV3 = Placed


class Noted(Event, version=1, key="id"):
    id: str
    text: str


NotedV1 = Noted


class Noted(Event, version=2, key="id"):
    id: str
    text: str
    lang: str


NotedV2 = Noted

pytestmark = pytest.mark.memory
EXACT = "12345678901234567890.01"


@pytest.fixture
def design():
    """Three versions of Placed (the last a draft), two of Noted; from v1 to v2 as it stands."""
    design = Choreography()
    for version in (PlacedV1, PlacedV2, NotedV1):
        kind = design.event(version)
        design.released.setdefault(kind.name, {})[kind.version] = kind
    design.event(PlacedV3)
    design.event(NotedV2)
    design.upcaster("Placed", 2, {"amount": "data.total", "name": "'Dr. ' + data.first"})
    return design


def listener(design, *, name="audit", **settings):
    """A service that notes what it is given, as it is given."""

    @design.service(name).on("Placed", emits=[], **settings)
    def note(event: dict, ctx):
        key = event.id if isinstance(event, Event) else event["id"]
        ctx.state[key] = dict(event)

    return name


def outcome(here, service="audit"):
    return here.state(service), [letter.error_message for letter in here.letters(service)]


ANY = {"id": "a", "total": EXACT}
READ_AS_V1 = {**ANY, "first": "Ada"}
READ_AS_V2 = {**ANY, "first": "Ada", "currency": "EUR"}
READ_AS_V3 = {"id": "a", "amount": EXACT, "currency": "EUR", "name": "Dr. Ada", "gift": False}


def old(version=PlacedV1, payload=ANY, here=None, **settings):
    settings = {"source": "shop", "time": here.clock.now()} | settings
    return Envelope.first(version.event_type, payload, **settings)


@pytest.mark.parametrize(
    ("reads", "expected"),
    [
        ((), READ_AS_V3),
        ((3,), READ_AS_V3),
        ((1,), READ_AS_V1),
        ((1, 3), READ_AS_V1),
        ((2,), READ_AS_V2),
        ((2, 3), READ_AS_V3),
    ],
)
def test_an_old_event_is_read_in_the_newest_version_that_a_reaction_reads(
    design, stage, reads, expected
):
    listener(design, reads=reads)
    here = stage(design).start()
    here.put(old(here=here))
    assert outcome(here.run()) == ({"a": expected}, [])


def test_versions_travel_on_one_channel_in_order_and_each_names_itself(design, stage):
    listener(design)
    here = stage(design).start()
    here.publish(PlacedV1(id="a", total=1), PlacedV2(id="a", total=2), PlacedV1(id="b", total=3))
    new = PlacedV3(id="a", amount=4, currency="USD", name="Ada", gift=True)
    here.publish(new).run()
    assert [event.dataschema[-1] for event in here.events("Placed") if event.subject == "a"] == [
        "1", "2", "3"
    ]  # fmt: skip
    state, letters = outcome(here)
    assert letters == []
    assert state["a"] == {"id": "a", "amount": "4", "currency": "USD", "name": "Ada", "gift": True}
    assert state["b"]["amount"] == "3"


def test_a_guard_and_a_mapping_see_the_version_that_is_read(design, stage):
    noted = {"id": "data.id", "text": "data.name + ' ' + data.currency", "lang": "'en'"}
    design.service("new").whenever("Placed", guard="data.amount > 1.0", emit={"Noted": noted})
    here = stage(design).start()
    here.publish(PlacedV1(id="a", total=1), PlacedV1(id="b", total=2)).run()
    assert [event.payload()["text"] for event in here.events("new")] == ["Dr. Ada EUR"]


def test_reactions_of_one_service_may_read_different_versions(design, stage):
    for reads in (1, 2, 3):
        text = "string(data.total)" if reads < 3 else "string(data.amount)"
        design.service("s").whenever(
            "Placed",
            reads=[reads],
            name=f"v{reads}",
            emit={"Noted": {"id": f"'{reads}'", "text": text, "lang": "'en'"}},
        )
    here = stage(design).start()
    here.publish(PlacedV1(id="a", total=5)).run()
    assert sorted((e.payload()["id"], e.payload()["text"]) for e in here.events("s")) == [
        ("1", "5"), ("2", "5"), ("3", "5")
    ]  # fmt: skip


def test_a_typed_handler_reads_the_version_of_its_class(design, stage):
    seen = []

    @design.service("old").on()
    def old_fashioned(event: PlacedV1) -> None:
        seen.append(event)

    @design.service("new").on()
    def modern(event: PlacedV3) -> None:
        seen.append(event)

    assert design.event_types["Placed"].version == 3
    here = stage(design).start()
    here.put(old(here=here))
    here.run()
    assert seen == [
        PlacedV1(id="a", total=Decimal(EXACT)),
        PlacedV3(id="a", amount=Decimal(EXACT), currency="EUR", name="Dr. Ada"),
    ]


def test_the_handlers_context_has_the_event_as_it_travelled(design, stage):
    seen = []

    @design.service("audit").on("Placed", emits=[])
    def look(event: dict, ctx):
        seen.append((ctx.envelope.dataschema, ctx.envelope.payload(), sorted(event)))

    here = stage(design).start()
    here.put(old(here=here))
    here.run()
    assert seen == [("urn:event:Placed:1", ANY, sorted(READ_AS_V3))]


# --- what can't be read ----------------------------------------------------------------------


def test_a_version_that_nothing_leads_from_is_a_dead_letter_that_says_what_to_do(design, stage):
    del design.upcasters["Placed"][2]
    listener(design)
    here = stage(design).start()
    here.put(old(here=here))
    here.publish(PlacedV3(id="b", amount=1, currency="EUR", name="x")).run()
    state, (letter,) = outcome(here)
    assert list(state) == ["b"]
    assert letter.startswith(
        "this is Placed v1, and only v3 is read here (Placed v1 as it stands is"
    )
    assert letter.endswith(": write an upcaster from v1 to v2, or let the reaction read v1 too.")


def test_only_the_reaction_that_can_not_read_it_gives_up(design, stage):
    del design.upcasters["Placed"][2]
    listener(design, reads=[1, 2])
    design.service("audit").whenever("Placed", emit={}, name="modern")
    here = stage(design).start()
    here.put(old(here=here))
    here.run()
    assert here.state("audit") == {"a": ANY | {"first": "Ada"}}
    (letter,) = here.letters("audit")
    assert letter.reaction == "modern"
    here.rewind("audit")
    here.runner.stop("audit")
    here.start("audit").run()
    assert len(here.letters("audit")) == 1


def test_an_event_that_is_none_of_its_own_version_is_poison_once_for_all_reactions(design, stage):
    listener(design, reads=[1])
    design.service("audit").whenever("Placed", emit={}, name="modern")
    here = stage(design).start()
    here.raw("Placed", b"a", headers("urn:event:Placed:1"), b'{"id": "a"}')
    state, letters = outcome(here.run())
    assert state == {}
    assert letters == ['Placed v1: the payload: "total" is a required property.']
    assert here.letters("audit")[0].reaction == ""


def headers(dataschema):
    found = [
        ("ce_specversion", b"1.0"),
        ("ce_id", b"1"),
        ("ce_source", b"shop"),
        ("ce_type", b"Placed"),
        ("content-type", b"application/json"),
    ]
    return found if dataschema is None else [*found, ("ce_dataschema", dataschema.encode())]


NEW = b'{"id": "a", "amount": "1", "currency": "EUR", "name": "Ada", "more": 1}'


@pytest.mark.parametrize("dataschema", [None, "urn:event:Placed:9", "https://example.com/schema"])
def test_what_names_no_version_that_is_known_is_read_as_the_one_in_use(design, stage, dataschema):
    listener(design)
    here = stage(design).start()
    here.raw("Placed", b"a", headers(dataschema), NEW)
    state, letters = outcome(here.run())
    assert letters == []
    assert state["a"] == {
        "id": "a", "amount": "1", "currency": "EUR", "name": "Ada", "more": 1, "gift": False
    }  # fmt: skip


def test_a_newer_version_that_can_not_be_read_says_that_it_is_newer(design, stage):
    listener(design)
    here = stage(design).start()
    here.raw("Placed", b"a", headers("urn:event:Placed:9"), b'{"id": "a"}')
    state, (letter,) = outcome(here.run())
    assert state == {}
    assert letter.startswith(
        "Placed v9 is newer than what is known here (v3), and can't be read as v3"
    )
    assert letter.endswith("start the service anew with the newer design, then redrive this.")


def test_a_reader_of_an_older_version_reads_a_newer_one_as_it_stands(design, stage):
    listener(design, reads=[1])
    here = stage(design).start()
    here.publish(PlacedV2(id="a", total=1, currency="USD"))
    here.publish(PlacedV3(id="b", amount=1, currency="USD", name="x")).run()
    state, (letter,) = outcome(here)
    assert state["a"] == {"id": "a", "total": "1", "first": "Ada", "currency": "USD"}
    assert letter.startswith(
        "this is Placed v3, and only v1 is read here (Placed v3 as it stands is"
    )
    assert letter.endswith("let the reaction read v3 too.")


def test_an_absence_is_over_when_an_old_event_comes_that_no_one_reads(design, stage):
    del design.upcasters["Placed"][2]
    design.service("clerk").whenever(
        "Noted", unless="Placed", within="1h", emit={"Noted": {"id": "'late'", "text": "''", "lang": "''"}}
    )  # fmt: skip
    here = stage(design).start()
    here.publish(NotedV2(id="a", text="", lang=""), correlationid="f")
    here.put(old(here=here, correlationid="f"))
    here.run()
    assert here.letters("clerk") == []
    assert [event.payload()["id"] for event in here.events("clerk")] == ["a"]


# --- writing ---------------------------------------------------------------------------------


def test_an_effect_is_written_in_the_version_that_is_pinned(design, stage):
    design.service("s").whenever(
        "Placed", emit={"Noted": {"id": "data.id", "text": "'t'"}}, writes={"Noted": 1}
    )

    @design.service("t").on("Placed", emits=["Noted"], writes={"Noted": 1})
    def note(event: dict):
        return "Noted", {"id": event["id"], "text": "t"}

    here = stage(design).start()
    here.put(old(here=here))
    here.run()
    for service in ("s", "t"):
        (effect,) = here.events(service)
        assert (effect.dataschema, effect.payload()) == (
            "urn:event:Noted:1",
            {"id": "a", "text": "t"},
        )


def test_an_event_is_written_in_the_version_of_its_class(design, stage):
    @design.service("s").on("Placed")
    def note(event: dict) -> list[NotedV1 | NotedV2]:
        return [NotedV1(id="1", text="t"), NotedV2(id="2", text="t", lang="en")]

    assert design.event_types["Noted"].version == 2
    here = stage(design).start()
    here.put(old(here=here))
    here.run()
    assert {e.payload()["id"]: e.dataschema[-1] for e in here.events("s")} == {"1": "1", "2": "2"}


def test_an_effect_that_is_not_of_the_pinned_version_is_a_dead_letter(design, stage):
    @design.service("t").on("Placed", emits=["Noted"], writes={"Noted": 1})
    def note(event: dict):
        return "Noted", {"id": event["id"]}

    here = stage(design, retry=RetryPolicy(attempts=1, later=())).start()
    here.put(old(here=here))
    assert 'Noted v1: the payload: "text" is a required' in outcome(here.run(), "t")[1][0]


def test_a_version_that_is_gone_is_said_before_a_service_starts(design, tmp_path):
    listener(design, reads=[3])
    del design.event_types["Placed"]
    design.event_types["Placed"] = design.released["Placed"][2]
    with pytest.raises(DesignError, match=r"there is no Placed v3 \(there is: v1, v2\)"):
        service_spec(design, "audit", namespace="", folder=tmp_path, retry=RetryPolicy())


# --- compensations ---------------------------------------------------------------------------


def test_a_compensation_reads_the_event_as_its_step_did(design, stage):
    seen = []
    pay = {"Noted": {"id": "data.id", "text": "'paid'", "lang": "'en'"}}
    design.event(EventType("Failed", {"properties": {"id": {}}}, 1, "id"))
    design.event(EventType("Refunded", {"properties": {"id": {}}}, 1, "id"))
    design.service("billing").whenever("Placed", emit=pay, name="charge", reads=[2])

    @design.service("billing").compensates("charge", when=["Failed"], emits=["Refunded"])
    def refund(event: dict):
        seen.append(event)
        return "Refunded", {"id": event["id"]}

    design.service("shipping").whenever("Noted", emit={"Failed": {"id": "data.id"}})
    here = stage(design).start()
    here.put(old(here=here))
    here.run()
    assert seen == [READ_AS_V2]
    assert [event.type for event in here.events("billing")] == ["Noted", "Refunded"]


# --- publishing ------------------------------------------------------------------------------


@pytest.fixture
def wb(design, tmp_path):
    quick = RetryPolicy(attempts=1, later=())
    with Workbench(
        design, broker=MemoryBroker(), retry=quick, folder=tmp_path, say=lambda _: None
    ) as wb:
        yield wb


def test_any_version_can_be_published_by_hand(wb):
    wb.publish(PlacedV1(id="a", total=Decimal(EXACT)))
    wb.publish("Placed", {"id": "b", "total": "1"}, version=2)
    wb.publish("Placed", {"id": "c", "amount": "1", "currency": "EUR", "name": "x"})
    wb.publish_many([("Placed", {"id": "d", "total": "1"})], version=1)
    assert wb.choreography.event_types["Placed"].version == 3
    frame = wb.capture(progress=False).frame
    assert [text[-1] for text in frame.sort_values("key")["dataschema"]] == ["1", "2", "3", "1"]
    with pytest.raises(EventError, match='Placed v2: the payload: "total" is a required'):
        wb.publish("Placed", {"id": "b"}, version=2)
    with pytest.raises(DesignError, match=r"there is no Placed v8 \(there is: v1, v2, v3\)"):
        wb.publish("Placed", {}, version=8)


@pytest.mark.parametrize("version", [1, 3])
def test_a_dead_letter_may_be_mended_in_its_own_version_or_in_the_one_in_use(wb, version):
    wb.service("shy").on("Placed", emits=[], reads=[version])(shy)
    wb.start()
    given = {1: {"id": "a", "total": "0"}, 3: {"id": "a", "total": "0"}}
    mended = {1: {"id": "a", "total": "2"}, 3: {**READ_AS_V3, "amount": "2"}}
    wb.publish("Placed", given[version], version=1)
    wb.wait_until_idle()
    letters = wb.dead_letters()
    letters.edit_and_redrive(letters.index[0], mended[version])
    wb.wait_until_idle()
    assert wb.state("shy") == {"a": f"urn:event:Placed:{version}"}


def shy(event: dict, ctx):
    if "0" in (event.get("total"), event.get("amount")):
        raise ValueError("nothing to pay")
    ctx.state[event["id"]] = ctx.envelope.dataschema


# --- on a real Kafka -------------------------------------------------------------------------


@pytest.mark.kafka
def test_versions_and_upcasters_travel_to_real_processes(design, on_kafka):
    noted = {"id": "data.id", "text": "data.name + ' ' + data.currency"}
    design.service("new").whenever("Placed", emit={"Noted": noted}, writes={"Noted": 1})
    design.service("shy").on("Placed", emits=[], reads=[2])(shy)
    wb = on_kafka(design, retry=RetryPolicy(attempts=1, later=()))
    wb.start()
    wb.publish_many([
        PlacedV1(id="a", total=Decimal(1)),
        PlacedV2(id="b", total=Decimal(2), currency="USD"),
        PlacedV3(id="c", amount=Decimal(3), currency="CHF", name="Eve"),
    ])  # fmt: skip
    wb.wait_until_idle()
    log = wb.capture(progress=False)
    frame = log.frame[log.frame["type"] == "Noted"]
    assert {data["id"]: data["text"] for data in frame["data"]} == {
        "a": "Dr. Ada EUR", "b": "Dr. Ada USD", "c": "Eve CHF"
    }  # fmt: skip
    assert set(frame["dataschema"]) == {"urn:event:Noted:1"}
    assert wb.state("shy") == {"a": "urn:event:Placed:1", "b": "urn:event:Placed:2"}
    (letter,) = wb.dead_letters()["error_message"]
    assert letter.startswith("this is Placed v3, and only v2 is read here")
    new = log.upcast(wb.choreography).frame
    amounts = [data["amount"] for data in new.loc[new["type"] == "Placed", "data"]]
    assert sorted(amounts) == ["1", "2", "3", "3"]  # the dead letter is a copy
