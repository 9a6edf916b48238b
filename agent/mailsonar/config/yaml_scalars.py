"""What YAML 1.1 makes of a scalar, and how to tell an operator that it is not what was meant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

from mailsonar.config.wording import printable

TAG = "tag:yaml.org,2002:"
_CONSTRUCTOR = yaml.constructor.SafeConstructor()
_READERS: dict[str, Callable[[yaml.ScalarNode], Any]] = {
    TAG + "int": _CONSTRUCTOR.construct_yaml_int,
    TAG + "float": _CONSTRUCTOR.construct_yaml_float,
    TAG + "bool": _CONSTRUCTOR.construct_yaml_bool,
    TAG + "null": lambda _: None,
}
# A date or a lone "=" has a meaning in YAML 1.1, but none here: they stay the text that was written.
_TEXT = {TAG + "str", TAG + "timestamp", TAG + "value"}


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar as it was written, and as YAML reads it."""

    written: str = field(repr=False)
    value: object = field(repr=False)

    @property
    def kind(self) -> str:
        """Return what YAML takes it for."""
        if self.value is None:
            return "nothing"
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        return "text" if isinstance(self.value, str) else "a number"

    @property
    def surprise(self) -> str | None:
        """Return a sentence where YAML reads something other than what was written."""
        if isinstance(self.value, str) or self.written.lower() in {_shown(self.value).lower(), "null", "~", ""}:
            return None
        number = f"the number {_shown(self.value)}" if self.kind == "a number" else self.kind
        return f"YAML reads {printable(self.written)} as {number}"


def scalar(node: yaml.ScalarNode) -> Scalar:
    """Return a scalar node's plain value.

    Raises:
        ValueError: the tag is foreign, or the text does not fit it; the message tells, without the text.
    """
    if node.tag in _TEXT:
        return Scalar(node.value, node.value)
    reader = _READERS.get(node.tag)
    if reader is None:
        raise ValueError("YAML tags (!...) are not supported; text that starts with ! needs quotes")
    try:
        return Scalar(node.value, reader(node))
    except (ValueError, KeyError, IndexError, OverflowError):
        raise ValueError("YAML takes this for a number or a boolean, but it is none: put it in quotes") from None


def is_text(node: yaml.ScalarNode) -> bool:
    """Tell whether YAML leaves a scalar as it was written."""
    return node.tag in _TEXT


def _shown(value: object) -> str:
    """Return a value as text; Python refuses to write out the largest integers."""
    return "of very many digits" if isinstance(value, int) and abs(value) > 10**30 else str(value)
