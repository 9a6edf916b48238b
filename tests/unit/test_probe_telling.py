"""What observers are told of a session."""

from __future__ import annotations

import base64

from tests.support.observed import make_account

from mailsonar.dialogue.notes import LoginNotes
from mailsonar.model.result import TlsFacts
from mailsonar.model.server import Protocol
from mailsonar.probe.telling import login_of

SECRET = "never shown"
ENCODED = base64.b64encode(SECRET.encode()).decode().rstrip("=")


def test_no_server_can_make_us_show_a_secret() -> None:
    """A server that knows our password can put it into its certificate or its offers; we do not repeat it."""
    notes = LoginNotes()
    notes.offers([SECRET.upper(), "PLAIN"])
    facts = TlsFacts(
        server="mx:587",
        protocol="smtp",
        version="TLSv1.3",
        cipher="c",
        verified=True,
        not_after_wall=None,
        names=(f"x{SECRET}x", "mx.acme.example"),
        issuer=f"CN={ENCODED}",
    )
    login = login_of(make_account(Protocol.SMTP, "mx"), notes, None, facts, [SECRET])
    assert login.offered == ("***", "PLAIN")
    assert login.tls
    assert login.tls.names == ("x***x", "mx.acme.example")
    assert login.tls.issuer
    assert login.tls.issuer.startswith("CN=***")
    assert ENCODED not in login.tls.issuer
