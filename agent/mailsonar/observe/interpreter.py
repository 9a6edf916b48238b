"""The families of the process and the interpreter, as every exporter in Python has them: `process_*` and `python_*`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector


def interpreter_registry() -> CollectorRegistry:
    """Return a registry of them, which asks for their numbers whenever it is read."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
