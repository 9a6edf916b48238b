"""A private Dovecot: POP3 and IMAP on loopback at least, LMTP and SASL for a private Postfix on Unix sockets.

Written for Dovecot 2.3. Nothing of /etc/dovecot is read. Dovecot takes a client whose address is the server's own for
a secured one; so that a client's source address makes no difference, plaintext log-ins are allowed to all. A refused
log-in takes up to half a second with no delay configured: Dovecot looks at its refusals by a timer.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.dovecot_config import CONFIG, DISGUISE, TOKEN_DATABASE, TOKENS
from tests.support.ports import MailPorts, greets, greets_at, refuses
from tests.support.processes import Program, require_program, until

MAIL_OWNER = "mail"  # the system user that owns the Maildirs; Dovecot refuses root
MODULES = {"pop3-login": "dovecot-pop3d", "imap-login": "dovecot-imapd", "lmtp": "dovecot-lmtpd"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message that Dovecot put into a Maildir; `finished_wall` is the POSIX time, right after it became visible."""

    address: str
    message_id: str
    finished_wall: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DovecotSetup:
    """Where a Dovecot lives, listens, and whom it serves; `passwords` holds a line "ADDRESS:PASSWORD" for each user.

    With an `introspection_url` access tokens are good for log-ins, too: it is asked for each, with the token at its
    end, and answers with JSON that has `active` and `email`. `disguises` are further certificates, by the server name
    that a client asks for.
    """

    folder: Path
    addresses: Sequence[str]
    mail_folder: Path
    certificate: Path
    ports: MailPorts
    passwords: Sequence[str]
    introspection_url: str | None = None
    disguises: Mapping[str, Path] = field(default_factory=dict)


class Dovecot:
    """A Dovecot that can be stopped and started again; mail stays.

    Raises:
        ProgramMissing: it, or one of its modules, is not installed.
        RuntimeError: it is not version 2.3.
    """

    def __init__(self, setup: DovecotSetup) -> None:
        self._program = _installed()
        self._ports = setup.ports
        self._folder = setup.folder
        self._running: Program | None = None
        self.lmtp_socket = setup.folder / "lmtp"
        self.sasl_socket = setup.folder / "sasl"
        setup.folder.mkdir()
        passwords = setup.folder / "passwords"
        passwords.touch(mode=0o644)  # the auth service reads it as a user of its own
        passwords.write_text("".join(f"{line}\n" for line in setup.passwords))
        (setup.folder / "tokens").write_text(TOKENS.format(url=setup.introspection_url))
        with_tokens = setup.introspection_url is not None
        (setup.folder / "dovecot.conf").write_text(
            CONFIG.format(
                folder=setup.folder,
                mail_folder=setup.mail_folder,
                certificate=setup.certificate,
                disguises="".join(DISGUISE.format(name=name, certificate=pem) for name, pem in setup.disguises.items()),
                addresses=", ".join(setup.addresses),
                owner=MAIL_OWNER,
                bearer="xoauth2 oauthbearer" if with_tokens else "",
                token_database=TOKEN_DATABASE.format(folder=setup.folder) if with_tokens else "",
                pop3=setup.ports.pop3,
                pop3s=setup.ports.pop3s,
                imap=setup.ports.imap,
                imaps=setup.ports.imaps,
            )
        )

    def launch(self) -> None:
        """Start it and return at once."""
        command: list[str | Path] = [self._program, "-F", "-c", self._folder / "dovecot.conf"]
        self._running = Program(command, self._folder / "dovecot.log")

    def until_ready(self) -> None:
        """Wait until it greets."""
        if self._running is not None:
            self._running.until_ready(lambda: greets(self._ports.pop3), self.log)

    def stop(self) -> None:
        """End it with all its sessions, and return once it refuses; nothing happens where it does not run."""
        if self._running is not None:
            self._running.stop()
            self._running = None
            ports = (self._ports.pop3, self._ports.pop3s, self._ports.imap, self._ports.imaps)
            until(lambda: refuses(*ports), "Dovecot's ports to close")

    def stop_pop3(self) -> None:
        """Refuse POP3 alone; sessions under way go on."""
        self._doveadm("service", "stop", "pop3-login", "pop3")
        until(lambda: refuses(self._ports.pop3, self._ports.pop3s), "POP3's ports to close")

    def stop_lmtp(self) -> None:
        """Take no mail; all else is served."""
        self._doveadm("service", "stop", "lmtp")
        until(lambda: not greets_at(self.lmtp_socket), "LMTP's socket to close")

    def start_services(self) -> None:
        """Serve all that was stopped alone."""
        self._doveadm("reload")
        until(lambda: greets(self._ports.pop3) and greets_at(self.lmtp_socket), "all services of Dovecot")

    def log(self) -> str:
        """Return all that it logged."""
        log_file = self._folder / "dovecot.log"
        return log_file.read_text(errors="replace") if log_file.exists() else ""

    def _doveadm(self, *arguments: str) -> None:
        """Give an order to the running server."""
        subprocess.run(["doveadm", "-c", self._folder / "dovecot.conf", *arguments], check=True, capture_output=True)

    def deliveries(self) -> Iterator[Delivery]:
        """Yield what was delivered by LMTP, oldest first; the log may be a moment behind the Maildir."""
        for line in self.log().splitlines():
            _, found, event = line.partition("stats: Info: {")
            finished = json.loads("{" + event) if found else None
            if finished and "error" not in finished["fields"]:
                yield _delivery(finished)


def _delivery(event: dict[str, Any]) -> Delivery:
    """Return what an exported event tells."""
    fields = event["fields"]
    return Delivery(address=fields["user"], message_id=fields["message_id"], finished_wall=event["end_time"])


def _installed() -> str:
    """Return the program's path, once it is known to be complete and of the version that the configuration is for."""
    program = require_program("dovecot", "dovecot-core")
    for module, package in MODULES.items():
        require_program(f"/usr/lib/dovecot/{module}", package)
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    if not version.startswith("2.3."):
        raise RuntimeError(f"the tests' configuration is for Dovecot 2.3 (Debian 12), this is {version.strip()}")
    return os.fspath(program)
