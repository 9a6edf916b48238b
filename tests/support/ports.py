"""Free ports, on the loopback addresses at least, kept for one server even while that server is stopped."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

TRIES = 50
GREETING_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPorts:
    """The ports of a mail host.

    Submission with STARTTLS required, with implicit TLS, and without TLS; all three ask for a log-in. `pop3` and `imap`
    offer TLS by command and work without it too; `pop3s` and `imaps` have implicit TLS.
    """

    submission: int
    smtps: int
    smtp_plaintext: int
    pop3: int
    pop3s: int
    imap: int
    imaps: int


def loopback_addresses() -> tuple[str, ...]:
    """Return the loopback addresses that this machine can bind: IPv4 always, IPv6 where it is switched on."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return ("127.0.0.1",)
    return ("127.0.0.1", "::1")


def refuses(*ports: int) -> bool:
    """Say whether nobody listens on any of these ports of 127.0.0.1."""
    for port in ports:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return False
    return True


def greets(port: int) -> bool:
    """Say whether a mail server speaks on the port of 127.0.0.1: to listen is not yet to serve."""
    try:
        with socket.create_connection(("127.0.0.1", port), GREETING_SECONDS) as probe:
            return probe.recv(1) != b""
    except OSError:
        return False


def greets_at(socket_path: Path) -> bool:
    """Say whether a mail server speaks on a Unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(GREETING_SECONDS)
        try:
            probe.connect(str(socket_path))
            return probe.recv(1) != b""
        except OSError:
            return False


class PortReservation:
    """Holds ports by sockets that are bound but never listen.

    A server that sets SO_REUSEADDR, as Postfix and Dovecot do, may listen beside such a socket, while the kernel gives
    the port to nobody else, not even as the near end of a connection. Nobody listening there means "refused".

    Args:
        further_addresses: where else than on loopback the ports are held.
    """

    def __init__(self, further_addresses: Sequence[str] = ()) -> None:
        self._addresses = (*loopback_addresses(), *further_addresses)
        self._sockets = ExitStack()

    def reserve(self) -> int:
        """Take one port that is free on every one of the addresses."""
        for _ in range(TRIES):
            with ExitStack() as attempt:
                port = 0
                try:
                    for address in self._addresses:
                        port = attempt.enter_context(_bound(address, port)).getsockname()[1]
                except OSError:  # free on the first address, taken on the next: try another
                    continue
                self._sockets.push(attempt.pop_all())
                return port
        raise OSError(f"no free port in {TRIES} tries")

    def close(self) -> None:
        """Give all ports back."""
        self._sockets.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _bound(address: str, port: int) -> socket.socket:
    """Return a socket that is bound and does not listen."""
    reserved = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind((address, port))
    except OSError:
        reserved.close()
        raise
    return reserved
