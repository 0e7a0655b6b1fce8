"""Answers to why a service reacted to an event, or did not: one kind a file, tried in order."""

from workbench.session.answers.phrases import state
from workbench.session.answers.question import Answer, Question
from workbench.session.answers.reasons import DONE_WELL, PENDING, REASONS, TROUBLE
from workbench.session.answers.table import answer

__all__ = ["DONE_WELL", "PENDING", "REASONS", "TROUBLE", "Answer", "Question", "answer", "state"]
