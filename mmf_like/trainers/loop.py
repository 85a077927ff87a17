"""TrainLoop: what happens around Lightning's training loop, at which update, and in which order.

One Lightning callback on purpose: Lightning calls every callback at every hook of every batch. After each update,
in this order: count, log, epoch end, validation (by Lightning) or save, then a wish to stop.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

import pytorch_lightning as pl
import torch

from mmf_like.checkpoint.store import CheckpointStore
from mmf_like.common.errors import CheckpointError, TrainingError
from mmf_like.common.report import Report
from mmf_like.datasets.multi_datamodule import MultiDataModule
from mmf_like.datasets.plan import TrainPlan
from mmf_like.distributed import any_rank, gather_objects, rank
from mmf_like.models.base_model import BaseModel
from mmf_like.trainers.callbacks.base import Callback
from mmf_like.trainers.display import Display, ScalarWriter, logger
from mmf_like.trainers.early_stopping import EarlyStopping
from mmf_like.trainers.loss_window import LossWindow
from mmf_like.trainers.state import Clock, TrainState, random_state, restore_random_state


class Interrupted(TrainingError):
    """Ctrl-C or SIGTERM came; the run saved what it had reached."""

    def __init__(self, text: str, number: int):
        super().__init__(text, number)
        self.exit_code = 128 + number

    def __str__(self) -> str:
        return self.args[0]


@dataclass(frozen=True)
class Pace:
    """How often things happen, in updates; `accumulate` batches make one update."""

    max_updates: int
    total_batches: int
    log_interval: int
    evaluation_interval: int
    checkpoint_interval: int
    accumulate: int = 1


class TrainLoop(pl.Callback):
    """Counts, logs, saves, watches for NaN and for signals, and calls the users' callbacks."""

    def __init__(
        self,
        *,
        pace: Pace,
        state: TrainState,
        store: CheckpointStore,
        early: EarlyStopping,
        display: Display,
        data: MultiDataModule,
        max_to_keep: int = -1,
        validates: bool = True,
        stop_on_nan: bool = True,
        details: Mapping[str, str] | None = None,
    ):
        self.pace, self.state, self.store, self.early = pace, state, store, early
        self.display, self.data = display, data
        self.max_to_keep, self.validates, self.stop_on_nan = max_to_keep, validates, stop_on_nan
        self.details = dict(details or {})  # further entries of every checkpoint
        self.writer: ScalarWriter | None = None
        self.callbacks: Sequence[Callback] = ()
        self.plan: TrainPlan | None = None  # set when the loader is made
        self.window = LossWindow()
        self._restored: dict[str, Any] | None = None
        self._signal: int | None = None
        self._on_cpu = True
        self.only_evaluates = False  # set while a split is measured outside training

    # -- the state in a checkpoint -------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        self._clock.tick()
        return {
            "state": self.state.to_dict(),
            "random": gather_objects(random_state()),
            "window": self.window.state_dict(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._restored = state_dict
        self.state.load(state_dict["state"])

    def on_save_checkpoint(self, trainer: pl.Trainer, pl_module: Any, checkpoint: dict) -> None:
        # The counters above say where the run is. Lightning's own belong to its epochs; ours are the plan's.
        checkpoint.pop("loops", None)
        checkpoint.update(self.details)

    # -- training ------------------------------------------------------------------------------------------------

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        epoch_loop = trainer.fit_loop.epoch_loop
        epoch_loop.batch_progress.total.ready = self.state.batches
        epoch_loop.automatic_optimization.optim_progress.optimizer.step.total.completed = self.state.updates
        self._on_cpu = pl_module.device.type == "cpu"
        if hasattr(self, "_former"):
            # Lightning has put a handler before ours that ends the run after a batch, unsaved and with exit code 0.
            signal.signal(signal.SIGTERM, self._on_signal)
        if self._restored is not None:
            states = self._restored["random"]
            if len(states) == trainer.world_size:
                restore_random_state(states[rank()])
            self.window.load_state_dict(self._restored["window"], pl_module.device)
        self._bar = self.display.bar("train", self.pace.max_updates, self.state.updates)
        self._clock = Clock(self.state)
        self._logged_at = (time.monotonic(), self.state.updates)
        self._shown_at = 0.0
        self._call("on_train_start")
        self._announce_update()

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if self.callbacks:
            self._call("on_batch_start")

    def on_before_backward(self, trainer: pl.Trainer, pl_module: Any, loss: torch.Tensor) -> None:
        # On a CPU looking costs nothing, so the weights are spared; on a GPU the window is looked at when read.
        if self._on_cpu and self.stop_on_nan and not math.isfinite(loss.item()):
            self._stop_on_nan(self.state.batches, loss.item())

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        state, pace = self.state, self.pace
        state.batches += 1
        self.window.append(outputs["losses"])
        is_update = state.batches % pace.accumulate == 0 or state.batches == pace.total_batches
        if self.callbacks:
            self._call("on_batch_end", report=Report(batch, outputs), meter=pl_module.results)
        if not is_update:
            return
        state.updates += 1
        self._bar.update(1)
        if self._on_cpu and self.display.bars and time.monotonic() - self._shown_at > 0.5:
            self._show_loss(trainer)
        should_log = state.updates % pace.log_interval == 0 or state.updates == pace.max_updates
        meter = self._log(trainer, pl_module) if should_log else {}
        assert self.plan is not None
        if state.batches % self.plan.epoch_length == 0 and pl_module.measure_train:
            self._write(pl_module.epoch_end("train"))
        if self.callbacks:
            self._call("on_update_end", report=Report(batch, outputs), meter=meter, should_log=should_log)
        validates_now = self.validates and state.updates % pace.evaluation_interval == 0
        if state.updates % pace.checkpoint_interval == 0 and not validates_now:
            self.save(trainer)
        if self._asked_to_stop(trainer):
            if validates_now or state.updates % pace.checkpoint_interval:
                self.save(trainer)
            number = signal.Signals(self._signal or signal.SIGTERM)
            raise Interrupted(
                f"Stopped by {number.name} after update {state.updates}. Saved {self.store.current}. "
                "Continue with the same command and checkpoint.resume=true",
                number,
            )
        self._announce_update()

    def on_train_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self._bar.close()
        self._clock.tick()
        self._call("on_train_end")

    def on_exception(self, trainer: pl.Trainer, pl_module: Any, exception: BaseException) -> None:
        if hasattr(self, "_bar"):
            self._bar.close()

    # -- validation ----------------------------------------------------------------------------------------------

    def on_validation_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if not self.only_evaluates:
            self._check_window()
        self._open_eval_bar("val", trainer.num_val_batches)
        self._call("on_validation_start")

    def on_validation_batch_start(
        self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        if self.callbacks:
            self._call("on_validation_batch_start")

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: Any,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._eval_bar.update(1)
        if self.callbacks:
            self._call("on_validation_batch_end", report=Report(batch, outputs))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self._eval_bar.close()
        if self.only_evaluates:
            return
        results = {key: value for key, value in pl_module.results.items() if key.startswith("val/")}
        state = self.state
        former = state.best_value, state.best_update, state.best_results
        is_best = self.early.observe(results, state.updates)
        state.val_results, state.last_validated = results, state.updates
        self._write(results)
        if not self.save(trainer, is_best=is_best) and is_best:
            # The best is what best.ckpt holds: the run ends with its weights.
            is_best = False
            state.best_value, state.best_update, state.best_results = former
        self.display.say(self._validation_line(results, is_best))
        self._call("on_validation_end", meter=results)
        if self.early.is_over(state.updates):
            trainer.should_stop = True
            self.display.say(
                f"No better {self.early.name} since update {state.best_update}: stopping at update {state.updates}."
            )

    def on_test_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self._open_eval_bar("test", trainer.num_test_batches)
        self._call("on_test_start")

    def on_test_batch_start(
        self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        if self.callbacks:
            self._call("on_test_batch_start")

    def on_test_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: Any,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._eval_bar.update(1)
        if self.callbacks:
            self._call("on_test_batch_end", report=Report(batch, outputs))

    def on_test_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self._eval_bar.close()
        self._call("on_test_end", meter=pl_module.results)

    # -- saving and stopping -------------------------------------------------------------------------------------

    def save(self, trainer: pl.Trainer, *, is_best: bool = False) -> bool:
        """Write the checkpoint of this update. When that fails the run goes on if an earlier one is whole."""
        self._check_window()
        step = self.state.updates
        options = {"step": step, "metrics": dict(self.state.val_results), "is_best": is_best}
        try:
            trainer.save_checkpoint(self.store.snapshot(step), storage_options=options)
        except CheckpointError as error:
            if self.store.newest()[0] is None:
                raise
            logger.warning("%s The run goes on.", error)
            return False
        if trainer.is_global_zero:
            self.store.prune(self.max_to_keep)
        return True

    def listen(self) -> None:
        """Let SIGINT and SIGTERM end the run after the present update; a second one ends it at once."""
        if threading.current_thread() is threading.main_thread():
            self._former = {s: signal.signal(s, self._on_signal) for s in (signal.SIGINT, signal.SIGTERM)}

    def stop_listening(self) -> None:
        for number, handler in getattr(self, "_former", {}).items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._signal is not None:
            raise KeyboardInterrupt
        self._signal = number
        self.display.say(
            f"{signal.Signals(number).name}: finishing this update, then saving. Once more to stop at once."
        )

    def _asked_to_stop(self, trainer: pl.Trainer) -> bool:
        if trainer.world_size == 1:
            return self._signal is not None
        if self.state.updates % min(self.pace.log_interval, 10):
            return False  # asking the other ranks costs a round trip
        return any_rank(self._signal is not None)

    def _check_window(self) -> None:
        if not self.stop_on_nan or self._on_cpu:
            return
        position = self.window.first_not_finite()
        if position is not None:
            self._stop_on_nan(self.state.batches - len(self.window) + position, float("nan"))

    def _stop_on_nan(self, batch: int, value: float) -> None:
        assert self.plan is not None
        update = batch // self.pace.accumulate + 1
        raise TrainingError(
            f"The loss is {value} at update {update} (batch {batch}). Its samples: "
            f"{self.data.describe('train', self.plan(batch))}. Lower the learning rate, clip the gradients "
            "(training.clip_gradients=true training.max_grad_l2_norm=0.25), or look at these samples; "
            "training.exit_on_nan_losses=false goes on."
        )

    # -- showing -------------------------------------------------------------------------------------------------

    def _log(self, trainer: pl.Trainer, pl_module: BaseModel) -> dict[str, float]:
        self._check_window()
        losses = mean_over_ranks(self.window.summary())
        self.window.clear()
        state, now = self.state, time.monotonic()
        self._clock.tick()
        updates = state.updates - self._logged_at[1]
        speed = updates / max(now - self._logged_at[0], 1e-9)
        self._logged_at = (now, state.updates)
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        epoch = self.plan.locate(state.batches)[0] if self.plan else 0
        record: dict[str, Any] = {**losses}
        if torch.cuda.is_available() and not self._on_cpu:
            record["max mem"] = f"{torch.cuda.max_memory_allocated() / 2**20:.0f} MB"
        record |= {
            "epoch": epoch,
            "num_updates": state.updates,
            "iterations": state.batches,
            "max_updates": self.pace.max_updates,
            "lr": f"{rate:.6g}",
            "ups": f"{speed:.2f}",
            "time": _duration(updates / max(speed, 1e-9)),
            "time_since_start": _duration(state.seconds),
            "eta": _duration((self.pace.max_updates - state.updates) / max(speed, 1e-9)),
        }
        self.display.log(record, f"{state.updates}/{self.pace.max_updates}")
        scalars = {**losses, "train/learning_rate": rate}
        self._write(scalars)
        self._bar.set_postfix_str(
            f"loss {losses.get('train/total_loss', float('nan')):.4f}, lr {rate:.1e}", refresh=False
        )
        return scalars

    def _show_loss(self, trainer: pl.Trainer) -> None:
        self._shown_at = time.monotonic()
        if len(self.window):
            rate = trainer.optimizers[0].param_groups[0]["lr"]
            self._bar.set_postfix_str(f"loss {self.window.last_total():.4f}, lr {rate:.1e}", refresh=False)

    def _validation_line(self, results: Mapping[str, float], is_best: bool) -> str:
        parts = [
            f"{key.removeprefix('val/')} {value:.4f}" + (" (best so far)" if is_best and key == self.early.key else "")
            for key, value in results.items()
        ]
        return f"  val  update {self.state.updates}: {', '.join(parts)}"

    def _write(self, scalars: Mapping[str, float]) -> None:
        if self.writer is not None:
            epoch = self.plan.locate(self.state.batches)[0] if self.plan else 0
            self.writer.write(scalars, update=self.state.updates, epoch=epoch)

    def _open_eval_bar(self, split: str, batches: Any) -> None:
        total = sum(batches) if isinstance(batches, list) else batches
        self._eval_bar = self.display.bar(split, total)

    def _announce_update(self) -> None:
        if self.callbacks:
            self._call("on_update_start")

    def _call(self, hook: str, **kwargs: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)(**kwargs)


def mean_over_ranks(numbers: dict[str, float]) -> dict[str, float]:
    everyone = gather_objects(numbers)
    if len(everyone) == 1:
        return numbers
    keys = {key: None for part in everyone for key in part}
    return {key: sum(p[key] for p in everyone if key in p) / sum(key in p for p in everyone) for key in keys}


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(max(int(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}h {minutes:02d}m {seconds:02d}s"
