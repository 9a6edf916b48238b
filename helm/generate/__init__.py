"""Writes what the chart holds of the rest of the project: dashboards, rules, and the table of values in its README."""
