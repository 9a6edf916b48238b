"""The report on a server: what an engineer would otherwise piece together, and nothing that a server made up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.support.observed import REJECTED, WALL, make_account

from mailsonar.cli.server_report import as_servers
from mailsonar.model.observer import Login
from mailsonar.model.result import TlsFacts
from mailsonar.model.server import Mechanism, Protocol, Security

DAY = 86400.0
ACCOUNT = make_account(Protocol.SMTP, "smtp.acme.example")
FACTS = TlsFacts(
    server="smtp.acme.example:587",
    protocol="smtp",
    version="TLSv1.3",
    cipher="TLS_AES_256_GCM_SHA384",
    verified=True,
    not_after_wall=WALL + 42.2 * DAY,
    not_after_earliest_wall=WALL + 7.1 * DAY,
    names=("smtp.acme.example", "mail.acme.example"),
    issuer="CN=Acme CA",
    key="ECDSA P-256",
)
GOOD = Login(
    account=ACCOUNT, authenticated=True, tls=FACTS, mechanism=Mechanism.PLAIN, offered=("CRAM-MD5", "LOGIN", "PLAIN")
)


def shown(login: Login) -> str:
    """Return the report with single spaces."""
    return " ".join(as_servers([login], WALL).split())


def test_a_good_server() -> None:
    """Endpoint, handshake, certificate with the days that it has left, and the login stand there."""
    assert shown(GOOD) == (
        "smtp smtp.acme.example:587 starttls "
        "TLS TLSv1.3 TLS_AES_256_GCM_SHA384, verified "
        "certificate smtp.acme.example, mail.acme.example; ECDSA P-256; issued by CN=Acme CA "
        "expires 2026-12-30T15:54:40Z (42 days left); the first of its chain 2026-11-25T13:30:40Z (7 days left) "
        "login authenticated by PLAIN as probe@acme.example; offered: CRAM-MD5 LOGIN PLAIN"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"authenticated": None, "mechanism": None, "tls": None, "offered": ()}, "TLS no handshake login not tried as"),
        ({"authenticated": False, "fault": REJECTED, "mechanism": Mechanism.LOGIN},
         "login authentication_rejected by LOGIN as probe@acme.example: 535 no; offered"),
        ({"offered_in_the_clear": True}, "warning offers logins before TLS that give the secret away"),
        ({"tls": replace(FACTS, verified=False, problem="certificate has expired", not_after_wall=WALL - 2.2 * DAY)},
         "SHA384, NOT verified: certificate has expired"),
        ({"tls": replace(FACTS, not_after_wall=WALL - 2.2 * DAY)}, "(expired)"),
        ({"tls": replace(FACTS, not_after_wall=WALL + 0.5 * DAY)}, "(less than a day left)"),
        ({"tls": replace(FACTS, not_after_earliest_wall=FACTS.not_after_wall)}, "(42 days left) login"),
        ({"account": replace(ACCOUNT, server=replace(ACCOUNT.server, security=Security.PLAINTEXT)), "tls": None},
         "TLS none, as configured"),
        ({"account": replace(ACCOUNT, credentials=None), "authenticated": None, "mechanism": None},
         "login none wanted; offered: CRAM-MD5"),
    ],
)  # fmt: skip
def test_other_servers(changes: dict[str, Any], words: str) -> None:
    """What is wrong, and what is not known, is said in words."""
    assert words in shown(replace(GOOD, **changes))


def test_no_markup_is_read() -> None:
    """Names and offers of a server are text, whatever they look like."""
    hostile = replace(GOOD, tls=replace(FACTS, names=("[bold]x[/bold]",)), offered=("[red]",))
    assert "[bold]x[/bold]" in shown(hostile)
    assert "[red]" in shown(hostile)
