"""What all tests share: how a run is spread over several workers, patience with busy ones, the figures at the end."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# No example proves anything by being slow: it may have waited for a processor.
settings.register_profile("busy machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(specs: Sequence[Any]) -> None:
    """Start the workers in Python's development mode where this process runs in it: they do not inherit `-X dev`."""
    if sys.flags.dev_mode:
        for spec in specs:
            spec.python = f"{shlex.quote(sys.executable)} -X dev"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let workers begin with the modules that take longest: one that began last would keep all others waiting.

    Without workers the order stays as it is, quick tests first.
    """
    if hasattr(config, "workerinput"):
        items.sort(key=_seconds, reverse=True)


def _seconds(item: pytest.Item) -> float:
    """Return how long the test's module is marked to take, 0 for the many that take little."""
    mark = item.get_closest_marker("takes_seconds")
    return float(mark.args[0]) if mark else 0.0


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the figures that tests recorded by `record_property`: what was measured counts as much as that it passed."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    figures = [(name, value) for report in reports for name, value in report.user_properties]
    if figures:
        terminalreporter.section("figures")
    for name, value in figures:
        terminalreporter.write_line(f"{name}: {value}")
