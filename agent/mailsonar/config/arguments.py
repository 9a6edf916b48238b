"""What may be said to a server: text without control characters, addresses, hosts, token endpoints.

A line break in an argument would let a config smuggle a command into a session (RFC 5321 section 2.3.8, RFC 1939
section 3), so that none passes. The messages name what is wrong, the caller names the key, nobody shows the value.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

_BREAKING = {"Cc", "Cs", "Zl", "Zp"}
_LONGEST_ADDRESS = 254
_LONGEST_HOST = 253
_LONGEST_NAME = 200
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_TENANT = re.compile(r"[a-z0-9]([a-z0-9.-]{0,200}[a-z0-9])?", re.ASCII | re.IGNORECASE)
_ENDPOINT = "must be an https address such as https://login.example/oauth2/token, without user and fragment"
HOST = "must be a host name, an IPv4 or an IPv6 address"


def breaks_lines(text: str) -> bool:
    """Tell whether text holds CR, LF, NUL or another control character."""
    if text.isprintable():  # nearly all text is, and tens of thousands are asked about: breaking characters never are
        return False
    return any(unicodedata.category(char) in _BREAKING for char in text)


def check_text(text: str) -> str:
    """Refuse control characters and nothing at all."""
    if not text:
        raise PydanticCustomError("argument", "must not be empty")
    if breaks_lines(text):
        raise PydanticCustomError("argument", "must not hold line breaks or other control characters")
    return text


def check_address(text: str) -> str:
    """Refuse what is no mail address; the non-ASCII ones of RFC 6531 are allowed."""
    check_text(text)
    local_part, _, domain = text.partition("@")
    shaped = bool(local_part and domain) and "@" not in domain and not re.search(r"[\s<>]", text)
    if not shaped or len(text.encode()) > _LONGEST_ADDRESS:
        raise PydanticCustomError(
            "argument", "must be one mail address such as probe@example.org, without spaces and angle brackets"
        )
    return text


def check_name(text: str) -> str:
    """Refuse a name that could not be shown as a label, or stand in an address of the status page."""
    check_text(text)
    if len(text) > _LONGEST_NAME or text != text.strip() or "/" in text or text in {".", ".."}:
        raise PydanticCustomError(
            "argument", f"must be a name of at most {_LONGEST_NAME} characters, without / and spaces around it"
        )
    return text


def normalise_host(text: str) -> str:
    """Return a host as it is looked up: lower-case, an IPv6 literal without brackets, a foreign name as A-labels.

    A trailing dot stays: it tells the resolver that the name is complete.

    Raises:
        PydanticCustomError: it is no host, or more than a host.
    """
    check_text(text)
    if "://" in text or "/" in text:
        raise PydanticCustomError("argument", f"{HOST}, without a scheme or a path")
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if ":" in bare:
        return _ipv6(bare)
    if text.startswith("["):
        raise PydanticCustomError("argument", f"{HOST}; brackets are for IPv6 addresses")
    return _host_name(text)


def _ipv6(text: str) -> str:
    """Return an IPv6 address in its short form (RFC 5952)."""
    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError:
        if text.count(":") == 1 or "]:" in text:
            raise PydanticCustomError("argument", f"{HOST}, without a port: the port has its own key") from None
        raise PydanticCustomError("argument", HOST) from None


def _host_name(text: str) -> str:
    """Return a name or an IPv4 address, checked."""
    if len(text) > _LONGEST_HOST + 1:
        raise PydanticCustomError("argument", HOST)
    try:
        name = text.lower() if text.isascii() else text.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise PydanticCustomError("argument", f"{HOST}; this name has no IDNA form") from None
    labels = name.removesuffix(".").split(".")
    if len(name.removesuffix(".")) > _LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise PydanticCustomError("argument", HOST)
    if labels[-1].isdigit():
        _check_ipv4(name)
    return name


def _check_ipv4(text: str) -> None:
    """Refuse numbers that only look like an address: no top-level domain is a number."""
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        raise PydanticCustomError("argument", f"{HOST}; an IPv4 address has four numbers from 0 to 255") from None


def check_tenant(text: str) -> str:
    """Refuse what cannot stand for a tenant in the path of an address."""
    if not _TENANT.fullmatch(text):
        raise PydanticCustomError("argument", "must be the id or a domain of a tenant: letters, digits, dots, hyphens")
    return text


def check_endpoint(text: str) -> str:
    """Refuse an address that secrets may not travel to: only https verifies who is there, but on loopback."""
    check_text(text)
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise PydanticCustomError("argument", _ENDPOINT) from None
    is_plain = parts.scheme == "http" and _is_loopback(host)
    is_odd = parts.username is not None or parts.fragment or not text.isascii() or " " in text
    if not host or is_odd or not (parts.scheme == "https" or is_plain):
        raise PydanticCustomError("argument", _ENDPOINT)
    return text


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


Text = Annotated[str, AfterValidator(check_text)]
Tenant = Annotated[str, AfterValidator(check_tenant)]
Endpoint = Annotated[str, AfterValidator(check_endpoint)]
Address = Annotated[str, AfterValidator(check_address)]
Host = Annotated[str, AfterValidator(normalise_host)]
