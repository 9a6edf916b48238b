"""Foreign exceptions become ours here, and nowhere else."""

from __future__ import annotations

import errno
import os
import ssl

from mailsonar.model.fault import AgentFault, ConnectFailed, Disconnected, MailSonarError, StageTimeout, TlsFailed

_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.EADDRINUSE})
_WRONG_MODE = ("WRONG_VERSION_NUMBER", "UNEXPECTED_MESSAGE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG")


def while_connecting(error: OSError, host: str) -> MailSonarError:
    """Return what a failed attempt to connect to an address amounts to."""
    words = os.strerror(error.errno).lower() if error.errno else str(error)
    if error.errno in _OURS:
        return AgentFault(f"the agent ran out of sockets: {words}")
    return ConnectFailed(f"{host}: {words}", errno=error.errno)


def while_talking(error: OSError) -> MailSonarError:
    """Return what a failed read, write or handshake amounts to; `ssl.SSLError` is an OSError, too."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return TlsFailed(error.verify_message, verify_code=error.verify_code)
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError | ConnectionError):
        return Disconnected(_words(error) or "the peer closed the connection")
    if isinstance(error, ssl.SSLError):
        hint = "; the peer seems not to speak TLS here: is `security` right?" if error.reason in _WRONG_MODE else ""
        return TlsFailed(f"{_words(error)}{hint}")
    if isinstance(error, TimeoutError):
        return StageTimeout("the network gave up waiting for the peer")
    if error.errno in _OURS:
        return AgentFault(f"the agent ran out of resources: {error.strerror}")
    return Disconnected(_words(error))


def _words(error: OSError) -> str:
    reason = getattr(error, "reason", None)
    return str(reason).replace("_", " ").lower() if reason else (error.strerror or "").lower()
