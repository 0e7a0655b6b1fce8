"""Parts of sentences that several answers have."""

from __future__ import annotations

from workbench.analysis import wording
from workbench.brokers import Position
from workbench.services import Life
from workbench.session.answers.question import Question
from workbench.session.evidence import Evidence
from workbench.session.told import Told


def state(evidence: Evidence, service: str) -> str:
    """How a service is, as a part of a sentence."""
    life = evidence.life(service)
    if life is None:
        started = "it was not started from here"
        ran = evidence.committed(service) or evidence.account(service).since is not None
        return started if ran else f"{started} and has never read"
    return _how(life, service)


def _how(life: Life, service: str) -> str:
    if life.paused:
        return "it is paused"
    return {
        "running": "it is running",
        "starting": "it is starting",
        "crashed": "it has crashed and is restarted",
        "killed": f"it was killed (wb.start({service!r}) lets it go on)",
        "stopped": f"it is stopped (wb.start({service!r}) lets it go on)",
    }[life.state]


def since(event: Told) -> str:
    """Since when the broker has an event, as the end of a part of a sentence."""
    return "" if event.appended is None else f" since {wording.moment(event.appended)}"


def reader_state(evidence: Evidence, service: str, position: Position) -> str:
    """How whoever reads a partition is, as a part of a sentence; of several instances, that one."""
    reader = evidence.reader(service, position)
    if reader is None or (reader.state == "running" and not reader.paused):
        return state(evidence, service)
    return f"of its instances {reader.service} reads {position}, and {_how(reader, service)}"


def at_work(asked: Question) -> str:
    """Why what is due may not happen, if so."""
    how = state(asked.evidence, asked.service)
    return "" if how in ("it is running", "it is starting") else f" ({asked.service}: {how})"


def crashes(asked: Question, service: str) -> tuple[str, ...]:
    """That a service has crashed, if it has."""
    life = asked.evidence.life(service)
    if life is None or not life.crashes:
        return ()
    return (f"it has crashed {wording.count(life.crashes, 'time')}: wb.output({service!r})",)


def due(asked: Question, time: float) -> str:
    """When something is due, and how soon that is; in seconds since 1970 UTC."""
    ahead = time - asked.evidence.sources.now().timestamp()
    return f"{wording.moment(time)} ({f'in {wording.length(ahead)}' if ahead > 0 else 'overdue'})"


def listed(names: list[str]) -> str:
    """Names, each once."""
    return ", ".join(dict.fromkeys(names))
