"""Distributed tracing: the spans of services and publishers, by OpenTelemetry's conventions."""

from workbench.services.tracing.sampling import Sampler, Sampling, sampling_of

__all__ = ["Sampler", "Sampling", "sampling_of"]
