"""TrainLoop: what happens around Lightning's training loop, at which update, and in which order.

One Lightning callback on purpose: Lightning calls every callback at every hook of every batch. After each update,
in this order: count, log, epoch end, validation (by Lightning) or save, then a wish to stop.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch

from mmf_like.checkpoint.store import CheckpointStore
from mmf_like.common.errors import CheckpointError, TrainingError
from mmf_like.common.report import Report
from mmf_like.datasets.multi_datamodule import MultiDataModule
from mmf_like.datasets.plan import TrainPlan
from mmf_like.distributed import gather_objects, rank
from mmf_like.trainers.callbacks.base import Callback
from mmf_like.trainers.display import Display, ScalarWriter, logger
from mmf_like.trainers.early_stopping import EarlyStopping
from mmf_like.trainers.loss_window import LossWindow
from mmf_like.trainers.progress import Progress, validation_line
from mmf_like.trainers.signals import StopSignals
from mmf_like.trainers.state import TrainState, random_state, restore_random_state

ASK_RANKS_EVERY = 10  # updates between asking whether another rank was told to stop: it costs a round trip


@dataclass(frozen=True)
class Pace:
    """How often things happen, in updates; `accumulate` batches make one update."""

    max_updates: int
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
        self.signals = StopSignals(display)
        self.writer: ScalarWriter | None = None
        self.callbacks: Sequence[Callback] = ()
        self.plan: TrainPlan | None = None  # set when the loader is made
        self.progress: Progress | None = None  # from the start of training on
        self.window = LossWindow()
        self.only_evaluates = False  # set while a split is measured outside training
        self._restored: dict[str, Any] | None = None
        self._train_metrics: list[Any] | None = None  # restored counters, by rank
        self._batches_here = 0  # since this process began to train, which it does between two updates
        self._epoch_seen = 0
        self._on_cpu = True
        self._alone = True

    # -- the state in a checkpoint -------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        if self.progress is not None:
            self.progress.clock.tick()
        return {
            "state": self.state.to_dict(),
            "random": gather_objects(random_state()),
            "window": self.window.state_dict(),
            "plan": self.plan.signature() if self.plan is not None else {},
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._restored = state_dict  # its counters the trainer has taken already

    def on_save_checkpoint(self, trainer: pl.Trainer, pl_module: Any, checkpoint: dict) -> None:
        # The counters above say where the run is. Lightning's own belong to its epochs; ours are the plan's.
        checkpoint.pop("loops", None)
        checkpoint.update(self.details)
        if pl_module.measure_train:
            checkpoint["train_metrics"] = gather_objects(pl_module.metrics.dump("train"))

    def on_load_checkpoint(self, trainer: pl.Trainer, pl_module: Any, checkpoint: dict) -> None:
        self._train_metrics = checkpoint.get("train_metrics")

    def compare_plan(self) -> None:
        """Say when the batches of this run are not those that the restored counters counted."""
        assert self.plan is not None
        now, then = self.plan.signature(), (self._restored or {}).get("plan") or {}
        changed = [f"{key} was {then[key]!r}, is {now[key]!r}" for key in then if then[key] != now.get(key)]
        if changed:
            self.display.say(f"Not the batches of the run that is resumed: {'; '.join(changed)}.")

    # -- training ------------------------------------------------------------------------------------------------

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        epoch_loop = trainer.fit_loop.epoch_loop
        epoch_loop.batch_progress.total.ready = self.state.batches
        epoch_loop.automatic_optimization.optim_progress.optimizer.step.total.completed = self.state.updates
        self._on_cpu, self._alone = pl_module.device.type == "cpu", trainer.world_size == 1
        self._batches_here, self._epoch_seen = 0, self._epoch
        self.signals.take_over()
        if self._restored is not None:
            states = self._restored["random"]
            if len(states) == trainer.world_size:
                restore_random_state(states[rank()])
            self.window.load_state_dict(self._restored["window"], pl_module.device)
        if pl_module.measure_train and self._train_metrics and len(self._train_metrics) == trainer.world_size:
            pl_module.metrics.restore("train", self._train_metrics[rank()], pl_module.device)
        self.progress = Progress(self.display, self.state, self.pace.max_updates, on_cpu=self._on_cpu)
        self.progress.writer = self.writer
        self._call("on_train_start")

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if self.callbacks and self._batches_here % self.pace.accumulate == 0:
            self._call("on_update_start")
        self._call("on_batch_start")

    def on_before_backward(self, trainer: pl.Trainer, pl_module: Any, loss: torch.Tensor) -> None:
        # Alone on a CPU looking costs nothing, so the weights are spared. Elsewhere the window is looked at when it is
        # read: on a GPU looking means waiting, and of several ranks all must stop together.
        if self._on_cpu and self._alone and self.stop_on_nan and not math.isfinite(loss.item()):
            self._stop_on_nan(self.state.batches, loss.item())

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        state, pace = self.state, self.pace
        assert self.plan is not None and self.progress is not None
        state.batches += 1
        self._batches_here += 1
        self.window.append(outputs["losses"])
        if self.callbacks:
            self._call("on_batch_end", report=Report(batch, outputs), meter=pl_module.results)
        if self._batches_here % pace.accumulate:
            return
        state.updates += 1
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        self.progress.update(self.window, rate)
        should_log = state.updates % pace.log_interval == 0 or state.updates == pace.max_updates
        meter: dict[str, float] = {}
        if should_log:
            self._check_window()
            more = pl_module.metrics.numbers("train") if pl_module.measure_train else {}
            meter = self.progress.log(self.window, rate, self._epoch, more)
        if self._epoch != self._epoch_seen:
            if pl_module.measure_train:
                self.progress.write(pl_module.epoch_end("train"), self._epoch_seen)
            self._epoch_seen = self._epoch
        if self.callbacks:
            self._call("on_update_end", report=Report(batch, outputs), meter=meter, should_log=should_log)
        if not (self.validates and state.updates % pace.evaluation_interval == 0):  # a validation saves, and stops
            saves_now = state.updates % pace.checkpoint_interval == 0
            if saves_now:
                self.save(trainer)
            if self._asked_to_stop(trainer):
                if not saves_now:
                    self.save(trainer)
                raise self.signals.interrupted(state.updates, self.store.current)

    def on_train_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        assert self.progress is not None
        self.progress.close()
        self.progress.clock.tick()
        self._call("on_train_end")

    def on_exception(self, trainer: pl.Trainer, pl_module: Any, exception: BaseException) -> None:
        if self.progress is not None:
            self.progress.close()

    # -- validation and test ---------------------------------------------------------------------------------------

    def on_validation_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self.signals.take_over()
        if not self.only_evaluates:
            self._check_window()
        self._open_eval_bar("val", trainer.num_val_batches)
        self._call("on_validation_start")

    def on_validation_batch_start(self, trainer: pl.Trainer, *args: Any) -> None:
        self._call("on_validation_batch_start")

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, *args: Any
    ) -> None:
        self._tick(pl_module, outputs)
        if self.only_evaluates:
            self.signals.raise_while_measuring(batch.get("dataset_type", "val"))
        if self.callbacks:
            self._call("on_validation_batch_end", report=Report(batch, outputs))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self._eval_bar.close()
        if self.only_evaluates:
            return
        state = self.state
        results = {key: value for key, value in pl_module.results.items() if key.startswith("val/")}
        former = state.best_value, state.best_update, state.best_results
        is_best = self.early.observe(results, state.updates)
        state.val_results, state.last_validated = results, state.updates
        if self.progress is not None:
            self.progress.write(results, self._epoch)
        for schedule in trainer.lr_scheduler_configs:
            if schedule.reduce_on_plateau:
                schedule.scheduler.step(results[self.early.key])
        if not self.save(trainer, is_best=is_best) and is_best:
            # The best is what best.ckpt holds: the run ends with its weights.
            is_best = False
            state.best_value, state.best_update, state.best_results = former
        if self.display.as_json:
            self.display.log({**results, "is_best": is_best}, f"val {state.updates}/{self.pace.max_updates}")
        else:
            self.display.say(validation_line(state.updates, results, self.early.key if is_best else None))
        self._call("on_validation_end", meter=results)
        if self.early.is_over(state.updates):
            trainer.should_stop = True
            self.display.say(
                f"No better {self.early.name} since update {state.best_update}: stopping at update {state.updates}."
            )
        if self.signals.asked(everywhere=trainer.world_size > 1):
            raise self.signals.interrupted(state.updates, self.store.current)

    def on_test_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self.signals.take_over()
        self._open_eval_bar("test", trainer.num_test_batches)
        self._call("on_test_start")

    def on_test_batch_start(self, trainer: pl.Trainer, *args: Any) -> None:
        self._call("on_test_batch_start")

    def on_test_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, *args: Any) -> None:
        self._tick(pl_module, outputs)
        self.signals.raise_while_measuring("test")
        if self.callbacks:
            self._call("on_test_batch_end", report=Report(batch, outputs))

    def on_test_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self._eval_bar.close()
        self._call("on_test_end", meter=pl_module.results)

    # -- saving and stopping -------------------------------------------------------------------------------------

    def save(self, trainer: pl.Trainer, *, is_best: bool = False) -> bool:
        """Write the checkpoint of this update; whether that worked. The run goes on if an earlier one is whole."""
        self._check_window()
        step = self.state.updates
        failures: list[CheckpointError] = []  # filled by the rank that writes, which must not leave the others waiting
        options = {"step": step, "metrics": dict(self.state.val_results), "is_best": is_best, "failures": failures}
        trainer.save_checkpoint(self.store.snapshot(step), storage_options=options)
        fatal = bool(failures) and self.store.newest()[0] is None
        text, fatal = gather_objects((str(failures[0]) if failures else "", fatal))[0]
        if fatal:
            raise CheckpointError(text)
        if text:
            logger.warning("%s The run goes on.", text)
            return False
        if trainer.is_global_zero:
            self.store.prune(self.max_to_keep)
        return True

    def _asked_to_stop(self, trainer: pl.Trainer) -> bool:
        alone = trainer.world_size == 1
        return (alone or self.state.updates % ASK_RANKS_EVERY == 0) and self.signals.asked(everywhere=not alone)

    def _check_window(self) -> None:
        if not self.stop_on_nan or (self._on_cpu and self._alone):
            return
        found = [position for position in gather_objects(self.window.first_not_finite()) if position is not None]
        if found:
            self._stop_on_nan(self.state.batches - len(self.window) + min(found), float("nan"))

    def _stop_on_nan(self, batch: int, value: float) -> None:
        assert self.plan is not None
        update = self.state.updates + 1 - (self.state.batches - batch) // self.pace.accumulate
        raise TrainingError(
            f"The loss is {value} at update {update} (batch {batch}). Its samples: "
            f"{self.data.describe('train', self.plan.whole(batch))}. Lower the learning rate, clip the gradients "
            "(training.clip_gradients=true training.max_grad_l2_norm=0.25), or look at these samples; "
            "training.exit_on_nan_losses=false goes on."
        )

    # -- small things ----------------------------------------------------------------------------------------------

    @property
    def _epoch(self) -> int:
        return self.plan.locate(self.state.batches)[0] if self.plan else 0

    def _open_eval_bar(self, split: str, batches: Any) -> None:
        total = sum(batches) if isinstance(batches, list) else batches
        self._eval_bar = self.display.bar(split, total)

    def _tick(self, pl_module: Any, outputs: Any) -> None:
        """One more evaluated batch on the bar, on a CPU with its loss: elsewhere reading it would wait."""
        self._eval_bar.update(1)
        if self.display.bars and pl_module.device.type == "cpu" and "loss" in outputs:
            self._eval_bar.set_postfix_str(f"loss {outputs['loss'].item():.4f}", refresh=False)

    def _call(self, hook: str, **kwargs: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)(**kwargs)
