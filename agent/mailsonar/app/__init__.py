"""The only place that builds and joins objects: the agent, its life and its end."""
