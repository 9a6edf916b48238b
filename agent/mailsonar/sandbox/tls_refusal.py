"""A TLS handshake that the server refuses, with the alert that says why (RFC 8446 section 6); asyncio sends none."""

from __future__ import annotations

import asyncio
import ssl

from mailsonar.sandbox.acts import Ear, close


async def refuse_tls(transport: asyncio.Transport, context: ssl.SSLContext) -> None:
    """Do the server's side of a handshake up to the alert, and close.

    Args:
        transport: not within TLS yet.
        context: one that this client cannot satisfy.

    Raises:
        ConnectionResetError: always; nothing can follow.
    """
    ear, incoming, outgoing = Ear(transport), ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_side=True)
    while not _is_over(session):
        transport.write(outgoing.read())
        incoming.write(await ear.hear())
    transport.write(outgoing.read())
    await close(transport)


def _is_over(session: ssl.SSLObject) -> bool:
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        return False
    except ssl.SSLError:
        return True
    return True
