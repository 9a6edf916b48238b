"""Bytes to values and back: no order of events, no I/O."""
