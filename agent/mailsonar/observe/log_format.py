"""Log lines as logfmt or JSON: one record is one line, whatever text a server sent.

Everything that is not printable - line breaks, terminal escapes, bidirectional overrides, lone surrogates - leaves as
an escape sequence, and a value can never begin another field.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any, TextIO

_PLAIN = re.compile(r"[A-Za-z0-9_./:@+-]+")


def configure_logging(level: str, log_format: str, stream: TextIO) -> None:
    """Send all log records to a stream.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        log_format: `logfmt` or `json`.
        stream: takes the lines.
    """
    output = logging.StreamHandler(stream)
    output.setFormatter(JsonLines() if log_format == "json" else Logfmt())
    root = logging.getLogger()
    root.handlers[:] = [output]
    root.setLevel(level.upper())


def log_fields(**fields: Any) -> dict[str, Any]:
    """Return the `extra` of a log call that makes these values fields of the line."""
    return {"fields": fields}


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without its end."""
        return _quoted(_fields_of(record))


class Logfmt(logging.Formatter):
    """`key=value` pairs; a value with anything but plain characters is quoted as in JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without its end."""
        return " ".join(_pairs("", _fields_of(record)))


def _fields_of(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "msg": record.getMessage(),
        **getattr(record, "fields", {}),
    }
    if record.exc_info:
        fields["exception"] = logging.Formatter().formatException(record.exc_info)
    return fields


def _pairs(prefix: str, fields: dict[str, Any]) -> list[str]:
    """Return the pairs, those of a nested object with its key and a dot before theirs; null has none."""
    pairs = []
    for key, value in fields.items():
        if isinstance(value, dict):
            pairs += _pairs(f"{prefix}{key}.", value)
        elif value is not None:
            pairs.append(f"{prefix}{key}={_logfmt_value(value)}")
    return pairs


def _logfmt_value(value: Any) -> str:
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    text = str(value)
    return text if _PLAIN.fullmatch(text) else _quoted(text)


def _quoted(value: Any) -> str:
    """Return JSON in which every unprintable character is escaped, and readable letters are not."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)
