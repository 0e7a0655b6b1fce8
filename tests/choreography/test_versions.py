"""Versions of an event type: released under a check, frozen on disk, read and written by number."""

import json

import pytest

from workbench import Choreography, Event
from workbench.choreography import Evolution, Reaction, evolution
from workbench.errors import DesignError, IncompatibleError
from workbench.events import EventType
from workbench.events.compatibility import MODES, check_compatibility

ID = {"id": {"type": "string"}}
V1 = EventType("Placed", {"type": "object", "properties": ID, "required": ["id"]}, 1, "id")
V2 = EventType(
    "Placed",
    {
        "type": "object",
        "properties": {**ID, "currency": {"type": "string", "default": "EUR"}},
        "required": ["id"],
    },
    2,
    "id",
)
BROKEN = EventType("Placed", {"type": "object", "properties": {"id": {"type": "integer"}}}, 2, "id")


@pytest.fixture
def design():
    design = Choreography()
    design.event(V1)
    design.release("Placed")
    return design


@pytest.fixture
def asked(monkeypatch):
    """What the check was asked."""
    found = []

    def check(old, new, **settings):
        found.append((old, new, settings))
        return check_compatibility(old, new, **settings)

    monkeypatch.setattr(evolution, "check_compatibility", check)
    return found


# --- releasing -------------------------------------------------------------------------------


def test_the_first_version_is_released_with_nothing_to_check_it_against(design, asked):
    assert not design.is_draft("Placed")
    assert design.released == {"Placed": {1: V1}}
    assert asked == []


def test_a_draft_becomes_the_next_version_if_it_gets_along_with_the_last(design, asked):
    design.event(V2)
    assert design.release("Placed") is V2
    assert list(design.released["Placed"]) == [1, 2]
    assert asked == [([V1.schema], V2.schema, {"mode": "BACKWARD", "policy": "lenient"})]


def test_the_first_optional_field_is_refused_where_the_design_says_strict(design):
    design.event(V2)
    design.policy = "strict"
    expected = (
        r"Placed v2 is not released, for it is not BACKWARD compatible with v1 \(policy strict\): "
    )
    with pytest.raises(IncompatibleError, match=expected):
        design.release("Placed")
    design.policy = "lenient"
    assert design.release("Placed") is V2


def test_the_mode_decides_what_breaks(design):
    design.event(V2)
    design.release("Placed")
    later = {**V2.schema, "required": ["id", "currency"]}
    later["properties"] = {**ID, "currency": {"type": "string"}}
    design.event(EventType("Placed", later, 3, "id"))
    for mode in ("BACKWARD", "BACKWARD_TRANSITIVE", "FULL"):
        design.evolve("Placed", mode=mode)
        with pytest.raises(IncompatibleError, match=f"it is not {mode} compatible with"):
            design.release("Placed")
    design.evolve("Placed", mode="FORWARD")
    assert design.release("Placed").version == 3


def test_what_passes_backward_may_fail_backward_transitive():
    design = Choreography()
    mail = {"type": "string"}
    required = {"type": "object", "required": ["mail"], "additionalProperties": False}
    first = {"type": "object", "properties": {}, "additionalProperties": False}
    for version, schema in enumerate(
        (
            first,
            {**required, "properties": {"mail": {**mail, "default": "none"}}},
            {**required, "properties": {"mail": mail}},
        ),
        1,
    ):
        design.event(EventType("Joined", schema, version))
        if version == 3:
            design.evolve("Joined", mode="BACKWARD_TRANSITIVE")
            with pytest.raises(IncompatibleError, match="compatible with v1, v2"):
                design.release("Joined")
            design.evolve("Joined", mode="BACKWARD")
        design.release("Joined")


def test_a_refusal_says_what_breaks_under_which_mode_and_policy_and_changes_nothing(design, asked):
    design.event(BROKEN)
    before = design._parts()
    with pytest.raises(IncompatibleError) as refused:
        design.release("Placed")
    said = str(refused.value)
    assert said.startswith(
        "Placed v2 is not released, for it is not BACKWARD compatible with v1 (policy lenient): "
    )
    breaking = [c.sentence.rstrip(".") for c in refused.value.result.changes if c.breaks]
    assert breaking
    assert "; ".join(breaking) in said
    assert said.endswith(
        ". Mend the draft; or give new readers an upcaster and release it with force=True and a reason."
    )
    assert not refused.value.result.compatible
    assert design._parts() == before
    assert design.is_draft("Placed")


