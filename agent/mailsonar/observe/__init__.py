"""Consumers of results: metrics, history and log; siblings that do not know each other."""
