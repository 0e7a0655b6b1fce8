"""Distributed tracing: the spans of services and publishers, by OpenTelemetry's conventions."""

from workbench.services.tracing.places import PUBLISHER, spans_folder, spans_path
from workbench.services.tracing.sampling import USUAL, Sampler, Sampling, Tracing, sampling_of

__all__ = [
    "PUBLISHER",
    "USUAL",
    "Sampler",
    "Sampling",
    "Tracing",
    "sampling_of",
    "spans_folder",
    "spans_path",
]
