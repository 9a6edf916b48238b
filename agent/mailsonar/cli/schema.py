"""`mailsonar schema`: the config's JSON Schema."""

from __future__ import annotations

import json

from mailsonar.cli.flags import Arguments
from mailsonar.config.schema import json_schema


async def command(_: Arguments) -> int:
    """Print the schema; return the exit code."""
    print(json.dumps(json_schema(), indent=2))  # noqa: T201 - this is the command's output
    return 0