def test_a_transitive_mode_is_checked_against_every_earlier_version(design, asked):
    design.event(V2)
    design.release("Placed")
    design.event(EventType("Placed", BROKEN.schema, 3, "id"))
    design.evolve("Placed", mode="FULL_TRANSITIVE", policy="strict")
    expected = r"Placed v3 is not released, for it is not FULL_TRANSITIVE compatible with v1, v2 \(policy strict\)"
    with pytest.raises(IncompatibleError, match=expected):
        design.release("Placed")
    assert asked[-1][0] == [V1.schema, V2.schema]
    assert asked[-1][1] == BROKEN.schema
    assert asked[-1][2]["mode"] == "FULL_TRANSITIVE"


def test_mode_none_checks_nothing(design, asked):
    design.event(BROKEN)
    design.evolve("Placed", mode="NONE")
    assert design.release("Placed") is BROKEN
    assert asked == []


def test_force_needs_a_reason_and_the_reason_is_kept(design, asked, tmp_path):
    design.event(BROKEN)
    for reason in (None, "", "  "):
        with pytest.raises(
            DesignError, match=r"Placed v2: a forced release needs a reason, which is kept"
        ):
            design.release("Placed", force=True, reason=reason)
    with pytest.raises(DesignError, match=r"Placed v2: a reason goes with force=True\."):
        design.release("Placed", reason="because")
    assert design.is_draft("Placed")
    design.release("Placed", force=True, reason="nobody reads it yet ")
    assert design.evolution_of("Placed").forced == {2: "nobody reads it yet"}
    design.save(tmp_path)
    assert Choreography.load(tmp_path).evolution_of("Placed").forced == {2: "nobody reads it yet"}


def test_what_gets_along_is_not_forced(design, asked):
    design.event(V2)
    design.release("Placed", force=True, reason="just in case")
    assert design.evolution_of("Placed").forced == {}


def test_releasing_what_is_released_already_says_so(design):
    with pytest.raises(
        DesignError, match=r"^Placed v1 is released already, and there is no draft of v2"
    ):
        design.release("Placed")
    with pytest.raises(DesignError, match="there is no event type 'Nope'"):
        design.release("Nope")


# --- older versions --------------------------------------------------------------------------


def test_an_older_version_is_known_and_does_not_become_the_one_in_use(design):
    design.event(V2)
    assert design.event(V1) is V1
    assert design.event_types["Placed"] is V2
    assert design.event_type("Placed") is V2
    assert design.event_type("Placed", 1) is V1
    with pytest.raises(DesignError, match=r"there is no Placed v3 \(there is: v1, v2\)\."):
        design.event_type("Placed", 3)


def test_versions_that_there_are_not_are_refused(design):
    service = design.service("audit")
    with pytest.raises(DesignError, match=r"there is no Placed v7 \(there is: v1\)"):
        service.whenever("Placed", emit={}, reads=[1, 7])
    with pytest.raises(DesignError, match=r"there is no Placed v2"):
        service.whenever("Placed", emit={"Placed": {}}, writes={"Placed": 2})
    with pytest.raises(
        DesignError, match=r"audit/on_Placed says in which version it writes Other, but emits"
    ):
        service.whenever("Placed", emit={"Placed": {}}, writes={"Other": 1})
    with pytest.raises(DesignError, match=r"there is no Placed v4"):
        design.evolve("Placed", deprecated=[4])
    assert service.reactions == {}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {"mode": "SIDEWAYS"},
            "there is no compatibility mode 'SIDEWAYS'; it is one of NONE, BACKW",
        ),
        ({"policy": "mild"}, "there is no policy 'mild'; it is lenient or strict"),
        ({"forced": {2: " "}}, "v2 was forced: say why"),
    ],
)
def test_an_evolution_that_is_none_is_refused(settings, expected):
    with pytest.raises(DesignError, match=expected):
        Evolution(**settings)


# --- on disk ---------------------------------------------------------------------------------


def rich_design(design):
    design.event(V2)
    design.released["Placed"][2] = V2
    design.event(EventType("Placed", {**V2.schema, "title": "draft"}, 3, "id"))
    design.evolve("Placed", mode="FULL", policy="strict", deprecated=[1])
    design.service("audit").whenever(
        "Placed", emit={"Placed": {"id": "data.id"}}, reads=[1, 2], writes={"Placed": 1}
    )

    @design.service("ship").on("Placed", reads=[2, 3], emits=["Placed"], writes={"Placed": 2})
    def ship(event: dict):
        """Read both."""

    return design


