"""Write ``sample_data/signup`` and ``sample_data/fintech`` from their Python, released and all.

``python sample_data/make_designs.py`` changes nothing where they are the same already; what is
released never changes, so a change to an event there is a new version here.
"""

from __future__ import annotations

from pathlib import Path

from workbench.choreography import Choreography
from workbench.examples.fintech import fintech_choreography
from workbench.examples.signup import signup_design

HERE = Path(__file__).parent
SIGNUP = """\
# User sign-up: e-mail verification, analytics, CRM. All of it is data: workbench run runs it.
# `mailbox` stands in for the mail system and the person who reads it, or doesn't; and 5 seconds
# for the day that verification may take. workbench/examples/signup.py tells the story.
"""
FINTECH = """\
# Card transactions: authorised, fraud-checked, posted, settled; reversed where they can't be.
# The handlers are in workbench/examples/fintech.py: Workbench(fintech_choreography()) runs it.
"""


def main() -> None:
    """Write both, each under a few words on what it is."""
    made: dict[str, tuple[Choreography, str]] = {
        "signup": (signup_design(), SIGNUP),
        "fintech": (fintech_choreography(), FINTECH),
    }
    for name, (design, about) in made.items():
        file = design.save(HERE / name) / "choreography.yaml"
        text = file.read_text("utf-8")
        if not text.startswith("#"):
            file.write_text(about + text, "utf-8")
        print(f"{file.parent}: {design!r}")


if __name__ == "__main__":
    main()
