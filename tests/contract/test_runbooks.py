"""Runbooks: one page for each alert, short, and with commands that exist."""

from __future__ import annotations

import argparse
import re
import shlex

import pytest
from tests.support import alerting

from mailsonar.cli.flags import build_parser
from mailsonar.observe.families import FAMILIES

HEADINGS = ["What it means", "What the customer feels", "First three commands", "How it ends"]
README = (alerting.DASHBOARDS.parent / "README.md").read_text(encoding="utf-8")
PAGES = sorted(alerting.RUNBOOKS.glob("*.md"))

each_page = pytest.mark.parametrize("page", [path.name for path in PAGES])


def commands_of(page: str) -> list[list[str]]:
    """Return the commands that a page tells to type, in words; those joined by a semicolon apart."""
    text = (alerting.RUNBOOKS / page).read_text(encoding="utf-8")
    lines = [line[2:] for line in text.splitlines() if line.startswith("$ ")]
    return [shlex.split(line, comments=True) for line in lines]


def test_there_is_one_page_for_each_alert() -> None:
    """Neither an alert without a page, nor a page without an alert."""
    assert [path.stem for path in PAGES] == alerting.alert_names()


@each_page
def test_a_page_has_its_four_parts_and_three_commands(page: str) -> None:
    """Who is woken reads the same order each time, and no more than fits a screen."""
    text = (alerting.RUNBOOKS / page).read_text(encoding="utf-8")
    assert text.startswith(f"# {page.removesuffix('.md')}\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == HEADINGS
    assert len(commands_of(page)) == 3
    assert len(text.splitlines()) <= 45


@each_page
def test_the_commands_of_mailsonar_exist(page: str) -> None:
    """A flag that does not exist is found now, not at 3 a.m."""
    for words in commands_of(page):
        if words[0] == "mailsonar":
            parsed = build_parser({}).parse_args(words[1:])
            assert isinstance(parsed, argparse.Namespace)


@each_page
def test_the_paths_of_the_agent_exist(page: str) -> None:
    """What is fetched from the agent is served."""
    for words in commands_of(page):
        for address in (word for word in words if word.startswith("http://AGENT:9525")):
            path = address.removeprefix("http://AGENT:9525").replace("ROUTE", "NAME")
            assert f"`{path}`" in README or f"`POST {path}`" in README, path


@each_page
def test_the_series_that_are_asked_for_exist(page: str) -> None:
    """A query of a misspelt name answers nothing, which looks like peace."""
    labels = {family.name: {*family.label_names(()), "job", "instance"} for family in FAMILIES}
    for words in commands_of(page):
        for name, matchers in alerting.selectors(words[-1] if words[0] == "promtool" else ""):
            if name not in alerting.recorded():
                assert {label for label, _ in matchers} <= labels[name], name


def test_links_between_pages_lead_somewhere() -> None:
    """A page that leads on leads to a page."""
    for path in PAGES:
        for target in re.findall(r"\]\((\w+\.md)\)", path.read_text(encoding="utf-8")):
            assert (alerting.RUNBOOKS / target).is_file(), f"{path.name}: {target}"
