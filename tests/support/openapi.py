"""Holds answers of the API against its OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp
from jsonschema import Draft202012Validator, FormatChecker

FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def _is_rfc3339(value: object) -> bool:
    return not isinstance(value, str) or (value.endswith("Z") and datetime.fromisoformat(value) is not None)


@dataclass(frozen=True, slots=True)
class Operation:
    """A method on a path of a document."""

    method: str
    path: str

    def url(self, name: str) -> str:
        """Return what to ask for, where `{name}` stands for a route."""
        return self.path.replace("{name}", name)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    """Yield all that a document tells of."""
    for path, item in document["paths"].items():
        for method in item:
            yield Operation(method.upper(), path)


async def hold(answer: aiohttp.ClientResponse, operation: Operation, document: dict[str, Any]) -> Any:
    """Insist that an answer is one that the document tells of: status, headers, type and body.

    Returns:
        The body.
    """
    told = document["paths"][operation.path][operation.method.lower()]["responses"]
    assert str(answer.status) in told, f"{operation}: {answer.status} is not in the document"
    response = told[str(answer.status)]
    assert set(response.get("headers", {})) <= set(answer.headers)
    assert answer.content_type in response["content"]
    schema = response["content"][answer.content_type]["schema"]
    return fits(await answer.json(), schema, document)


def fits(value: Any, schema: dict[str, Any], document: dict[str, Any]) -> Any:
    """Insist that a value fits a schema of the document, and return it."""
    whole = {**schema, "components": document["components"]}
    problems = [
        f"{error.json_path}: {error.message}"
        for error in Draft202012Validator(whole, format_checker=FORMATS).iter_errors(value)
    ]
    assert problems == []
    return value
