"""Runs `curl`, a mail client that is none of ours, against servers on loopback."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

URL_SCHEMES = {"starttls": "", "implicit_tls": "s", "plaintext": ""}

OK, CONNECTION_REFUSED, WEIRD_REPLY, ACCESS_DENIED, TIMED_OUT, QUOTE_FAILED = 0, 7, 8, 9, 28, 21
EMPTY_REPLY, SEND_FAILED, RECEIVE_FAILED, CERTIFICATE_BAD, TLS_UNAVAILABLE, LOGIN_DENIED = 52, 55, 56, 60, 64, 67


@dataclass(frozen=True, slots=True)
class Curl:
    """How one run of curl ended: its exit status, what it received, and its transcript."""

    status: int
    received: bytes
    transcript: str


async def curl(url: str, *arguments: str, ca: Path | None = None, user: str = "", upload: bytes | None = None) -> Curl:
    """Run curl once, at most 5 s; `upload` is the message to submit."""
    options = ["--silent", "--show-error", "--verbose", "--max-time", "5", "--crlf"]
    options += ["--cacert", str(ca), "--ssl-reqd"] if ca else []
    options += ["--user", user] if user else []
    options += ["--upload-file", "-"] if upload is not None else []
    process = await asyncio.create_subprocess_exec(
        "curl",
        *options,
        *arguments,
        url,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    received, transcript = await process.communicate(upload or b"")
    assert process.returncode is not None
    return Curl(process.returncode, received, transcript.decode("utf-8", "replace"))
