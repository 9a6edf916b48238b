"""The named faults of a POP3 server; response codes are those of RFC 2449 and 3206."""

from __future__ import annotations

from mailsonar.sandbox.acts import does, insist
from mailsonar.sandbox.faults import CREDENTIALS, GREETING, ServerFault, hides, says

TURNED_AWAY = says("-ERR [SYS/TEMP] Try again later", GREETING)
STLS_NOT_OFFERED = hides("STLS")
STLS_REFUSED = says("-ERR [SYS/TEMP] TLS not available", "STLS")
STLS_INJECTED = ServerFault(name="injects behind the go-ahead", injects=b"+OK injected\r\n")
LOGIN_REFUSED = says("-ERR [AUTH] Authentication failed", CREDENTIALS)
LOGIN_REFUSED_BARELY = says("-ERR Authentication failed", CREDENTIALS)
IN_USE = says("-ERR [IN-USE] Maildrop is locked by another session", CREDENTIALS)
LOGIN_DELAY = says("-ERR [LOGIN-DELAY] Minimum time between log-ins has not passed", CREDENTIALS)
TEMPORARY_TROUBLE = says("-ERR [SYS/TEMP] Mail store is not available", CREDENTIALS)
PERMANENT_TROUBLE = says("-ERR [SYS/PERM] Mail store is broken", CREDENTIALS)
NO_CAPA = hides("CAPA")
NO_UIDL = hides("UIDL")
NO_TOP = hides("TOP")
EQUAL_UNIQUE_IDS = ServerFault(name="shows the same unique-id for all", unique_id="same")
CAPABILITIES_REFUSED = says("-ERR What?", "CAPA")
CAPABILITIES_GARBAGE = says("Capabilities: all of them", "CAPA")
CHALLENGE_TOO_MANY = says("+ ", "AUTH")
CHALLENGES_WITHOUT_END = does("challenges without end", "AUTH", insist(b"+ \r\n"))
STAT_DISAGREES = says("+OK 7 1000000", "STAT")
STAT_ABSURD = says("+OK -1 99999999999999999999999999", "STAT")
STAT_REFUSED = says("-ERR [SYS/TEMP] No idea", "STAT")
TOP_IGNORES_ITS_COUNT = ServerFault(name="shows the whole message with TOP", ignores_count=True)
MESSAGE_VANISHES = says("-ERR Message expunged", "TOP", "RETR")
DELE_REFUSED = says("-ERR [SYS/TEMP] Cannot delete now", "DELE")
QUIT_REFUSED = says("-ERR [SYS/TEMP] Some deleted messages were not removed", "QUIT")


def temporary_trouble(*moments: str) -> ServerFault:
    """Say at these moments that the system is in trouble for now (RFC 3206)."""
    return says("-ERR [SYS/TEMP] Internal error, try again later", *moments)


def answers_twice(reply: str, moment: str) -> ServerFault:
    """Answer one command with two replies."""
    return says(f"{reply}\r\n{reply}", moment)
