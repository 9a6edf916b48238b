"""Embedded mail servers on loopback, with faults that come and go: for the demo and for tests, never for real mail."""
