"""What people and programs read over HTTP: pages, metrics, health and the API."""
