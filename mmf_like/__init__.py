"""Vision-and-language models from a YAML config: train, evaluate, predict.

Importing this package imports nothing heavy: the public names below are looked up when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "registry": "mmf_like.common.registry",
    "Sample": "mmf_like.common.sample",
    "SampleList": "mmf_like.common.sample",
    "Report": "mmf_like.common.report",
    "BaseModel": "mmf_like.models.base_model",
    "build_model": "mmf_like.models.build",
    "run": "mmf_like.cli.run",
    "predict": "mmf_like.cli.predict",
}
__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'mmf_like' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
