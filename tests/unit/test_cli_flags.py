"""Flags, and the environment variables that stand in for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailsonar.cli.flags import USAGE_EXIT_CODE, build_parser, settings_of
from mailsonar.cli.usage import UsageError


def test_defaults() -> None:
    """Without flags the agent runs as the manual says."""
    arguments = build_parser({}).parse_args(["run"])
    settings = settings_of(arguments)
    assert settings.config_file == Path("/etc/mailsonar/mailsonar.yml")
    assert settings.listen_address == ":9525"
    assert settings.storage is None
    assert settings.web_config_file is None
    assert not settings.allow_inline_secrets
    assert not settings.enable_lifecycle
    assert (arguments.log_level, arguments.log_format) == ("info", "logfmt")


VARIABLES = {
    "MAILSONAR_CONFIG_FILE": ("--config.file", "config_file", "/a.yml", Path("/a.yml")),
    "MAILSONAR_STORAGE_PATH": ("--storage.path", "storage", "/state", Path("/state")),
    "MAILSONAR_WEB_LISTEN_ADDRESS": ("--web.listen-address", "listen_address", "[::1]:1", "[::1]:1"),
    "MAILSONAR_WEB_CONFIG_FILE": ("--web.config.file", "web_config_file", "/web.yml", Path("/web.yml")),
    "MAILSONAR_LOG_LEVEL": ("--log.level", "log_level", "debug", "debug"),
    "MAILSONAR_LOG_FORMAT": ("--log.format", "log_format", "json", "json"),
}


@pytest.mark.parametrize("variable", VARIABLES)
def test_variable_stands_in_for_its_flag(variable: str) -> None:
    """Each flag is an environment variable, too; what the command line says goes before it."""
    flag, name, written, value = VARIABLES[variable]
    assert getattr(build_parser({variable: written}).parse_args(["run"]), name) == value
    other = "error" if name == "log_level" else "logfmt" if name == "log_format" else "/other"
    given = build_parser({variable: written}).parse_args(["run", flag, other])
    assert str(getattr(given, name)) == other


@pytest.mark.parametrize(("written", "value"), [("true", True), ("1", True), ("false", False), ("0", False)])
def test_switches_may_be_variables(written: str, value: bool) -> None:
    """A switch is true or false, 1 or 0."""
    environ = {"MAILSONAR_WEB_ENABLE_LIFECYCLE": written, "MAILSONAR_CONFIG_ALLOW_INLINE_SECRETS": written}
    settings = settings_of(build_parser(environ).parse_args(["run"]))
    assert (settings.enable_lifecycle, settings.allow_inline_secrets) == (value, value)


def test_empty_variable_is_none() -> None:
    """An orchestrator that passes on what is not set changes nothing: state is not kept in the current folder."""
    environ = dict.fromkeys([*VARIABLES, "MAILSONAR_WEB_ENABLE_LIFECYCLE"], "")
    assert build_parser(environ).parse_args(["run"]).storage is None


@pytest.mark.parametrize(
    ("words", "environ", "command", "told"),
    [
        ([], {}, "", "COMMAND"),
        (["fly"], {}, "", "fly"),
        (["run", "--config.file"], {}, "run", "--config.file: expected one argument"),
        (["check", "--config.fil", "x"], {}, "check", "unrecognized arguments: --config.fil"),
        (["run", "--log.level", "loud"], {}, "run", "loud"),
        (["check", "--output", "xml"], {}, "check", "xml"),
        (["check", "--wait", "10"], {}, "check", "write 10s"),
        (["check", "--warning", "soon"], {}, "check", "must be a duration"),
        (["check", "--critical", "0s"], {}, "check", "longer than 0s"),
        (["check"], {"MAILSONAR_LOG_LEVEL": "loud"}, "check", "MAILSONAR_LOG_LEVEL is 'loud': must be one of debug"),
        (["run"], {"MAILSONAR_WEB_ENABLE_LIFECYCLE": "yes"}, "run", "MAILSONAR_WEB_ENABLE_LIFECYCLE is 'yes'"),
    ],
)
def test_bad_usage_is_told_with_its_command(words: list[str], environ: dict[str, str], command: str, told: str) -> None:
    """A command line that makes no sense names what is wrong, and whose exit code counts."""
    with pytest.raises(UsageError) as caught:
        build_parser(environ).parse_args(words)
    assert told in str(caught.value)
    assert caught.value.command == command


@pytest.mark.parametrize(
    ("command", "file"), [("run", Path("/web.yml")), ("validate", Path("/web.yml")), ("check", None)]
)
def test_commands_that_read_the_web_config(command: str, file: Path | None) -> None:
    """Who serves the page and who checks its config read it; a live attempt has nothing to do with it."""
    arguments = build_parser({"MAILSONAR_WEB_CONFIG_FILE": "/web.yml"}).parse_args([command])
    assert settings_of(arguments).web_config_file == file


def test_bad_variable_breaks_only_commands_that_read_it() -> None:
    """`schema` has no log, so a bad log level is none of its business."""
    assert build_parser({"MAILSONAR_LOG_LEVEL": "loud"}).parse_args(["schema"]).command == "schema"


def test_check_reports_bad_usage_as_unknown() -> None:
    """To Nagios, 2 would mean that mail is down: bad usage of `check` is 3."""
    assert USAGE_EXIT_CODE["check"] == 3


def test_durations_are_seconds() -> None:
    """`check` takes durations as the config writes them."""
    arguments = build_parser({}).parse_args(["check", "a", "b", "--wait", "10m", "--warning", "500ms"])
    assert (arguments.routes, arguments.wait, arguments.warning, arguments.critical) == (["a", "b"], 600.0, 0.5, None)
