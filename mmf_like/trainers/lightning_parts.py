"""What the trainer plugs into Lightning: our checkpoint files, our loaders, and the collecting of predictions."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.plugins.io import CheckpointIO
from pytorch_lightning.profilers import PassThroughProfiler

from mmf_like.checkpoint.store import CheckpointStore, load_checkpoint
from mmf_like.common.errors import CheckpointError
from mmf_like.datasets.multi_datamodule import MultiDataModule
from mmf_like.trainers.loop import TrainLoop


class NoProfiler(PassThroughProfiler):
    """Profiles nothing, at no cost: Lightning opens a profiler's context some sixty times a batch."""

    def profile(self, action_name: str) -> Any:
        return _NOTHING


_NOTHING = nullcontext()


class StoreIO(CheckpointIO):
    """Sends Lightning's checkpoints through our store: atomic, verified, without pickle.

    A failed save is put into the caller's list `failures` where one is passed: all ranks wait for each other after
    a save, so the one that writes must come back.
    """

    def __init__(self, store: CheckpointStore, reset: Mapping[str, bool]):
        self.store, self.reset = store, reset

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        options = dict(storage_options or {"step": checkpoint["global_step"], "metrics": {}})
        failures = options.pop("failures", None)
        try:
            self.store.save(checkpoint, **options)
        except CheckpointError as error:
            if failures is None:
                raise
            failures.append(error)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        checkpoint = load_checkpoint(path)
        if self.reset.get("optimizer"):
            checkpoint["optimizer_states"] = []
        if self.reset.get("counts"):
            checkpoint["lr_schedulers"], checkpoint["callbacks"] = [], {}
        if self.reset.get("fp16_scaler"):
            checkpoint.pop("MixedPrecision", None)
        return checkpoint

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)


class Loaders(pl.LightningDataModule):
    """Makes the loaders when Lightning asks: by then ranks are known and counters restored."""

    def __init__(self, data: MultiDataModule, loop: TrainLoop, validates: bool):
        super().__init__()
        self.data, self.loop, self.validates = data, loop, validates

    def train_dataloader(self) -> Any:
        rank, world_size = self._ranks()
        plan = self.loop.plan = self.data.train_plan(rank, world_size)
        self.loop.compare_plan()
        state, pace = self.loop.state, self.loop.pace
        start, stop = state.batches, state.batches + (pace.max_updates - state.updates) * pace.accumulate
        return self.data.train_loader(plan, start=start, stop=stop, world_size=world_size)

    def val_dataloader(self) -> Any:
        return self.data.eval_loader("val", *self._ranks()) if self.validates else []

    def _ranks(self) -> tuple[int, int]:
        assert self.trainer is not None
        return self.trainer.global_rank, self.trainer.world_size


class Collect(pl.Callback):
    """Hands every evaluated batch to a reporter."""

    def __init__(self, reporter: Any):
        self.reporter = reporter

    def on_validation_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, *args: Any) -> None:
        self.reporter.add_batch(batch, outputs, pl_module)

    def on_test_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, *args: Any) -> None:
        self.reporter.add_batch(batch, outputs, pl_module)
