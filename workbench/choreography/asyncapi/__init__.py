"""AsyncAPI documents: a design as a contract that others can read, and theirs as a design."""

from workbench.choreography.asyncapi.exporting import VERSION, asyncapi_document
from workbench.choreography.asyncapi.importing import choreography_from_asyncapi

__all__ = ["VERSION", "asyncapi_document", "choreography_from_asyncapi"]
