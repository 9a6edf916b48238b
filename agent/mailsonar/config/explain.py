"""Checks a part of a document against its model, and says in an operator's words what does not fit.

Pydantic's own texts and the values that it complains of stay here: they may hold a secret.
"""

from __future__ import annotations

from typing import TypeVar, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mailsonar.config.durations import DURATION
from mailsonar.config.problem import Place, Report
from mailsonar.config.secrets import ALLOW_INLINE
from mailsonar.config.server_schema import Part
from mailsonar.config.wording import Loc, within_secret
from mailsonar.config.yaml_scalars import Scalar

P = TypeVar("P", bound=Part)

_TYPES = {
    "missing": "is missing, but required",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping (key: value)",
    "model_type": "must be a mapping (key: value)",
    "list_type": "must be a list (- item, or [item, item])",
    "too_short": "must have at least one item",
}


def checked(model: type[P], value: object, place: Place, report: Report, *, inline_secrets: bool) -> P | None:
    """Return a place's value as its model; None where it does not fit, after telling the report why."""
    try:
        return model.model_validate(value, context={ALLOW_INLINE: inline_secrets})
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    for detail in _without_consequences(model, details):
        at = Place(place.document, place.loc + detail["loc"])
        report.wrong(at, _explain(model, detail, at))
    return None


def _without_consequences(model: type[Part], details: list[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out what is missing only because what stands in its place is not supported yet, or is no provider."""
    replaced = {detail["loc"][:-1] for detail in details if _is_not_yet(model, detail) or _is_no_provider(detail)}
    return [detail for detail in details if detail["type"] != "missing" or detail["loc"][:-1] not in replaced]


def _is_no_provider(detail: ErrorDetails) -> bool:
    """Tell whether something else than a provider stands where one should."""
    return detail["loc"][-1:] == ("provider",)


def _is_not_yet(model: type[Part], detail: ErrorDetails) -> bool:
    """Tell whether an unknown key is one of a later version."""
    part = _model_at(model, detail["loc"][:-1])
    return detail["type"] == "extra_forbidden" and part is not None and detail["loc"][-1] in part.not_yet


def _explain(model: type[Part], detail: ErrorDetails, place: Place) -> str:
    """Return the message for one of pydantic's errors."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        part = _model_at(model, detail["loc"][:-1])
        return unknown_key(part, detail["loc"][-1]) if part else "unknown key"
    if kind == "literal_error":
        message = "must be " + str(context["expected"]).replace("'", "")
    elif kind in {"greater_than_equal", "less_than_equal"}:
        message = "must be at least {ge}" if "ge" in context else "must be at most {le}"
        message = message.format(**context)
    else:
        message = _TYPES.get(kind, detail["msg"])
    written = None if within_secret(place.loc) else place.document.scalar(place.loc)
    return _with_reading(kind, message, written)


def _with_reading(kind: str, message: str, written: Scalar | None) -> str:
    """Add what YAML made of a value, where that is not what people read there."""
    if written is None or kind == "missing":
        return message
    if kind == "duration" and written.surprise:
        return f"{DURATION}; {written.surprise}"
    if kind == "string_type" and written.value is not None:
        return f"{message}; {written.surprise or f'YAML reads this as {written.kind}'}: put it in quotes"
    return f"{message}; {written.surprise}" if written.surprise else message


def unknown_key(part: type[Part], key: object) -> str:
    """Return the message for a key that a mapping does not have."""
    if key in part.not_yet:
        return "not supported by this version"
    return f"unknown key; allowed: {', '.join(keys_of(part))}"


def keys_of(part: type[Part]) -> list[str]:
    """Return the keys of a mapping, as they are written."""
    return [info.alias or name for name, info in part.model_fields.items()]


def _model_at(model: type[Part], loc: Loc) -> type[Part] | None:
    """Return the model of the mapping at a place; None where there is none."""
    for key in loc:
        fields = {info.alias or name: info.annotation for name, info in model.model_fields.items()}
        inner = _inner_model(fields.get(str(key)))
        if inner is None:
            return None
        model = inner
    return model


def _inner_model(annotation: object) -> type[Part] | None:
    """Return the model that a field's type is."""
    for kind in (annotation, *get_args(annotation)):  # `Part | None` is a union
        if isinstance(kind, type) and issubclass(kind, Part):
            return kind
    return None
