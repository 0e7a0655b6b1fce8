"""Distributed tracing: the spans of services and publishers, by OpenTelemetry's conventions."""

from workbench.services.tracing.places import PUBLISHER, SUFFIX, spans_path
from workbench.services.tracing.sampling import USUAL, Sampler, Sampling, Tracing, sampling_of

__all__ = [
    "PUBLISHER",
    "SUFFIX",
    "USUAL",
    "Sampler",
    "Sampling",
    "Tracing",
    "sampling_of",
    "spans_path",
]
