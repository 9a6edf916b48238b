"""The flags, in the style of Prometheus' own.

Each is an environment variable, too: `--config.file` is MAILSONAR_CONFIG_FILE.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from mailsonar import __version__
from mailsonar.app.settings import Settings
from mailsonar.cli.shard import shard_index, shard_of, shard_total
from mailsonar.cli.usage import UsageError
from mailsonar.config.durations import parse_duration
from mailsonar.model.shard import ALONE

DEFAULT_CONFIG = "/etc/mailsonar/mailsonar.yml"
DEFAULT_LISTEN = ":9525"
_SWITCH = {"true": True, "false": False, "1": True, "0": False}
USAGE_EXIT_CODE = {"check": 3}

Arguments = argparse.Namespace


class _Parser(argparse.ArgumentParser):
    """A parser that raises instead of exiting, and whose flags may come from the environment."""

    def __init__(self, *, environ: Mapping[str, str], **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)
        self.environ = environ
        self._troubles: list[str] = []

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print."""
        raise UsageError(f"{self.prog}: {message}\n{self.format_usage().rstrip()}", self._command)

    @property
    def _command(self) -> str:
        return self.prog.partition(" ")[2]

    def flag(self, name: str, **options: Any) -> None:
        """Add a flag whose default is its environment variable, where that is set."""
        variable = "MAILSONAR_" + name.strip("-").replace(".", "_").replace("-", "_").upper()
        if self.environ.get(variable):
            options["default"] = self._from_environment(variable, options)
        options["help"] = f"{options['help']} (${variable})"
        self.add_argument(name, **options)

    def _from_environment(self, variable: str, options: Mapping[str, Any]) -> str | bool:
        value = self.environ[variable]
        is_switch = options.get("action") == "store_true"
        allowed = tuple(_SWITCH) if is_switch else options.get("choices", (value,))
        if value not in allowed:
            self._troubles.append(f"{variable} is {value!r}: must be one of {', '.join(allowed)}")
        return _SWITCH.get(value, False) if is_switch else value

    def parse_known_args(  # type: ignore[override] # the overloads only tell kinds of namespaces apart
        self, args: Any = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse; what makes no sense, a variable too, is an error of the subcommand that is used, and of no other."""
        if self._troubles:
            self.error(self._troubles[0])
        found, unknown = super().parse_known_args(args, namespace)
        if unknown and self._command:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown


def build_parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    """Return the parser of the whole command line.

    Args:
        environ: where flags that are not given are looked up.
    """
    parser = _Parser(
        environ=environ,
        prog="mailsonar",
        description="Tells that mail has stopped flowing, where, and why.",
        epilog="Each flag may also be given as the environment variable named behind it.",
    )
    parser.add_argument("--version", action="version", version=f"mailsonar {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, help_text: str) -> _Parser:
        added = commands.add_parser(name, help=help_text, description=help_text, environ=environ)
        assert isinstance(added, _Parser)  # noqa: S101 - subparsers are of their parent's class
        return added

    _run(add("run", "Run the agent: probe all routes on their schedules, and serve metrics and the page."))
    _check(add("check", "Make one live attempt on each named route, and show what each stage took."))
    _validate(add("validate", "Check the config, and with --connect also every server and login."))
    add("schema", "Print the JSON Schema of the config, for editors.").set_defaults(environ=environ)
    _demo(add("demo", "Run the agent against embedded mail servers whose faults come and go."))
    return parser


def _config(parser: _Parser) -> None:
    parser.set_defaults(environ=parser.environ)
    parser.flag("--config.file", dest="config_file", type=Path, default=Path(DEFAULT_CONFIG), metavar="FILE",
                help=f"the config, {DEFAULT_CONFIG} by default")  # fmt: skip
    parser.flag("--config.allow-inline-secrets", dest="allow_inline_secrets", action="store_true",
                help="accept secrets that stand in the config itself")  # fmt: skip
    parser.flag("--storage.path", dest="storage", type=Path, default=None, metavar="DIR",
                help="where state is kept: the signing key, if the config names none")  # fmt: skip


def _web_config(parser: _Parser) -> None:
    parser.flag("--web.config.file", dest="web_config_file", type=Path, default=None, metavar="FILE",
                help="TLS and passwords for metrics and the page; none by default")  # fmt: skip


def _shards(parser: _Parser) -> None:
    parser.flag("--shard.total", dest="shard_total", type=shard_total, default=1, metavar="N",
                help="how many agents share the config, 1 by default")  # fmt: skip


def _log(parser: _Parser, level: str) -> None:
    parser.flag("--log.level", dest="log_level", choices=("debug", "info", "warning", "error"), default=level,
                help=f"least severity to log, {level} by default")  # fmt: skip
    parser.flag("--log.format", dest="log_format", choices=("logfmt", "json"), default="logfmt",
                help="form of log lines, logfmt by default")  # fmt: skip


def _run(parser: _Parser) -> None:
    _config(parser)
    parser.flag("--web.listen-address", dest="listen_address", default=DEFAULT_LISTEN, metavar="HOST:PORT",
                help=f"where metrics and the page are served, {DEFAULT_LISTEN} by default")  # fmt: skip
    _web_config(parser)
    parser.flag("--web.enable-lifecycle", dest="enable_lifecycle", action="store_true",
                help="allow POST /-/reload and probing on demand")  # fmt: skip
    parser.flag("--shard.index", dest="shard_index", type=shard_index, default=None, metavar="I",
                help="which of them this is, from 0 on; by default the ordinal of $POD_NAME or $HOSTNAME")  # fmt: skip
    _shards(parser)
    _log(parser, "info")


def _check(parser: _Parser) -> None:
    parser.add_argument("routes", nargs="*", metavar="ROUTE", help="which routes; all by default")
    _config(parser)
    parser.add_argument("--output", choices=("text", "json", "nagios"), default="text", help="text by default")
    parser.add_argument("--wait", type=_duration, metavar="DURATION", help="wait so long instead of to the deadline")
    parser.add_argument("--warning", type=_duration, metavar="DURATION", help="a longer round trip is a warning")
    parser.add_argument("--critical", type=_duration, metavar="DURATION", help="a longer round trip is critical")
    _log(parser, "warning")


def _validate(parser: _Parser) -> None:
    _config(parser)
    _web_config(parser)
    parser.add_argument("--connect", action="store_true", help="connect and log in to each server, without sending")
    _shards(parser)
    _log(parser, "warning")


def _demo(parser: _Parser) -> None:
    parser.flag("--web.listen-address", dest="listen_address", default="127.0.0.1:9525", metavar="HOST:PORT",
                help="where metrics and the page are served, 127.0.0.1:9525 by default")  # fmt: skip
    _log(parser, "error")


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def settings_of(arguments: Arguments) -> Settings:
    """Return the settings that the flags amount to.

    Raises:
        UsageError: they say that the agent is a shard that cannot be; `check` and `validate` are all shards in one.
    """
    runs = arguments.command == "run"
    return Settings(
        config_file=arguments.config_file,
        environ=arguments.environ,
        listen_address=getattr(arguments, "listen_address", DEFAULT_LISTEN),
        allow_inline_secrets=arguments.allow_inline_secrets,
        enable_lifecycle=getattr(arguments, "enable_lifecycle", False),
        storage=arguments.storage,
        web_config_file=getattr(arguments, "web_config_file", None),
        shard=shard_of(arguments.shard_index, arguments.shard_total, arguments.environ) if runs else ALONE,
    )
