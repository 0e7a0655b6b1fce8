"""Whatever a design looks like, it is checked: no crash, the same answer twice, every place known."""

from hypothesis import given
from hypothesis import strategies as st

from workbench.choreography import Choreography, Expression
from workbench.choreography.lint import RULES
from workbench.choreography.places import Places
from workbench.errors import DesignError
from workbench.events import EventType

Expression("true")  # compiles CEL, which is imported then, and not while a design is drawn

NAMES = ["OrderPlaced", "StockReserved", "PaymentDeclined", "SendEmail", "OutOfStock", "Paid"]
SERVICES = ["orders", "billing", "stock"]
FIELDS = ["id", "email", "total", "customer"]

fields = st.fixed_dictionaries(
    {"id": st.just({"type": "string"})},
    optional={name: st.sampled_from([{"type": "string"}, True, {}]) for name in FIELDS[1:]},
)
reactions = st.fixed_dictionaries(
    {
        "service": st.sampled_from(SERVICES),
        "whenever": st.sampled_from(NAMES),
        "effects": st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
        "python": st.booleans(),
        "value": st.sampled_from(
            ["data.id", "data.total", "'x'", "data.total + 1.0", "data.nope.x"]
        ),
    },
    optional={
        "guard": st.sampled_from(["data.id == 'x'", "data.nope > 1.0", "data.email", "1/0 == 1"]),
        "unless": st.sampled_from(NAMES),
        "failure_rate": st.just(0.5),
    },
)
undos = st.tuples(st.sampled_from(SERVICES), st.sampled_from(NAMES), st.sampled_from(NAMES))


@st.composite
def designs(draw):
    design = Choreography()
    for name in NAMES:
        schema = {"type": "object", "properties": draw(fields)}
        key = draw(st.sampled_from([None, *schema["properties"]]))
        design.event(EventType(name, schema, 1, key))
    for n, drawn in enumerate(draw(st.lists(reactions, max_size=8))):
        service, value = design.service(drawn.pop("service")), drawn.pop("value")
        whenever, effects = drawn.pop("whenever"), drawn.pop("effects")
        settings = {**drawn, "name": f"r{n}", **({"within": 60} if "unless" in drawn else {})}
        if settings.pop("python"):
            service.on(whenever, emits=effects, **settings)(lambda event: None)
        else:
            service.whenever(whenever, emit={e: {"id": value} for e in effects}, **settings)
    for service, failure, effect in draw(st.lists(undos, max_size=2)):
        steps = list(design.service(service).reactions)
        try:
            if steps:
                emit = {effect: {"id": "data.id"}}
                design.service(service).compensate(steps[0], when=failure, emit=emit)
        except DesignError:
            pass  # that step has a compensation already, or emits nothing
    return design


@given(design=designs())
def test_any_design_is_checked_and_each_finding_can_be_silenced(design):
    found = design.lint()
    assert found == design.lint()
    assert {p.rule for p in found} <= {*RULES}
    for problem in found:
        assert problem.message.endswith((".", "?"))
        assert "\n" not in problem.message
        assert Places(design).of(problem.subject) is not None
        design.silence(problem.rule, problem.subject, "it is a test")
    assert design.lint() == []
    assert {(p.rule, p.subject) for p in design.lint(silenced=True)} == {*design.silenced}


@given(design=designs())
def test_what_is_found_on_disk_has_a_file_and_a_line(design, tmp_path_factory):
    for problem in list(design.lint())[::2]:
        design.silence(problem.rule, problem.subject, "it is a test")
    again = Choreography.load(design.save(tmp_path_factory.mktemp("design")))
    assert again.silenced == design.silenced
    assert all(p.file and p.line for p in again.lint(silenced=True))