def test_what_is_said_of_versions_is_the_same_after_a_round_trip(design, tmp_path):
    rich_design(design).save(tmp_path)
    again = Choreography.load(tmp_path)
    assert again == design
    assert again.evolution == {"Placed": Evolution("FULL", "strict", frozenset({1}))}
    assert again.services["audit"].reactions["on_Placed"].reads == (1, 2)
    assert again.services["ship"].reactions["ship"].writes == {"Placed": 2}
    text = (tmp_path / "choreography.yaml").read_text()
    for line in (
        "compatibility: FULL\n", "policy: strict\n", "deprecated: [1]\n", "reads: [1, 2]\n",
    ):  # fmt: skip
        assert line in text


def test_only_what_differs_from_the_usual_is_written(design, tmp_path):
    design.save(tmp_path)
    text = (tmp_path / "choreography.yaml").read_text()
    for word in ("policy", "compatibility", "deprecated", "forced", "reads", "writes"):
        assert word not in text


def test_the_policy_of_the_design_is_that_of_its_event_types(design, tmp_path):
    design.policy = "strict"
    assert design.evolution_of("Placed") == Evolution(policy="strict")
    design.save(tmp_path)
    assert (tmp_path / "choreography.yaml").read_text().startswith("policy: strict\n")
    assert Choreography.load(tmp_path) == design
    design.evolve("Placed", policy="lenient")
    design.save(tmp_path)
    again = Choreography.load(tmp_path)
    assert (again.policy, again.evolution_of("Placed").policy) == ("strict", "lenient")


def test_a_handler_takes_over_the_versions_that_the_file_says(design, tmp_path):
    rich_design(design).save(tmp_path)
    again = Choreography.load(tmp_path)

    @again.service("ship").on("Placed", emits=["Placed"])
    def ship(event: dict):
        """Bound."""

    bound = again.services["ship"].reactions["ship"]
    assert (bound.reads, bound.writes) == ((2, 3), {"Placed": 2})


@pytest.mark.parametrize(
    ("text", "line", "field", "expected"),
    [
        ("policy: mild", 1, "policy", "there is no policy 'mild'; it is lenient or strict"),
        ("policy: [x]", 1, "policy", "policy must be a text"),
        ("events:\n  Placed:\n    compatibility: SOME", 3, "compatibility", "no compatibility mode 'SOME'"),
        ("events:\n  Placed:\n    policy: 3", 3, "policy", "must be a text"),
        ("events:\n  Placed:\n    deprecated: 1", 3, "deprecated", "must be a list"),
        ("events:\n  Placed:\n    deprecated: [1, 9]", 3, "deprecated[1]", r"no Placed v9 .there is: v1, v2"),
        ("events:\n  Placed:\n    deprecated: [true]", 3, "deprecated[0]", "must be a whole number"),
        ("events:\n  Placed:\n    forced: {x: why}", 3, "forced", "'x' is not a version"),
        ("events:\n  Placed:\n    forced:\n      9: why", 4, "forced.9", "there is no Placed v9"),
        ("events:\n  Placed:\n    forced:\n      2: ''", 4, "forced", "v2 was forced: say why"),
        ("events:\n  Placed:\n    keys: {7: id}", 3, "keys.7", "v7 is not a released version"),
        ("events:\n  Placed:\n    keys: {1: nope}", 3, "keys.1", "the key field 'nope' is not a field"),
        ("events:\n  Placed:\n    forced: why", 3, "forced", "must be a mapping of versions to values"),
    ],
)  # fmt: skip
def test_a_broken_word_on_versions_is_said_with_its_place(tmp_path, text, line, field, expected):
    save_two(tmp_path)
    (tmp_path / "choreography.yaml").write_text(text)
    with pytest.raises(DesignError, match=expected) as raised:
        Choreography.load(tmp_path)
    assert raised.value.file == str(tmp_path / "choreography.yaml")
    assert raised.value.line == line
    assert raised.value.field == (field if text.startswith("policy") else f"events.Placed.{field}")


