"""Servers that repeat what proves who we are, in every form and for every mechanism: a transcript shows none of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from tests.support.leaks import leaks
from tests.support.observed import make_attempt, make_route
from tests.support.scripted_peer import Peer, scripted_peer, server_at

from mailsonar.clock import SystemClock
from mailsonar.dialogue import retrieve_pop3, submit
from mailsonar.dialogue.notes import LoginNotes
from mailsonar.dialogue.steps import Dialogue
from mailsonar.model.fault import MailSonarError
from mailsonar.model.oauth2 import ClientCredentials, ClientSecret, OAuth2
from mailsonar.model.server import Account, Credentials, Mechanism, Protocol, Secret, TokenCredentials
from mailsonar.model.stage import Leg, Stage
from mailsonar.model.transcript import Line, Speaker
from mailsonar.net.converse import Network, Session
from mailsonar.net.stopwatch import Stopwatch
from mailsonar.probe.transcripts import transcripts

PASSWORD = 'Kanarie<&"q7%s{0}Zz9-plus'
TOKEN = "ya29.Kanarie_" + "".join(chr(ord("a") + number * 7 % 26) for number in range(1200))
USERNAME = "probe@acme.example"
OAUTH2 = OAuth2(
    token_endpoint="https://login.example/token",
    grant=ClientCredentials(client_id="probe", proof=ClientSecret(secret=Secret("test", lambda: "client secret"))),
)
BEARER = (Mechanism.XOAUTH2, Mechanism.OAUTHBEARER)
MECHANISMS = [
    *((Protocol.SMTP, mechanism) for mechanism in Mechanism if mechanism is not Mechanism.USER),
    *((Protocol.POP3, mechanism) for mechanism in (Mechanism.USER, Mechanism.PLAIN, *BEARER)),
]
Repeat = Callable[[bytes], list[bytes]]


def decoded(word: bytes) -> bytes:
    """Return what stands in base64, with blanks for what cannot be printed."""
    try:
        return bytes(byte if 32 <= byte < 127 else 32 for byte in base64.b64decode(word, validate=True))
    except ValueError:
        return b""


def as_it_came(word: bytes) -> list[bytes]:
    """Repeat what was said."""
    return [b"you said " + word]


def in_plain(word: bytes) -> list[bytes]:
    """Repeat what it means."""
    return [b"you mean " + decoded(word)]


def in_base64(word: bytes) -> list[bytes]:
    """Repeat what it means in base64, wherever it falls."""
    return [base64.b64encode(b"x" * shift + (decoded(word) or word)) for shift in range(3)]


def in_pieces(word: bytes) -> list[bytes]:
    """Repeat what was said line by line."""
    return [word[start : start + 76] for start in range(0, len(word), 76)]


def cut_short(word: bytes) -> list[bytes]:
    """Repeat it where a text for people ends."""
    return [b"x" * width + b" " + said for width in range(150, 198, 7) for said in (word, decoded(word))]


REPETITIONS: list[Repeat] = [as_it_came, in_plain, in_base64, in_pieces, cut_short]


@dataclass(slots=True)
class Indiscreet:
    """A server that takes a login down, challenge by challenge, and then repeats all of it."""

    protocol: Protocol
    mechanism: Mechanism
    repeat: Repeat

    async def play(self, peer: Peer) -> None:
        """Serve one session."""
        is_smtp = self.protocol is Protocol.SMTP
        peer.say(b"220 indiscreet\r\n" if is_smtp else b"+OK indiscreet\r\n")
        await peer.hear_line()
        offer = f"250-indiscreet\r\n250 AUTH {self.mechanism}\r\n" if is_smtp else self._capabilities()
        peer.say(offer.encode())
        words, challenge = [], b"334 " if is_smtp else b"+ "
        for asked in self._challenges():
            words.append((await peer.hear_line()).split(b" ")[-1].strip())
            peer.say(challenge + base64.b64encode(asked) + b"\r\n" if asked is not None else b"+OK go on\r\n")
        words.append((await peer.hear_line()).split(b" ")[-1].strip())
        said = [line for word in words if word and word != self.mechanism.encode() for line in self.repeat(word)]
        no = b"".join(b"535-5.7.8 " + line + b"\r\n" for line in said) + b"535 5.7.8 no\r\n"
        peer.say(no if is_smtp else b"-ERR [AUTH] " + b" ".join(said)[:8000] + b"\r\n")
        await peer.hear_out()

    def _capabilities(self) -> str:
        return "+OK\r\nUSER\r\n.\r\n" if self.mechanism is Mechanism.USER else f"+OK\r\nSASL {self.mechanism}\r\n.\r\n"

    def _challenges(self) -> Iterator[bytes | None]:
        if self.mechanism is Mechanism.LOGIN:
            yield from (b"Username:", b"Password:")
        elif self.mechanism is Mechanism.CRAM_MD5:
            yield b"<1896.697170952@indiscreet>"
        elif self.mechanism is Mechanism.USER:
            yield None
        elif self.mechanism in BEARER:
            yield b""
            yield json.dumps({"status": "400", "error_description": f"{TOKEN} is no good"}).encode()


def account(protocol: Protocol, mechanism: Mechanism, port: int) -> Account:
    """Return an account that logs in so."""
    credentials: Credentials | TokenCredentials = Credentials(
        username=USERNAME, password=Secret("test", lambda: PASSWORD)
    )
    if mechanism in BEARER:
        credentials = TokenCredentials(username=USERNAME, oauth2=OAUTH2, token=Secret("test", lambda: TOKEN))
    server = server_at(port, protocol=protocol)
    return Account(server=server, credentials=credentials, mechanism=mechanism, allow_plaintext_auth=True)


def knock(account: Account, name: str) -> Dialogue[None]:
    """Try to log in."""
    if account.server.protocol is Protocol.SMTP:
        yield from submit.open_session(account, name, submit.SubmissionNotes())
    else:
        yield from retrieve_pop3.open_session(account, LoginNotes())


async def refused(net: Network, server: Indiscreet, secrets: list[str]) -> tuple[Line, ...]:
    """Return the transcript of a login that the server refuses."""
    async with scripted_peer(server.play) as port:
        who = account(server.protocol, server.mechanism, port)
        session = Session(net, who.server, Stopwatch(Leg.SUBMISSION, SystemClock()))
        with pytest.raises(MailSonarError):
            await session.hold(lambda name: knock(who, name))
    recording = session.stopwatch.recording
    [told] = transcripts(make_attempt(make_route()), [recording], lambda: secrets, recording.started)
    return told.lines


@pytest.mark.parametrize("repeat", REPETITIONS, ids=lambda repeat: repeat.__name__)
@pytest.mark.parametrize(("protocol", "mechanism"), MECHANISMS)
async def test_what_a_server_repeats_is_struck_out(
    net: Network, protocol: Protocol, mechanism: Mechanism, repeat: Repeat
) -> None:
    """Neither the secret, nor a proof of it, nor a piece of either shows; that somebody tried to log in does."""
    lines = await refused(net, Indiscreet(protocol, mechanism, repeat), [PASSWORD, TOKEN])
    text = "\n".join(line.text for line in lines)
    assert leaks(text, (PASSWORD, TOKEN)) == set()
    said = [line.text for line in lines if line.who is Speaker.CLIENT and line.stage is Stage.AUTHENTICATE]
    assert all("***" in one or one in (f"AUTH {mechanism}", f"USER {USERNAME}") for one in said)
    assert (lines[-1].who, lines[-1].stage) == (Speaker.EVENT, Stage.AUTHENTICATE)


@pytest.mark.parametrize("repeat", [as_it_came, in_plain])
async def test_a_proof_does_not_show(net: Network, repeat: Repeat) -> None:
    """CRAM-MD5 sends no password, but passwords can be tried against what it sends: that is as secret."""
    lines = await refused(net, Indiscreet(Protocol.SMTP, Mechanism.CRAM_MD5, repeat), [PASSWORD])
    text = "\n".join(line.text for line in lines)
    assert [line.text for line in lines if line.text.startswith("334")] == ["334 ***"]
    assert not [word for word in text.split() if len(word) == 32]
    assert base64.b64encode(USERNAME.encode()).decode()[:20] not in text


@pytest.mark.parametrize(("protocol", "mechanism"), MECHANISMS)
async def test_what_is_veiled_needs_no_second_guard(net: Network, protocol: Protocol, mechanism: Mechanism) -> None:
    """Where nobody knows the secrets, what we sent shows neither in our lines nor where the server repeats them."""
    lines = await refused(net, Indiscreet(protocol, mechanism, as_it_came), [])
    shown = [line.text for line in lines if mechanism in BEARER or line.who is Speaker.CLIENT]
    assert leaks("\n".join(shown), (PASSWORD, TOKEN)) == set()
