"""Run: what a run is made of, decided once and passed down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Run:
    """One run of one command.

    `config` is final and read-only. `seed` is the number that everything random is derived from. `is_main` is
    true on the process that writes files and speaks. `is_terminal` decides about progress bars.
    """

    config: Any
    seed: int
    is_main: bool
    is_terminal: bool
    quiet: bool

    @property
    def save_dir(self) -> Path:
        return Path(self.config.env.save_dir)

    @property
    def dataset_names(self) -> list[str]:
        datasets = self.config.datasets
        return [name.strip() for name in datasets.split(",")] if isinstance(datasets, str) else list(datasets)

    @property
    def model_name(self) -> str:
        return self.config.model

    def wants(self, split: str) -> bool:
        """Whether `run_type` asks for a split: `train`, `val`, or `test` (MMF's `inference` and `predict` too)."""
        words = {"train": ("train",), "val": ("val",), "test": ("test", "inference", "predict")}[split]
        return any(word in self.config.run_type for word in words)
