"""What `check` and `validate --connect` tell of each server: TLS, its certificate, and the login, for people.

It spares the engineer `openssl s_client` and a shell that decodes base64.
"""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mailsonar.model.observer import Login
from mailsonar.model.result import TlsFacts
from mailsonar.model.server import Security
from mailsonar.observe.result_json import rfc3339

DAY_SECONDS = 86400.0
SOON_DAYS = 14


def fresh_page() -> Console:
    """Return what is printed on, as wide as the terminal, coloured only there."""
    width = shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100
    return Console(file=io.StringIO(), force_terminal=sys.stdout.isatty(), width=width, highlight=False)


def printed_on(page: Console) -> str:
    """Return what was printed on a page of ours."""
    assert isinstance(page.file, io.StringIO)  # noqa: S101 - made above
    return page.file.getvalue()


def as_servers(logins: Iterable[Login], now_wall: float) -> str:
    """Return a section for each server and account.

    Args:
        logins: what is known of them.
        now_wall: POSIX seconds, from which the days are counted that certificates have left.
    """
    page = fresh_page()
    for login in logins:
        server = login.account.server
        page.print(Text.assemble((f"{server.protocol} {server.name}", "bold"), f"  {server.security}"))
        page.print(server_table(login, now_wall))
    return printed_on(page)


def server_table(login: Login, now_wall: float) -> Table:
    """Return the lines on one server and account.

    Args:
        login: what is known of them.
        now_wall: POSIX seconds, from which the days are counted that certificates have left.
    """
    table = Table(box=None, padding=(0, 1), show_header=False)
    table.add_column("", style="dim", no_wrap=True, min_width=11)
    table.add_column("")
    tls = login.tls
    table.add_row("TLS", _handshake(tls) if tls else Text(_without_tls(login)))
    if tls and (tls.names or tls.issuer or tls.key):
        issued = f"issued by {tls.issuer}" if tls.issuer else None
        said = (", ".join(tls.names) or "no names", tls.key, issued)
        table.add_row("certificate", Text("; ".join(filter(None, said))))
    if tls and tls.not_after_wall is not None:
        table.add_row("expires", _ends(tls, tls.not_after_wall, now_wall))
    table.add_row("login", _login(login))
    if login.offered_in_the_clear:
        table.add_row("warning", Text("offers logins before TLS that give the secret away", style="yellow"))
    return table


def _without_tls(login: Login) -> str:
    return "none, as configured" if login.account.server.security is Security.PLAINTEXT else "no handshake"


def _handshake(tls: TlsFacts) -> Text:
    agreed = " ".join(filter(None, (tls.version, tls.cipher)))
    if tls.verified:
        return Text.assemble(f"{agreed}, ", ("verified", "green"))
    why = f"NOT verified: {tls.problem}" if tls.problem else "NOT verified"
    return Text.assemble(f"{agreed}, " if agreed else "", (why, "red"))


def _ends(tls: TlsFacts, not_after_wall: float, now_wall: float) -> Text:
    earliest = tls.not_after_earliest_wall
    words = _end(not_after_wall, now_wall)
    if earliest is not None and earliest != not_after_wall:
        words = Text.assemble(words, "; the first of its chain ", _end(earliest, now_wall))
    return words


def _end(not_after_wall: float, now_wall: float) -> Text:
    days = (not_after_wall - now_wall) / DAY_SECONDS
    left = f"{days:.0f} days left" if days >= 1 else "less than a day left" if days > 0 else "expired"
    style = "red" if days <= 0 else "yellow" if days < SOON_DAYS else ""
    return Text.assemble(rfc3339(not_after_wall), " (", (left, style), ")")


def _login(login: Login) -> Text:
    """Return how the login went, and what else could have been used."""
    offered = f"; offered: {' '.join(login.offered)}" if login.offered else ""
    who = f" as {login.account.name}" if login.account.name else ""
    by = f"by {login.mechanism}{who}" if login.mechanism else who.strip() or "without credentials"
    if login.authenticated:
        return Text.assemble(("authenticated", "green"), f" {by}{offered}")
    if login.fault:
        return Text.assemble((str(login.fault.reason), "red"), f" {by}: {login.fault.detail}{offered}")
    return Text(f"not tried {by}{offered}" if login.account.credentials else f"none wanted{offered}")
