from . import datasets, models

__all__ = ["datasets", "models"]
