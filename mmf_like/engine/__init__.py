"""The one place that knows every layer: puts a run together from a final config and does what a command asks."""
