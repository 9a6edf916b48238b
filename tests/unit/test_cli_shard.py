"""Which shard an agent is: by flags, by variables, by the pod's name; and what is said where there is no such shard."""

from __future__ import annotations

import pytest

from mailsonar.cli.flags import build_parser, settings_of
from mailsonar.cli.usage import UsageError
from mailsonar.model.shard import Shard

TOTAL = {"MAILSONAR_SHARD_TOTAL": "3"}


def shard(words: str = "", environ: dict[str, str] | None = None, command: str = "run") -> Shard:
    """Return the shard that a command line and an environment amount to."""
    return settings_of(build_parser(environ or {}).parse_args([command, *words.split()])).shard


@pytest.mark.parametrize(
    ("words", "environ", "index", "total"),
    [
        ("", {}, 0, 1),
        ("", {"HOSTNAME": "mailsonar-2"}, 0, 1),
        ("--shard.total 1", {"HOSTNAME": "node"}, 0, 1),
        ("--shard.index 1 --shard.total 3", {"POD_NAME": "mailsonar-2"}, 1, 3),
        ("", {**TOTAL, "MAILSONAR_SHARD_INDEX": "1", "POD_NAME": "mailsonar-2"}, 1, 3),
        ("", {**TOTAL, "MAILSONAR_SHARD_INDEX": "", "POD_NAME": "mailsonar-2"}, 2, 3),
        ("", {**TOTAL, "POD_NAME": "mailsonar-2", "HOSTNAME": "node-0"}, 2, 3),
        ("", {**TOTAL, "HOSTNAME": "eu-west-1-mailsonar-0"}, 0, 3),
        ("--shard.total 12", {"HOSTNAME": "mailsonar-11"}, 11, 12),
    ],
)
def test_the_shard_is_told_by_flag_variable_or_pod(words: str, environ: dict[str, str], index: int, total: int) -> None:
    """A flag goes before its variable, that before the pod's name; without other shards the name means nothing."""
    assert shard(words, environ) == Shard(index=index, total=total)


@pytest.mark.parametrize(
    ("words", "environ", "told"),
    [
        ("--shard.total 0", {}, "--shard.total: '0': must be 1 or more"),
        ("--shard.total three", {}, "'three': must be 1 or more"),
        ("--shard.total -1", {}, "'-1': must be 1 or more"),
        ("", {"MAILSONAR_SHARD_TOTAL": "0"}, "--shard.total: '0': must be 1 or more"),
        ("--shard.index -1", {}, "'-1': must be 0 or more"),
        ("--shard.index 1", {}, "--shard.index is 1, but --shard.total is 1: the index must be 0;"),
        ("--shard.index 3", TOTAL, "--shard.index is 3, but --shard.total is 3: the index must be 0 to 2;"),
        ("", {**TOTAL, "POD_NAME": "mailsonar-3"}, "POD_NAME is 'mailsonar-3', its ordinal 3, but --shard.total is 3"),
        ("", {**TOTAL, "HOSTNAME": "node"}, "HOSTNAME is 'node', without an ordinal"),
        ("", {**TOTAL, "HOSTNAME": "mailsonar-٣"}, "without an ordinal"),
        ("", TOTAL, "POD_NAME is empty; give --shard.index"),
    ],
)
def test_a_shard_that_cannot_be_is_told_with_its_flag(words: str, environ: dict[str, str], told: str) -> None:
    """The message names the flag or variable, its value and what is allowed; the agent does not start."""
    with pytest.raises(UsageError) as caught:
        shard(words, environ)
    assert told in str(caught.value)
    assert caught.value.command == "run"


@pytest.mark.parametrize("command", ["check", "validate"])
def test_check_and_validate_see_the_whole_config(command: str) -> None:
    """In whichever pod they are called, they leave no route out."""
    assert shard(command=command, environ={**TOTAL, "POD_NAME": "mailsonar-7"}) == Shard()
