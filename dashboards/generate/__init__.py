"""Writes the Grafana dashboards from the declarations of the metrics: `make dashboards` runs it."""