def save_with_keys(folder, *, draft):
    """Placed v1 has a transaction_id and an amount; v2, or the draft of it, a payment_id."""
    home = folder / "events" / "Placed"
    home.mkdir(parents=True)
    for file, fields in (
        ("1", ("transaction_id", "amount")),
        ("draft" if draft else "2", ("payment_id",)),
    ):
        schema = {"type": "object", "properties": {name: {"type": "string"} for name in fields}}
        (home / f"{file}.json").write_text(json.dumps(schema))


@pytest.mark.parametrize("draft", [False, True])
def test_an_older_version_without_the_key_field_is_told_how_to_say_its_own(tmp_path, draft):
    save_with_keys(tmp_path, draft=draft)
    file = tmp_path / "choreography.yaml"
    file.write_text("events:\n  Placed:\n    key: payment_id\n")
    expected = (
        r"Placed v1: the key field 'payment_id' is not a field of the event \(its fields: transaction_id, "
        r"amount\); a version that goes by another field says so: "
        r"keys: \{1: transaction_id\}[.]$"
    )
    with pytest.raises(DesignError, match=expected) as raised:
        Choreography.load(tmp_path)
    assert (raised.value.line, raised.value.field) == (3, "events.Placed.key")
    file.write_text(file.read_text() + "    keys: {1: transaction_id}\n")
    assert Choreography.load(tmp_path).versions("Placed").known[1].key == "transaction_id"


@pytest.mark.parametrize("said", ["key: payment_idd", "key: payment_id\n    keys: {1: payment_id}"])
def test_a_key_that_is_only_misspelt_is_told_without_that(tmp_path, said):
    save_with_keys(tmp_path, draft=False)
    (tmp_path / "choreography.yaml").write_text(f"events:\n  Placed:\n    {said}\n")
    with pytest.raises(
        DesignError, match=r"Placed v1: .* \(its fields: transaction_id, amount\)[.]$"
    ):
        Choreography.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "line", "field", "expected"),
    [
        ("      emit: {}\n      reads: 1", 5, "reads", "must be a list"),
        ("      emit: {}\n      reads: [1, 3]", 5, "reads[1]", r"there is no Placed v3 .there is: v1, v2"),
        ("      emit: {}\n      reads: [one]", 5, "reads[0]", "must be a whole number"),
        ("      emit: {}\n      writes: {Placed: 1}", 5, "writes.Placed", "this reaction emits no 'Placed'"),
        ("      emit: {Placed: {}}\n      writes: {Placed: 5}", 5, "writes.Placed", "there is no Placed v5"),
        ("      emit: {Placed: {currency: 'null'}}\n      writes: {Placed: 1}", 4, "emit.Placed.currency",
         "Placed has no field 'currency' .it has: id"),
        ("      handler: python\n      writes: {Nope: 1}", 5, "writes.Nope", "this reaction emits no 'Nope'"),
    ],
)  # fmt: skip
def test_a_reaction_to_versions_that_there_are_not_is_said_with_its_place(
    tmp_path, text, line, field, expected
):
    save_two(tmp_path)
    reaction = "services:\n  audit:\n    - whenever: Placed\n" + text
    (tmp_path / "choreography.yaml").write_text(reaction)
    with pytest.raises(DesignError, match=expected) as raised:
        Choreography.load(tmp_path)
    assert (raised.value.line, raised.value.field) == (line, f"services.audit[0].{field}")


def test_a_version_keeps_its_key_field_whatever_that_of_the_next_is(design, tmp_path):
    design.event(EventType("Placed", {"properties": {"order": {}}}, 2, "order"))
    design.released["Placed"][2] = design.event_types["Placed"]
    design.event(EventType("Placed", {"properties": {"order": {}}}, 3))
    design.save(tmp_path)
    again = Choreography.load(tmp_path)
    assert again == design
    assert [again.event_type("Placed", n).key for n in (1, 2, 3)] == ["id", "order", None]


# --- a released version is frozen ------------------------------------------------------------


def save_two(folder):
    design = Choreography()
    design.event(V1)
    design.release("Placed")
    design.event(V2)
    design.released["Placed"][2] = V2
    design.save(folder)
    return design


