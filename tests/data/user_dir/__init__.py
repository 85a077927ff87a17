from . import callbacks, datasets, models

__all__ = ["callbacks", "datasets", "models"]
