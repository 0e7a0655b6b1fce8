"""A person at JupyterLab: publishes from the form, watches the monitor, reloads, breaks things."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from jupyterlab import SCREENSHOTS, JupyterLab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

DESIGN = """
from decimal import Decimal
from workbench import Event, Workbench

class OrderPlaced(Event, key="order_id"):
    order_id: str
    customer: str
    quantity: int
    total: Decimal

class StockReserved(Event, key="order_id"):
    order_id: str
    total: Decimal

class PaymentReceived(Event, key="order_id"):
    order_id: str
    amount: Decimal

wb = Workbench()

@wb.service("inventory").on()
def reserve(event: OrderPlaced) -> StockReserved:
    print("reserving for", event.order_id)
    if event.customer.startswith("<img"):
        raise ValueError(f"no such customer: {event.customer}")
    return StockReserved(order_id=event.order_id, total=event.total)

@wb.service("billing").on()
def charge(event: StockReserved) -> PaymentReceived:
    return PaymentReceived(order_id=event.order_id, amount=event.total)

wb.start()
"""
LIVELY = "<img src=x onerror=document.title='broken-into'>"


@pytest.fixture(scope="module")
def lab(chromium, tmp_path_factory):
    lab = JupyterLab(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.close()


class Lab:
    """What a person does with the page."""

    def __init__(self, page) -> None:
        self.page = page

    def run_all(self) -> None:
        self.page.wait_for_function("() => window.jupyterapp && window.jupyterapp.restored")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")
        # The page says "idle" before there is a kernel to run anything.
        self.page.wait_for_function(
            """() => {
                const context = window.jupyterapp.shell.currentWidget?.sessionContext;
                const kernel = context?.session?.kernel;
                return context?.isReady && kernel?.connectionStatus === 'connected'
                    && kernel.status === 'idle';
            }"""
        )
        self.page.locator(".jp-Notebook .jp-Cell .cm-content").first.click()
        self.page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")

    def cell(self, service: str, column: str):
        return self.page.locator(f"tr[data-key='{service}'] td[data-column='{column}']")

    def wait_for_cell(self, service: str, column: str, text: str) -> None:
        self.page.wait_for_function(
            """([service, column, text]) => {
                const found = document.querySelector(
                    `tr[data-key='${service}'] td[data-column='${column}']`);
                return found !== null && found.textContent.includes(text);
            }""",
            arg=[service, column, text],
        )

    def fill(self, n: int, text: str) -> None:
        field = self.page.locator(f".wb-field-{n} input")
        field.fill(text)
        field.press("Tab")

    def publish(self) -> None:
        self.page.locator(".wb-publish").click()

    def press(self, service: str, button: str) -> None:
        self.page.locator(f"tr[data-key='{service}'] button", has_text=button).click()

    def show(self, selector: str, name: str, block: str = "start") -> None:
        self.page.locator(selector).first.evaluate("(e, block) => e.scrollIntoView({block})", block)
        self.page.screenshot(path=str(SCREENSHOTS / f"{name}.png"))


def test_one_publishes_watches_reloads_kills_and_restarts(lab, page):
    lab.write_notebook("tour.ipynb", [DESIGN, "wb.publisher()", "wb.monitor()"])
    person = Lab(page)
    page.goto(lab.url("tour.ipynb"))
    person.run_all()

    # The form is filled in; what is published says where it landed.
    page.wait_for_selector(".wb-field-0 input")
    page.wait_for_selector(".wb-graph canvas")
    person.fill(0, "o-first")
    person.publish()
    # (The monitor's feed names it too, and may be first.)
    landed = page.locator("tr", has_text="✓ OrderPlaced").filter(has_text="o-first").first
    assert landed.locator("td[data-column='offset']").inner_text() == "0"
    assert page.locator(".wb-field-0 input").input_value() != "o-first"

    # What can't be is refused, beside its field.
    person.fill(2, "three")
    page.wait_for_selector("text='three' is not a whole number.")
    person.fill(2, "3")

    # The monitor's numbers change.
    person.wait_for_cell("inventory", "handled", "1")
    person.wait_for_cell("billing", "handled", "1")
    person.wait_for_cell("billing", "lag", "0")
    person.show(".wb-widget .wb-form", "test-publisher")

    # A reload shows the right numbers again.
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_function("() => !document.title.includes('*')")
    page.reload()
    page.wait_for_selector(".wb-graph canvas")
    person.wait_for_cell("billing", "handled", "1")
    page.wait_for_selector("tr[data-key^='billing['] >> text=PaymentReceived")

    # A service that is killed stays down and its lag grows; restarted, it catches up.
    person.press("billing", "Kill")
    person.wait_for_cell("billing", "state", "killed")
    page.wait_for_selector("text=billing was killed")
    person.publish()
    person.wait_for_cell("inventory", "handled", "2")
    person.wait_for_cell("billing", "lag", "1")
    person.show(".wb-graph", "test-monitor-killed")
    person.press("billing", "Restart")
    person.wait_for_cell("billing", "state", "running")
    person.wait_for_cell("billing", "handled", "2")
    person.wait_for_cell("billing", "lag", "0")

    # A dead letter shows, and nothing in it runs.
    person.fill(0, "o-bad")
    person.fill(1, LIVELY)
    person.publish()
    person.wait_for_cell("inventory", "errors", "1")
    page.wait_for_selector("text=reserving for o-bad")
    page.locator("tr[data-key^='inventory.dead-letters']").first.click()
    page.wait_for_selector(".wb-step.wb-chosen >> text=no such customer")
    assert "broken-into" not in page.title()
    assert page.locator(".wb-widget img").count() == 0
    person.show(".wb-graph", "test-monitor-dead-letter")
    person.show(".wb-step", "test-flow", "center")


def test_the_designer_makes_a_design_that_is_drawn_checked_and_saved(lab, page):
    cells = ["from workbench import Workbench\nwb = Workbench(broker='memory://')", "wb.designer()"]
    lab.write_notebook("design.ipynb", cells)
    person = Lab(page)
    page.goto(lab.url("design.ipynb", theme="dark"))
    person.run_all()
    page.wait_for_selector("text=Nothing designed yet")
    for name, fields in (("OrderPlaced", ["order_id", "total"]), ("OrderShipped", ["order_id"])):
        page.get_by_placeholder("OrderPlaced").fill(name)
        for n, field in enumerate(fields):
            if n:
                page.get_by_role("button", name="+ field").click()
            page.get_by_placeholder("order_id").nth(n).fill(field)
        page.get_by_label("Key field").select_option("order_id")
        page.locator(".wb-add-type").click()
        page.wait_for_selector(f"tr[data-key='{name}']")
    page.wait_for_selector(".wb-graph canvas")
    page.get_by_role("tab", name="Services").click()
    page.get_by_placeholder("inventory").fill("shipping")
    page.get_by_role("button", name="Add service").click()
    page.wait_for_selector("tr[data-key='shipping/']")
    page.get_by_role("tab", name="Reactions").click()
    page.get_by_placeholder("data.quantity").fill("data.totl > 1.0")
    page.wait_for_selector("text=OrderPlaced has no field 'totl'")
    page.get_by_placeholder("data.quantity").fill("data.order_id != ''")
    page.locator("select[multiple]").select_option(["OrderShipped"])
    page.wait_for_function(
        "() => [...document.querySelectorAll('textarea')].some("
        "(area) => area.value.includes('order_id = data.order_id'))"
    )
    person.show(".wb-add-reaction", "test-designer-reaction", "end")
    page.locator(".wb-add-reaction").click()
    page.wait_for_selector(
        "td >> text=whenever OrderPlaced, if data.order_id != '', then OrderShipped"
    )
    page.get_by_role("button", name="Save design").click()
    page.wait_for_selector("text=Saved to")
    saved = lab.folder / "designs" / "my-design" / "choreography.yaml"
    assert "OrderShipped" in saved.read_text("utf-8")
    page.get_by_role("button", name="Undo").click()
    page.wait_for_selector("td >> text=reacts to nothing yet")
    person.show(".wb-legend", "test-designer")


MERMAID = """
from workbench.choreography import Choreography
from workbench.events import EventType
from workbench import EventLog

