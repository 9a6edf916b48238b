"""The JSON Schema of the config, as editors read it."""

from __future__ import annotations

import json

from mailsonar.config.schema import json_schema


def test_the_json_schema_describes_every_key() -> None:
    """Editors show a description for each key of the config, and know the dialect."""
    schema = json.loads(json.dumps(json_schema()))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    mappings = [schema, *schema["$defs"].values()]
    keys = {key: described for mapping in mappings for key, described in mapping["properties"].items()}
    assert [key for key, described in keys.items() if not described.get("description")] == []
    assert all(mapping["title"] and mapping["additionalProperties"] is False for mapping in mappings)
    assert {"signing_key", "from", "to", "min_version", "logins_per_hour", "authserv_id", "include"} <= set(keys)
