from . import broken, colour, simple

__all__ = ["broken", "colour", "simple"]