hostile = ['end', '<img src=x onerror=alert(1)>', '"]; click e0 call alert(1)', '`**bold**`', 'größe 注文 ;#35;']
design = Choreography()
for name in hostile:
    design.event(EventType("Placed", {"type": "object"}))
design.event(EventType("Paid", {"type": "object"}))
design.service("end").whenever("Placed", emit={"Paid": {}}, guard="data.note == '<b>; %% end \\\\n `x`\\"'", after="90s")
design.service("graph").whenever("Paid", emit={}, name="listen")
design.mermaid()
"""
SEQUENCE = """
steps = [*hostile, "last"]
log = EventLog([
    {"id": f"{n}", "type": name, "source": name, "time": f"2026-11-25T12:00:0{n}Z", "correlation_id": "f",
     "causation_id": f"{n - 1}" if n else None}
    for n, name in enumerate(steps)
])
log.mermaid()
"""


def test_mermaid_text_is_drawn_whatever_stands_in_it(lab, page):
    lab.write_notebook("mermaid.ipynb", [MERMAID, SEQUENCE])
    page.goto(lab.url("mermaid.ipynb"))
    Lab(page).run_all()
    page.wait_for_function(
        "() => document.querySelectorAll('.jp-RenderedMermaid img').length === 2"
    )
    page.screenshot(path=str(SCREENSHOTS / "mermaid.png"))
    pictures = page.evaluate(
        "() => [...document.querySelectorAll('.jp-RenderedMermaid img')].map(i => i.src)"
    )
    graph, sequence = (unquote(picture) for picture in pictures)
    assert "Paid" in graph
    assert "after 1.5 min" in graph
    assert "Syntax error" not in graph + sequence
    for text in ("&lt;img src=x onerror=alert(1)&gt;", "注文", "**bold**", "click e0 call"):
        assert text in sequence
