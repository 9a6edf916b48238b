"""Is it ours? A linear scan of a header section for a few fields; other people's mail never meets a mail parser.

Our own field or the Message-ID must carry a token whose HMAC verifies. A message that answers or reports on ours quotes
the token elsewhere, and is not an arrival: `In-Reply-To`, `Auto-Submitted: auto-replied` and delivery reports say so.
"""

from __future__ import annotations

from mailsonar.message.compose import TOKEN_FIELD
from mailsonar.message.token import Token, verify
from mailsonar.model.fault import LimitExceeded
from mailsonar.model.server import Secret

HEADER_LIMIT = 256 * 1024

_OURS = TOKEN_FIELD.lower().encode()
RECEIVED = b"received"
AUTHENTICATION_RESULTS = b"authentication-results"

# How many fields of a name are kept, and how many bytes of each. The last two tell of a message that is ours.
_BOUNDS = dict.fromkeys((_OURS, b"message-id", b"in-reply-to", b"auto-submitted", b"content-type"), (16, 4 * 1024))
_BOUNDS |= dict.fromkeys((RECEIVED, AUTHENTICATION_RESULTS), (50, 2 * 1024))


class HeaderScan:
    """Collect the wanted fields of one header section, line by line, unfolded (RFC 5322 section 2.2.3).

    `finished` tells that the section's end was seen. What follows it is counted by nobody and kept nowhere.

    Raises (from `take`):
        LimitExceeded: the header section is longer than 256 KiB.
    """

    __slots__ = ("_field", "_room", "_size", "fields", "finished")

    def __init__(self) -> None:
        self.fields: dict[bytes, list[bytearray]] = {}
        self.finished = False
        self._field: bytearray | None = None
        self._room = 0
        self._size = 0

    def take(self, line: bytes) -> None:
        """Read one line without its end."""
        if self.finished:
            return
        self._size += len(line) + 2
        if self._size > HEADER_LIMIT:
            raise LimitExceeded(f"a header section of more than {HEADER_LIMIT} bytes")
        if not line:
            self.finished = True
        elif line[:1] in b" \t":
            if self._field is not None:
                self._field += line[: self._room - len(self._field)]
        else:
            self._field = self._start(line)

    def _start(self, line: bytes) -> bytearray | None:
        name, _, value = line.partition(b":")
        name = name.rstrip(b" \t").lower()
        if name not in _BOUNDS:
            return None
        most, self._room = _BOUNDS[name]
        same = self.fields.setdefault(name, [])
        if len(same) >= most:
            return None
        same.append(bytearray(value[: self._room]))
        return same[-1]

    def texts(self, name: bytes) -> list[bytes]:
        """Return the values of a field as they were sent, the topmost first."""
        return [bytes(value) for value in self.fields.get(name, [])]

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of a field, in lower case and without any white space."""
        return [b"".join(value.lower().split()) for value in self.fields.get(name, [])]


def is_delivery_report(scan: HeaderScan) -> bool:
    """Tell whether a message is a delivery status notification (RFC 3462)."""
    return any(
        value.startswith(b"multipart/report") and b"delivery-status" in value for value in scan.values(b"content-type")
    )


def recognise(scan: HeaderScan, key: Secret) -> Token | None:
    """Return the token of a message that we sent, None for all other mail.

    Args:
        scan: the message's header section.
        key: the signing key of the fleet.
    """
    if _is_reply_or_report(scan):
        return None
    candidates = scan.values(_OURS) + [value.strip(b"<>").partition(b"@")[0] for value in scan.values(b"message-id")]
    for candidate in candidates:
        token = verify(candidate.decode("ascii", "replace"), key)
        if token:
            return token
    return None


def _is_reply_or_report(scan: HeaderScan) -> bool:
    return (
        bool(scan.values(b"in-reply-to"))
        or any(value.startswith(b"auto-replied") for value in scan.values(b"auto-submitted"))
        or any(value.startswith(b"multipart/report") for value in scan.values(b"content-type"))
    )
