from . import always_one

__all__ = ["always_one"]