def test_a_released_file_edited_by_hand_is_noticed_when_loading(tmp_path):
    save_two(tmp_path)
    file = tmp_path / "events" / "Placed" / "1.json"
    file.write_text(file.read_text().replace("string", "integer"))
    expected = (
        r"1\.json: Placed v1 is released and never changes, but this file is not what was released: "
        r"restore it \(from version control\), and make the change in draft\.json\.$"
    )
    with pytest.raises(DesignError, match=expected) as raised:
        Choreography.load(tmp_path)
    assert raised.value.file == str(file)


def test_a_released_file_may_be_formatted_anew(tmp_path):
    design = save_two(tmp_path)
    file = tmp_path / "events" / "Placed" / "1.json"
    schema = json.loads(file.read_text())
    file.write_text(json.dumps(dict(reversed(schema.items()))))
    assert Choreography.load(tmp_path) == design


def test_a_released_file_that_is_gone_is_noticed(tmp_path):
    save_two(tmp_path)
    (tmp_path / "events" / "Placed" / "1.json").unlink()
    with pytest.raises(
        DesignError, match=r"released\.lock: Placed v1 is released, but there is no 1\.json"
    ):
        Choreography.load(tmp_path)


def test_a_folder_without_sums_loads_and_has_them_after_the_next_save(tmp_path):
    design = save_two(tmp_path)
    lock = tmp_path / "events" / "Placed" / "released.lock"
    text = lock.read_text()
    lock.unlink()
    again = Choreography.load(tmp_path)
    assert again == design
    again.save(tmp_path)
    assert lock.read_text() == text
    assert text.splitlines()[0].startswith("1 sha256:")


@pytest.mark.parametrize(
    ("text", "line"),
    [("1 md5:00", 1), ("1 sha256:" + "0" * 63, 1), (f"1 sha256:{'0' * 64}\n" * 2, 2), ("\n???", 2)],
)
def test_a_broken_lock_is_said_with_its_line(tmp_path, text, line):
    save_two(tmp_path)
    lock = tmp_path / "events" / "Placed" / "released.lock"
    lock.write_text(text)
    with pytest.raises(
        DesignError, match="is not a released version and its sum, once each"
    ) as raised:
        Choreography.load(tmp_path)
    assert (raised.value.file, raised.value.line) == (str(lock), line)


def test_saving_over_another_version_of_the_same_number_is_refused_and_writes_nothing(tmp_path):
    save_two(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    other = Choreography()
    other.event(EventType("Placed", {"properties": ID}, 1, "id"))
    other.release("Placed")
    (tmp_path / "events" / "Placed" / "1.json").unlink()
    del before[tmp_path / "events" / "Placed" / "1.json"]
    with pytest.raises(DesignError, match=r"Placed v1 is released and never changes"):
        other.save(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_an_event_class_of_an_older_version_is_read_by_its_handler():
    design = Choreography()

    class Placed(Event, version=1):
        id: str

    old = Placed
    design.event(Placed)
    design.release("Placed")

    class Placed(Event, version=2):
        id: str
        note: str = ""

    design.event(Placed)

    @design.service("audit").on()
    def log(event: old) -> None:
        """Reads v1."""

    versions = design.versions("Placed")
    reaction = design.services["audit"].reactions["log"]
    assert design.event_types["Placed"].version == 2
    assert versions.read_by(reaction) == (1,)
    assert versions.read_by(Reaction("r", "Placed", reads=(1, 2))) == (1, 2)
    assert versions.read_by(Reaction("r", "Placed")) == (2,)


def test_a_transitive_mode_is_known_by_its_name():
    assert [mode for mode in MODES if Evolution(mode).is_transitive] == [
        "BACKWARD_TRANSITIVE", "FORWARD_TRANSITIVE", "FULL_TRANSITIVE"
    ]  # fmt: skip


def test_a_saved_design_says_which_version_a_typed_handler_reads(tmp_path):
    class OrderPlaced(Event, version=1, key="id"):
        id: str

    design = Choreography()

    @design.service("billing").on(OrderPlaced)
    def charge(event: OrderPlaced) -> None:
        assert event

    design.event(OrderPlaced)
    design.release("OrderPlaced")
    assert "reads" not in (design.save(tmp_path) / "choreography.yaml").read_text()
    schema = {**OrderPlaced.event_type.schema, "title": "newer"}
    design.event(EventType("OrderPlaced", schema, 2, "id"))
    assert "reads: [1]" in (design.save(tmp_path) / "choreography.yaml").read_text()
    [reaction] = Choreography.load(tmp_path).services["billing"].reactions.values()
    assert reaction.reads == (1,)
