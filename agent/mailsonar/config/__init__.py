"""Reads the operator's config file, checks it whole, and resolves it into the model's frozen values."""
