"""Other people's mail in a probed maildrop: never altered or deleted, never read beyond its header, and that once."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest
from tests.support.agent_process import AgentProcess
from tests.support.command_line import assert_no_bug_shows
from tests.support.config_text import RouteText, write_config
from tests.support.mailhost import MailHost
from tests.support.relay import Passage, relay

from mailsonar.message.token import Token
from mailsonar.model.server import Secret

pytestmark = pytest.mark.needs_calm

FOREIGN = 200
PROBES = 100
ROUTES = 10
SETTINGS = {"interval": "1s", "deadline": "20s", "give_up": "40s"}


def forged_token(number: int) -> str:
    """Return a token of the right shape whose HMAC is made with another key."""
    token = Token(
        id=f"{'a' * 18}{'abcdefghij'[number % 10]}q", route="b" * 8, instance="c" * 8, started_ms=1_795_000_000_000
    )
    return token.signed(Secret("test", lambda: "another key, of another fleet altogether"))


def foreign_message(number: int) -> bytes:
    """Return one of ten kinds of mail that is none of ours."""
    draw = random.Random(number)  # noqa: S311 - the same mail in every run
    body = draw.randbytes(2000).replace(b"\r", b"?").replace(b"\n", b"\r\n")
    plain = f"From: someone@elsewhere.example\r\nSubject: letter {number}\r\n".encode()
    kinds = (
        plain + b"\r\nA letter.\r\n",
        plain + b"".join(b"X-Gateway-%d: %s\r\n" % (line, b"x" * 900) for line in range(200)) + b"\r\nLong header.\r\n",
        plain + b"X-Bytes: \xff\xfe\x80 \xc3\x28\r\n\r\n" + body + b"\r\n",
        b"this message has no header at all\r\nand goes on\r\n",
        plain + b"\r\n.\r\n..\r\n.hidden\r\n...\r\nafter the dots\r\n",
        plain.replace(b"letter", b"Mail flow check")
        + f"X-MailSonar-Token: {forged_token(number)}\r\n\r\nMine?\r\n".encode(),
        plain + f"Message-ID: <{forged_token(number)}@mail.example>\r\nAuto-Submitted: auto-generated\r\n\r\n".encode(),
        b"",
        plain + b"X-MailSonar-Token: ms1-\r\n\t-\r\n folded\r\n\r\nbody\r\n",
        b": no name\r\n \r\n\tfolded from nothing\r\nSubject:\r\n\r\n" + b"y" * 20_000 + b"\r\n",
    )
    return kinds[number % len(kinds)] + (f"mark {number}\r\n".encode() if number % len(kinds) != 7 else b"")


class Spoken:
    """What a POP3 session said, without TLS; `reads` and `deletions` are unique-ids."""

    def __init__(self, passage: Passage) -> None:
        rows = re.findall(rb"^(\d+) (\S+)\r$", bytes(passage.answered), re.MULTILINE)
        unique_ids = dict(rows)
        commands = [line.split() for line in bytes(passage.asked).split(b"\r\n") if line]
        self.verbs = Counter(words[0].upper() for words in commands)
        self.reads = [unique_ids[words[1]] for words in commands if words[0].upper() in {b"TOP", b"RETR"}]
        self.deletions = [unique_ids[words[1]] for words in commands if words[0].upper() == b"DELE"]
        self.lines_read = {words[2] for words in commands if words[0].upper() == b"TOP"}


async def test_foreign_mail_survives_a_hundred_probes(
    mail_host: MailHost, positions: Iterator[int], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Two hundred foreign messages are there byte for byte after 100 probes; each header was read at most once."""
    maildrop, *senders = islice(positions, 1 + ROUTES)
    address = mail_host.users[maildrop].address
    foreign = {
        mail_host.deliver_raw(address, content).name: content for content in map(foreign_message, range(FOREIGN))
    }
    async with relay(mail_host.ports.pop3) as pop3:
        routes = [
            RouteText(
                name=f"to-{number}",
                sender=sender,
                maildrop=maildrop,
                pop3_security="plaintext",
                settings=SETTINGS,
                pop3_keys={"port": pop3.port, "host": "127.0.0.1"},
            )
            for number, sender in enumerate(senders)
        ]
        async with AgentProcess(write_config(mail_host, routes, tmp_path), tmp_path) as agent:
            await agent.until(lambda scrape: scrape.total("mailsonar_probes_total", outcome="on_time") >= PROBES, 90)
            scrape = await agent.metrics()
            await agent.stop()
        assert_no_bug_shows(agent.stderr)
        sessions = [Spoken(passage) for passage in pop3.passages]

    maildir = mail_host.maildir(address)
    left = {
        file.name.partition(":")[0]: file.read_bytes() for part in ("new", "cur") for file in (maildir / part).iterdir()
    }
    assert {name: left.get(name) for name in foreign} == foreign
    foreign_ids = {name.encode() for name in foreign}
    reads = Counter(unique_id for session in sessions for unique_id in session.reads)
    deletions = {unique_id for session in sessions for unique_id in session.deletions}
    verbs = sum((session.verbs for session in sessions), Counter[bytes]())
    figures = {
        "probes": scrape.total("mailsonar_probes_total"),
        "sessions": len(sessions),
        "foreign": len(foreign),
        "foreign read": sum(count for unique_id, count in reads.items() if unique_id in foreign_ids),
        "verbs": {verb.decode(): count for verb, count in verbs.items()},
    }
    record_property("foreign mail", figures)
    assert scrape.total("mailsonar_probes_total") == scrape.total("mailsonar_probes_total", outcome="on_time") >= PROBES
    assert {unique_id: reads[unique_id] for unique_id in foreign_ids} == dict.fromkeys(foreign_ids, 1)
    assert deletions.isdisjoint(foreign_ids)
    assert verbs[b"RETR"] == 0
    assert {lines for session in sessions for lines in session.lines_read} == {b"0"}
    assert verbs[b"DELE"] >= PROBES
