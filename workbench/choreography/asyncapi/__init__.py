"""AsyncAPI documents: a design as a contract that others can read, and theirs as a design."""

from workbench.choreography.asyncapi.exporting import VERSION, asyncapi_document
from workbench.choreography.asyncapi.importing import choreography_from_asyncapi
from workbench.choreography.asyncapi.writing import asyncapi_text, write_asyncapi

__all__ = [
    "VERSION",
    "asyncapi_document",
    "asyncapi_text",
    "choreography_from_asyncapi",
    "write_asyncapi",
]
