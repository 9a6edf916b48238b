"""Secrets: how a config refers to them, and where their value comes from each time it is revealed.

No message, name or representation made here holds a value.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import PlainValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from mailsonar.config.arguments import breaks_lines
from mailsonar.config.files import FileUnusable, read_file
from mailsonar.model.server import Secret, SecretUnreadable

ALLOW_INLINE = "allow_inline_secrets"  # the key of the validation context
_LARGEST_BYTES = 64 * 1024
REFERENCE = "must be {file: PATH} or {env: NAME}"
_INLINE_REFUSED = (
    "an inline secret is not allowed: write {file: PATH} or {env: NAME}, or start with --config.allow-inline-secrets"
)

Check = Callable[[str], None]
"""Refuses a value that was read, by SecretUnreadable."""


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A secret that is a file's content."""

    path: str


@dataclass(frozen=True, slots=True)
class SecretVariable:
    """A secret that is an environment variable's value."""

    name: str


@dataclass(frozen=True, slots=True)
class InlineSecret:
    """A secret that stands in the config itself."""

    value: str = field(repr=False)


Reference = SecretFile | SecretVariable | InlineSecret


def parse_reference(value: object, *, inline: bool) -> Reference:
    """Return what a secret's key refers to.

    Args:
        value: the key's value.
        inline: whether the value may be the secret itself.

    Raises:
        PydanticCustomError: it is no reference, or an inline secret that is not allowed or not text.
    """
    if isinstance(value, dict) and len(value) == 1:
        [(key, target)] = value.items()
        if key in {"file", "env"} and isinstance(target, str) and target and not breaks_lines(target):
            return SecretFile(target) if key == "file" else SecretVariable(target)
    if isinstance(value, dict | list) or value is None:
        raise PydanticCustomError("secret", REFERENCE)
    if not inline:
        raise PydanticCustomError("secret", _INLINE_REFUSED)
    if not isinstance(value, str):
        raise PydanticCustomError("secret", "YAML does not read this inline secret as text: put it in quotes")
    return InlineSecret(value)


def _validate(value: object, info: ValidationInfo) -> Reference:
    """Return what a secret's key refers to; the validation context tells whether it may be inline."""
    return parse_reference(value, inline=bool((info.context or {}).get(ALLOW_INLINE)))


SecretReference = Annotated[
    Reference,
    PlainValidator(_validate),
    WithJsonSchema(
        {
            "type": "object",
            "properties": {
                "file": {
                    "type": "string",
                    "title": "File",
                    "description": "Path of a file that holds the secret, relative to this config file's folder.",
                },
                "env": {
                    "type": "string",
                    "title": "Env",
                    "description": "Name of an environment variable that holds the secret.",
                },
            },
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
        }
    ),
]


def check_password(value: str) -> None:
    """Refuse a value that would break a protocol's line."""
    if breaks_lines(value):
        raise SecretUnreadable("holds line breaks or other control characters; a password is one line of text")


def check_signing_key(value: str) -> None:
    """Refuse a key that is shorter than the hash it feeds (RFC 2104 section 3)."""
    length = len(value.encode())
    if length < 32:
        raise SecretUnreadable(f"has {length} bytes: a signing key has at least 32")


def file_secret(path: Path, check: Check) -> Secret:
    """Return the secret that a file holds."""
    return Secret(f"file:{path}", _FileReader(path, check).read)


def variable_secret(name: str, environ: Mapping[str, str], check: Check) -> Secret:
    """Return the secret that an environment variable holds."""

    def read() -> str:
        value = environ.get(name)
        if value is None:
            raise SecretUnreadable("refers to an environment variable that is not set")
        return _checked(value, check)

    return Secret(f"env:{name}", read)


def inline_secret(value: str, check: Check) -> Secret:
    """Return the secret that stands in the config.

    Its source differs when its value does, for a reload to see; `hash` of text is keyed anew in every process.
    """
    return Secret(f"inline:{hash(value):x}", lambda: _checked(value, check))


def _checked(value: str, check: Check) -> str:
    """Return a value that can be used."""
    if not value:
        raise SecretUnreadable("is empty")
    if not _is_utf8(value):
        raise SecretUnreadable("is not UTF-8 text")
    check(value)
    return value


def _is_utf8(value: str) -> bool:
    """Tell whether a value can be encoded; an environment variable may hold bytes that cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


class _FileReader:
    """Reads a file again when it has changed; what was last read well stays in use while the file is unusable."""

    def __init__(self, path: Path, check: Check) -> None:
        self._path = path
        self._check = check
        self._signature: tuple[int, int, int] | None = None
        self._value = ""

    def read(self) -> str:
        """Return the file's value, the last good one where the file has none."""
        try:
            self._refresh()
        except SecretUnreadable:
            if not self._value:
                raise
        return self._value

    def _refresh(self) -> None:
        """Read the file, unless it is the one that was read before."""
        if self._signature is not None and self._signature == _signature_of(self._path):
            return
        try:
            state, content = read_file(self._path, limit=_LARGEST_BYTES)
            text = content.decode().rstrip("\r\n")
        except FileUnusable as error:
            raise SecretUnreadable(f"{self._path} cannot be read: {error}") from None
        except UnicodeDecodeError:
            raise SecretUnreadable(f"{self._path} is not UTF-8 text") from None
        try:
            self._value = _checked(text, self._check)
        except SecretUnreadable as error:
            raise SecretUnreadable(f"{self._path} {error}") from None
        self._signature = _signature(state)


def _signature_of(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when a file does, None where it is gone."""
    try:
        return _signature(os.stat(path))  # noqa: PTH116 - at half of Path.stat's cost; each use of a secret asks
    except OSError:
        return None


def _signature(state: os.stat_result) -> tuple[int, int, int]:
    """Return what changes when a file does: its time, its size, or which file it is."""
    return state.st_mtime_ns, state.st_size, state.st_ino
