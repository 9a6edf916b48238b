"""A private name server that knows a few names, and fails in four ways: dnsmasq in a network namespace of a test's own.

It answers at 127.0.0.1 of that namespace, where its port cannot be taken. Its zone is `example.`: nothing is asked of
any other name server.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.namespace import Namespace
from tests.support.processes import Program, require_program, until

ADDRESS = "127.0.0.1"
ZONE = "example"


class NameServer:
    """Serves as long as its `with` block lasts.

    Args:
        namespace: where it runs, and is asked.
        folder: an existing folder for its files, which every user of the system may enter.
        names: addresses by name; each name ends in the zone.

    Raises:
        ProgramMissing: dnsmasq is not installed.
    """

    def __init__(self, namespace: Namespace, folder: Path, names: Mapping[str, str]) -> None:
        self._program = require_program("dnsmasq", "dnsmasq-base")
        self._namespace = namespace
        self._names = names
        self._log_file = folder / "dnsmasq.log"
        self._hosts = folder / "hosts"
        self._servers = folder / "servers"
        self._running: Program | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Know all names, and answer."""
        self._write(self._names, is_ours=True)
        command: list[str | Path] = [
            *self._namespace.entry,
            *(self._program, "--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--log-facility=-"),
            *(f"--listen-address={ADDRESS}", "--bind-interfaces", "--no-resolv", "--no-hosts"),
            *(f"--addn-hosts={self._hosts}", f"--servers-file={self._servers}"),
        ]
        self._running = Program(command, self._log_file)
        self._running.until_ready(self._finds_the_first, self._log_file.read_text)

    def stop(self) -> None:
        """Let nobody listen: who asks is refused at once."""
        if self._running is not None:
            self._running.kill()
            self._running = None

    def fall_silent(self) -> None:
        """Take questions, and answer none."""
        self._signal(signal.SIGSTOP)

    def speak(self) -> None:
        """Answer again; what was asked meanwhile is lost."""
        self.stop()
        self.start()

    def forget(self) -> None:
        """Say of each name that it does not exist: NXDOMAIN."""
        self._reload({}, is_ours=True)

    def decline(self) -> None:
        """Say of each name that it is not for this server to answer: REFUSED, which resolvers take like SERVFAIL."""
        self._reload({}, is_ours=False)

    def remember(self) -> None:
        """Know all names again."""
        self._reload(self._names, is_ours=True)

    def _reload(self, names: Mapping[str, str], *, is_ours: bool) -> None:
        self._write(names, is_ours=is_ours)
        self._signal(signal.SIGHUP)
        until(lambda: self._finds_the_first() == bool(names), "the name server to read its names")

    def _write(self, names: Mapping[str, str], *, is_ours: bool) -> None:
        """Write what SIGHUP makes it read; a server without an address is dnsmasq itself, the one for its own zone."""
        self._hosts.write_text("".join(f"{address} {name}\n" for name, address in names.items()))
        self._servers.write_text(f"server=/{ZONE}/\n" if is_ours else "")

    def _signal(self, number: int) -> None:
        assert self._running is not None, "it does not run"
        self._running.signal(number)

    def _finds_the_first(self) -> bool:
        """Ask for the first name as a program inside does; say whether it has an address."""
        command = [*self._namespace.entry, "getent", "ahostsv4", next(iter(self._names))]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
