"""Making a SampleList of 64 samples against torch's `default_collate` of the same samples as dicts."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.data import default_collate

from mmf_like.common.sample import Sample, SampleList
from tools.bench.ratio import Ratio


def measure(rounds: int = 31) -> list[Ratio]:
    torch.set_num_threads(1)
    return [
        _measure("SampleList of 64 with images 3x224x224", 1.0, rounds, image=True, repeats=1),
        _measure("SampleList of 64 without images", 1.5, rounds, image=False, repeats=20),
    ]


def _measure(name: str, bound: float, rounds: int, *, image: bool, repeats: int) -> Ratio:
    rows = _rows(64, image=image)
    samples = [Sample(row) for row in rows]
    pairs = []
    for index in range(rounds):
        # Who goes second finds memory as the first has left it, so they take turns.
        if index % 2:
            ours = _seconds(SampleList, samples, repeats)
            other = _seconds(default_collate, rows, repeats)
        else:
            other = _seconds(default_collate, rows, repeats)
            ours = _seconds(SampleList, samples, repeats)
        pairs.append((ours, other))
    ours_ms, other_ms = (statistics.median(pair[i] for pair in pairs) * 1e3 for i in (0, 1))
    return Ratio(name, statistics.median(a / b for a, b in pairs), bound, ours=ours_ms, other=other_ms, unit="ms")


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


def _seconds(collate: Callable[[Any], Any], rows: Any, repeats: int) -> float:
    start = time.process_time()
    for _ in range(repeats):
        collate(rows)
    return (time.process_time() - start) / repeats
