"""Times SampleList of 64 samples over torch's `default_collate` of dicts: `python tools/bench/collate.py`."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.data import default_collate

from mmf_like.common.sample import Sample, SampleList

TARGETS = {"with_image": 1.0, "without_image": 1.5}


def measure(rounds: int = 31) -> dict[str, float]:
    """Median over alternating rounds of our time divided by torch's, with and without a 3x224x224 image."""
    torch.set_num_threads(1)
    return {
        "with_image": _ratio(_rows(64, image=True), rounds, repeats=1),
        "without_image": _ratio(_rows(64, image=False), rounds, repeats=20),
    }


def _rows(num: int, *, image: bool) -> list[dict[str, Any]]:
    generator = torch.Generator().manual_seed(0)
    rows = []
    for index in range(num):
        row: dict[str, Any] = {
            "text": torch.randint(0, 1000, (128,), generator=generator),
            "tokens": ["what", "is", "this", "?"],
            "question": {"input_ids": torch.randint(0, 1000, (20,), generator=generator), "id": f"q{index}"},
        }
        if image:
            row["image"] = torch.rand(3, 224, 224, generator=generator)
        rows.append(row)
    return rows


def _ratio(rows: list[dict[str, Any]], rounds: int, repeats: int) -> float:
    samples = [Sample(row) for row in rows]
    ratios = []
    for _ in range(rounds):
        ours = _seconds(SampleList, samples, repeats)
        theirs = _seconds(default_collate, rows, repeats)
        ratios.append(ours / theirs)
    return statistics.median(ratios)


def _seconds(collate: Callable[[Any], Any], rows: Any, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        collate(rows)
    return time.perf_counter() - start


if __name__ == "__main__":
    for name, ratio in measure().items():
        print(f"{name}: {ratio:.3f} (target {TARGETS[name]})")
