"""The RFC 5322 side of a probe: composing ours, and telling it from other mail without parsing that."""
