from . import simple

__all__ = ["simple"]
