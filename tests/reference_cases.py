"""Reads the reference cases of upstream MMF that lie in tests/data/values (see the README there)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

VALUES = Path(__file__).parent / "data" / "values"


def cases(file: str, *groups: str) -> dict[str, dict[str, Any]]:
    """Cases of a `.pt` file by id; of the named groups (`group`, or `key` where a file has that), or all."""
    found = torch.load(VALUES / file, weights_only=True)["cases"]
    return {case["id"]: case for case in found if not groups or case.get("group", case.get("key")) in groups}


def same(got: Any, expected: Any) -> bool:
    """Equal values, shapes and dtypes, through mappings and lists."""
    if isinstance(expected, torch.Tensor):
        is_tensor = isinstance(got, torch.Tensor)
        return is_tensor and got.dtype == expected.dtype and torch.equal(got, expected)
    if isinstance(expected, dict):
        return list(got) == list(expected) and all(same(got[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(got) == len(expected) and all(map(same, got, expected))
    return bool(got == expected)
