"""The named faults of a POP3 server; response codes are those of RFC 2449 and 3206."""

from __future__ import annotations

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
MESSAGE_VANISHES = says("-ERR Message expunged", "TOP", "RETR")
DELE_REFUSED = says("-ERR [SYS/TEMP] Cannot delete now", "DELE")
QUIT_REFUSED = says("-ERR [SYS/TEMP] Some deleted messages were not removed", "QUIT")
