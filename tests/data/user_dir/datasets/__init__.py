from . import always_one, pictures

__all__ = ["always_one", "pictures"]
