"""The numbers of what several routes share: servers, accounts and maildrops.

What is known of a server outlives a session that told less: a failed handshake does not erase a certificate's end.
"""

from __future__ import annotations

from collections import Counter

from mailsonar.model.oauth2 import TokenNews, TokenResult
from mailsonar.model.observer import Login, Look
from mailsonar.model.result import TlsFacts
from mailsonar.model.route import Maildrop
from mailsonar.model.server import Account, Server
from mailsonar.model.stage import Stage
from mailsonar.observe import families as f
from mailsonar.observe.families import Subject
from mailsonar.observe.lines import Lines, Tally


def server_labels(server: Server) -> tuple[str, str]:
    """Return the labels `server` and `protocol`."""
    return server.name, server.protocol


def account_labels(account: Account) -> tuple[str, str, str]:
    """Return the labels `server`, `protocol` and `account`."""
    return *server_labels(account.server), account.name


class ServerTally(Tally):
    """What sessions with one server told, whoever's they were."""

    subject = Subject.SERVER

    def __init__(self, server: Server) -> None:
        super().__init__(server_labels(server))
        self._tls: TlsFacts | None = None
        self._expiry: dict[str, float] = {}
        self._offers_in_the_clear: bool | None = None

    def note(self, login: Login) -> None:
        """Take over what a session told; what it did not get to stays as it was."""
        if login.offered_in_the_clear is not None:
            self._offers_in_the_clear = login.offered_in_the_clear
        if login.tls is not None:
            self._note_handshake(login.tls)

    def _note_handshake(self, tls: TlsFacts) -> None:
        """Take over what a handshake told; certificates that it could not read stay as they were."""
        self._tls = tls
        if tls.not_after_wall is not None:
            self._expiry["leaf"] = tls.not_after_wall
        if tls.not_after_earliest_wall is not None:
            self._expiry["earliest"] = tls.not_after_earliest_wall

    def show(self, lines: Lines) -> None:
        """Add the server's samples."""
        lines.add(f.PLAINTEXT_AUTH, self._offers_in_the_clear)
        for certificate, not_after_wall in self._expiry.items():
            lines.add(f.CERTIFICATE_EXPIRY, not_after_wall, certificate)
        if self._tls is None:
            return
        lines.add(f.TLS_VERIFIED, float(self._tls.verified))
        if self._tls.version is not None:
            lines.add(f.TLS_INFO, 1.0, self._tls.version, self._tls.cipher or "")


class AccountTally(Tally):
    """What logins to one account told."""

    subject = Subject.ACCOUNT

    def __init__(self, account: Account) -> None:
        super().__init__(account_labels(account))
        self._authenticated: bool | None = None
        self._failures: Counter[str] = Counter()
        self._held_back = False

    def note(self, login: Login) -> None:
        """Take over how a login ended; a session that did not get that far says nothing.

        Every login that failed counts, by its reason; only an answer tells whether the credentials are good.
        """
        self._held_back = login.held_back
        if login.authenticated is not None:
            self._authenticated = login.authenticated
        if login.fault is not None and login.fault.stage is Stage.AUTHENTICATE:
            self._failures[login.fault.reason] += 1

    def show(self, lines: Lines) -> None:
        """Add the account's samples."""
        lines.add(f.AUTHENTICATED, self._authenticated)
        lines.add(f.HELD_BACK, self._held_back)
        for reason, count in self._failures.items():
            lines.add(f.AUTHENTICATION_FAILURES, count, reason)


class TokenTally(Tally):
    """What came of asking for the access tokens of one user name."""

    subject = Subject.TOKEN

    def __init__(self, username: str) -> None:
        super().__init__((username,))
        self._asked = Counter(dict.fromkeys(TokenResult, 0))
        self._expires_wall: float | None = None

    def note(self, news: TokenNews) -> None:
        """Count a question, and take over when the token ends."""
        if news.result is not None:
            self._asked[news.result] += 1
        self._expires_wall = news.expires_wall

    def show(self, lines: Lines) -> None:
        """Add the samples; an end that nobody told is absent."""
        lines.add(f.OAUTH_EXPIRY, self._expires_wall)
        for result, count in self._asked.items():
            lines.add(f.OAUTH_REFRESHES, count, result)


class MaildropTally(Tally):
    """What looks at one maildrop told."""

    subject = Subject.MAILDROP

    def __init__(self, maildrop: Maildrop) -> None:
        super().__init__((maildrop.name,))
        self._polls = Counter({"ok": 0})
        self._cleanup_failures: Counter[str] = Counter()
        self._messages: int | None = None
        self._octets: int | None = None
        self._listed_wall: float | None = None

    def note(self, look: Look) -> None:
        """Count a look, and take over what it listed."""
        self._polls[look.fault.reason if look.fault else "ok"] += 1
        if look.cleanup_fault is not None:
            self._cleanup_failures[look.cleanup_fault.reason] += 1
        self._messages = self._messages if look.messages is None else look.messages
        self._octets = self._octets if look.octets is None else look.octets
        self._listed_wall = self._listed_wall if look.listed_wall is None else look.listed_wall

    def show(self, lines: Lines) -> None:
        """Add the maildrop's samples."""
        for result, count in self._polls.items():
            lines.add(f.POLLS, count, result)
        for reason, count in self._cleanup_failures.items():
            lines.add(f.CLEANUP_FAILURES, count, reason)
        lines.add(f.MESSAGES, self._messages)
        lines.add(f.BYTES, self._octets)
        lines.add(f.LAST_LISTED, self._listed_wall)
