"""Whether PEM files are what a config takes them for, as OpenSSL sees it."""

from __future__ import annotations

import ssl
from pathlib import Path

from mailsonar.config.files import FileUnusable, read_file

_LARGEST_BYTES = 16 * 2**20


def wrong_with_authorities(ca_file: Path) -> str | None:
    """Return why OpenSSL cannot trust what is in a file; None where it can."""
    try:
        read_file(ca_file, limit=_LARGEST_BYTES)
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=ca_file)
    except FileUnusable as error:
        return f"{ca_file} cannot be read: {error}; name a readable PEM file"
    except OSError:  # ssl.SSLError is one
        return f"{ca_file} holds no certificate: name a PEM file with -----BEGIN CERTIFICATE-----"
    return None


def wrong_with_pair(certificate: Path, key: Path) -> str | None:
    """Return why OpenSSL does not take two files for a certificate and its key; None where it does."""
    for path in (certificate, key):
        try:
            read_file(path, limit=_LARGEST_BYTES)
        except FileUnusable as error:
            return f"{path} cannot be read: {error}; name a readable PEM file"
    try:
        # The empty password keeps OpenSSL from asking for one at the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password="")
    except OSError:
        return "certificate and key must be PEM files that belong together, the key not encrypted"
    return None
