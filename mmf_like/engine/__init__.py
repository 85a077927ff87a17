"""The one place that knows every layer: from a final config to data, model and trainer, and what a command does with them."""
