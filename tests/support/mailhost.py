"""A whole mail server for tests: a private Postfix and Dovecot, one domain, mailboxes with passwords, Maildirs.

Everything lives in one folder, and on ports of the loopback addresses unless a test names more. Postfix and Dovecot
start as root only, so these tests need root.
"""

from __future__ import annotations

import itertools
import os
import pwd
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support import lmtp_delay
from tests.support.authority import Authority
from tests.support.dovecot import MAIL_OWNER, Delivery, Dovecot, DovecotSetup
from tests.support.ports import MailPorts, PortReservation, loopback_addresses
from tests.support.postfix import Postfix, PostfixSetup
from tests.support.processes import Program

DOMAIN = "mail.example"
BOUNCING_ADDRESS = f"gone@{DOMAIN}"  # accepted, then refused on delivery: a DSN goes back to the sender
LONGEST_FOLDER = 60  # a Unix socket's path has at most 107 bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MailUser:
    """A mailbox; its address is the user name too."""

    address: str
    password: str

    @property
    def local_part(self) -> str:
        """Return what stands before the @."""
        return self.address.partition("@")[0]


def probe_users(count: int = 20) -> tuple[MailUser, ...]:
    """Return users probe00, probe01 ... of the domain, each with a random password."""
    return tuple(
        MailUser(address=f"probe{number:02}@{DOMAIN}", password=secrets.token_urlsafe(18)) for number in range(count)
    )


class MailHost:
    """Serves as long as its `with` block lasts.

    Args:
        folder: an empty folder with a short path that every user of the system may enter.
        users: the mailboxes.
        further_addresses: where else than on loopback the servers listen.
        disguises: further certificates, PEM with the key first, by the server name that a client asks for.
        introspection_url: where Dovecot asks about access tokens; without it, it takes none.

    Raises:
        PermissionError: the tests do not run as root.
        ProgramMissing: Postfix or Dovecot is not installed.
        ValueError: the folder is too deep for Unix sockets, or closed to other users.
    """

    def __init__(
        self,
        folder: Path,
        users: Sequence[MailUser] | None = None,
        further_addresses: Sequence[str] = (),
        disguises: Mapping[str, bytes] | None = None,
        introspection_url: str | None = None,
    ) -> None:
        _check(folder)
        self._disguises = disguises or {}
        self._introspection_url = introspection_url
        self._further_addresses = further_addresses
        self.folder = folder
        self.users = tuple(users if users is not None else probe_users())
        self.authority = Authority(folder)
        self.ca_file = self.authority.ca_file
        self._owner = pwd.getpwnam(MAIL_OWNER)
        self._serial = itertools.count()
        self._running = ExitStack()
        self._delay_file = folder / "delay"
        self._mail = folder / "mail"
        self._mail.mkdir()
        for user in self.users:
            self._make_maildir(self.maildir(user.address))

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            self._build(starting.enter_context(PortReservation(self._further_addresses)))
            for stop, launch in (
                (self._dovecot.stop, self._dovecot.launch),
                (self._postfix.stop, self._postfix.launch),
            ):
                starting.callback(stop)
                launch()
            self._start_delay(starting)
            self._dovecot.until_ready()
            self._postfix.until_ready()
            self._running = starting.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    def maildir(self, address: str) -> Path:
        """Return the Maildir of an address: new mail is in its `new`, and a session moves it to `cur`.

        A file's ctime in `new` is the moment of its arrival; its mtime, a little earlier, survives the move to `cur`.
        """
        return self._mail / address.partition("@")[0] / "Maildir"

    def deliver_raw(self, address: str, content: bytes) -> Path:
        """Put a message into a Maildir as a delivery agent does: written in `tmp`, then renamed into `new`.

        Returns:
            The file's path in `new`.
        """
        name = f"{time.time_ns() // 10**9}.P{os.getpid()}Q{next(self._serial)}.{DOMAIN}"
        written = self.maildir(address) / "tmp" / name
        written.write_bytes(content)
        os.chown(written, self._owner.pw_uid, self._owner.pw_gid)
        return written.rename(self.maildir(address) / "new" / name)

    def delay_deliveries(self, minimum_seconds: float, maximum_seconds: float) -> None:
        """Let each delivery from now on wait for a random time in that range, apart from all others; 0, 0 ends it."""
        replacement = self._delay_file.with_suffix(".new")
        replacement.write_text(f"{minimum_seconds} {maximum_seconds}")
        replacement.replace(self._delay_file)

    def deliveries(self) -> list[Delivery]:
        """Return what Dovecot put into Maildirs so far, with the true times, also of mail that is deleted by now."""
        return list(self._dovecot.deliveries())

    def logs(self) -> str:
        """Return what Postfix, Dovecot and the delay between them logged."""
        return f"{self._postfix.log()}\n{self._dovecot.log()}\n{self._delay_log()}"

    def stop_postfix(self) -> None:
        """Let submissions be refused; what is queued stays queued."""
        self._postfix.stop()

    def start_postfix(self) -> None:
        """Accept submissions again, and deliver what was queued."""
        self._postfix.launch()
        self._postfix.until_ready()

    def stop_dovecot(self) -> None:
        """Let retrieval be refused; log-ins at Postfix fail for now, and what it accepted waits in its queue."""
        self._dovecot.stop()

    def start_dovecot(self) -> None:
        """Serve maildrops again."""
        self._dovecot.launch()
        self._dovecot.until_ready()

    def stop_pop3(self) -> None:
        """Let retrieval by POP3 be refused, and nothing else."""
        self._dovecot.stop_pop3()

    def stop_lmtp(self) -> None:
        """Let what Postfix accepts wait in its queue, and nothing else."""
        self._dovecot.stop_lmtp()

    def start_dovecot_services(self) -> None:
        """Serve POP3 and LMTP again."""
        self._dovecot.start_services()

    def _build(self, reservation: PortReservation) -> None:
        """Write both configurations."""
        take = reservation.reserve
        self.ports = MailPorts(
            submission=take(), smtps=take(), smtp_plaintext=take(), pop3=take(), pop3s=take(), imap=take(), imaps=take()
        )
        certificate = self.authority.issue("server.pem")
        disguises = {name: self._write_pem(f"{name}.pem", pem) for name, pem in self._disguises.items()}
        addresses = (*loopback_addresses(), *self._further_addresses)
        self._dovecot = Dovecot(
            DovecotSetup(
                folder=self.folder / "dovecot",
                addresses=addresses,
                mail_folder=self._mail,
                certificate=certificate,
                disguises=disguises,
                ports=self.ports,
                passwords=[f"{user.address}:{user.password}" for user in self.users],
                introspection_url=self._introspection_url,
            )
        )
        self._postfix = Postfix(
            PostfixSetup(
                folder=self.folder / "postfix",
                addresses=addresses,
                domain=DOMAIN,
                certificate=certificate,
                disguises=disguises,
                ports=self.ports,
                mailboxes=[*(user.address for user in self.users), BOUNCING_ADDRESS],
                sasl_socket=self._dovecot.sasl_socket,
                lmtp_socket=self.folder / "lmtp",
            )
        )

    def _write_pem(self, file_name: str, pem: bytes) -> Path:
        path = self.folder / file_name
        path.touch(mode=0o600)
        path.write_bytes(pem)
        return path

    def _start_delay(self, starting: ExitStack) -> None:
        """Put the delay between Postfix and Dovecot."""
        listen_socket = self.folder / "lmtp"
        self.delay_deliveries(0, 0)
        sockets = [listen_socket, self._dovecot.lmtp_socket]
        command: list[str | Path] = [sys.executable, lmtp_delay.__file__, *sockets, self._delay_file]
        delay = Program(command, self.folder / "delay.log")
        starting.callback(delay.stop)
        delay.until_ready(listen_socket.exists, self._delay_log)

    def _delay_log(self) -> str:
        return (self.folder / "delay.log").read_text(errors="replace")

    def _make_maildir(self, maildir: Path) -> None:
        """Make the folders that Dovecot would make at the first delivery, so that tests may look at once."""
        for path in (maildir.parent, maildir, *(maildir / part for part in ("cur", "new", "tmp"))):
            path.mkdir(mode=0o700)
            os.chown(path, self._owner.pw_uid, self._owner.pw_gid)


def _check(folder: Path) -> None:
    """Refuse what would fail later with a message that explains nothing."""
    if os.geteuid() != 0:
        raise PermissionError("Postfix and Dovecot start as root only: run these tests as root")
    if len(os.fsencode(folder)) > LONGEST_FOLDER:
        raise ValueError(f"{folder} is too deep for Unix sockets: at most {LONGEST_FOLDER} bytes")
    for part in (folder, *folder.parents):
        if not part.stat().st_mode & 0o001:
            raise ValueError(f"{part} is closed to the users that Postfix and Dovecot run as: chmod o+x")
