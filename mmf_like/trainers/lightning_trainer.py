"""LightningTrainer: trains, evaluates and predicts one model on one set of data, on Lightning."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from mmf_like.checkpoint.store import CheckpointStore, load_checkpoint
from mmf_like.checkpoint.weights import load_selected, load_weights, weights_of
from mmf_like.common.errors import CheckpointError, ConfigError
from mmf_like.common.registry import registry
from mmf_like.common.run import Run
from mmf_like.config.lightning import effective_training, trainer_arguments
from mmf_like.datasets.multi_datamodule import MultiDataModule
from mmf_like.datasets.plan import derived_seed, per_rank_batch_size
from mmf_like.io.files import write_atomically
from mmf_like.io.git import git_details
from mmf_like.models.base_model import BaseModel
from mmf_like.trainers.display import Display, ScalarWriter, logger
from mmf_like.trainers.early_stopping import EarlyStopping
from mmf_like.trainers.lightning_parts import Collect, Loaders, NoProfiler, StoreIO
from mmf_like.trainers.loop import Pace, TrainLoop
from mmf_like.trainers.state import TrainState


@registry.register_trainer("mmf")
@registry.register_trainer("lightning")
class LightningTrainer:
    """The one trainer. `train`, then `evaluate` a split; everything a run leaves behind is in `run.save_dir`."""

    def __init__(self, run: Run, model: BaseModel, data: MultiDataModule):
        self.run, self.model, self.data = run, model, data
        config = run.config
        self.display = Display(run)
        self.state = TrainState()
        self.store = CheckpointStore(run.save_dir, model.get_ckpt_name())
        self.early = EarlyStopping(
            config.training.early_stop, self.state, lambda name: model.metrics.main_metric(name)[1]
        )
        self.resume_from: Path | None = None
        self.weights_from: Path | None = None  # a file that weights were taken from, and their update if it tells
        self.weights_update: int | None = None
        self.validates = run.wants("train") and run.wants("val") and bool(data.datasets("val"))
        arguments = trainer_arguments(config)
        self.accumulate = int(arguments.get("accumulate_grad_batches", 1))
        self.loop = TrainLoop(
            pace=Pace(0, 1, 1, 1),
            state=self.state,
            store=self.store,
            early=self.early,
            display=self.display,
            data=data,
            max_to_keep=config.checkpoint.max_to_keep,
            validates=self.validates,
            stop_on_nan=config.training.exit_on_nan_losses,
            details=git_details() if config.checkpoint.save_git_details else {},
        )
        self.lightning = self._lightning(arguments)
        world_size = self.lightning.world_size
        per_rank_batch_size(data.batch_size(world_size), world_size)
        if run.wants("train"):
            self.loop.pace = self._pace(world_size)
            self._tell_schedule(self.loop.pace.max_updates)
            model.configure_optimizers()  # a mistake in its settings shows before anything is written
        self.check_criterion()
        self.loop.callbacks = [
            registry.find("callback", item["type"])(config, self, **(item.get("params") or {}))
            for item in config.training.callbacks
        ]

    # -- set-up --------------------------------------------------------------------------------------------------

    def check_criterion(self) -> None:
        """A criterion that no validation gives is refused before the first update."""
        if not self.validates:
            if self.early.enabled and self.run.wants("train"):
                raise ConfigError(
                    "training.early_stop.enabled=true needs validations: use a run_type with 'val' and a dataset with "
                    "a val split."
                )
            return
        names = ["total_loss"]
        for dataset in self.data.datasets("val"):
            names += self.model.metrics.keys(dataset.dataset_name)
            names += self.model.losses.keys(dataset.dataset_name) if self.model.losses else []
        self.early.check(names)

    def _pace(self, world_size: int) -> Pace:
        asked = effective_training(self.run.config)
        plan = self.data.train_plan(0, world_size)
        if asked.max_epochs is not None:  # every update is whole: the last may take batches of one epoch more
            updates = math.ceil(int(asked.max_epochs) * plan.epoch_length / self.accumulate)
        elif asked.max_updates is not None:
            updates = int(asked.max_updates)
        else:
            raise ConfigError("Training has no end: set training.max_updates or training.max_epochs.")
        return Pace(
            max_updates=updates,
            log_interval=int(asked.log_interval),
            evaluation_interval=int(asked.evaluation_interval),
            checkpoint_interval=int(self.run.config.training.checkpoint_interval),
            accumulate=self.accumulate,
        )

    def _tell_schedule(self, updates: int) -> None:
        """A schedule need not be told what the run knows: when training ends, which way the criterion is better."""
        scheduler = self.model.optimization.scheduler
        if scheduler and scheduler["type"] == "ReduceLROnPlateau":
            if not self.validates:
                raise ConfigError(
                    "scheduler.type=ReduceLROnPlateau follows the validations: use a run_type with 'val' and a dataset "
                    "with a val split."
                )
            mode = {"mode": "min" if self.early.minimize else "max"}
            self.model.optimization.scheduler = {**scheduler, "params": {**mode, **(scheduler.get("params") or {})}}
        if scheduler and scheduler["type"] in ("warmup_linear", "warmup_cosine"):
            params = scheduler.get("params") or {}
            if params.get("num_training_steps") is None:
                told = {**params, "num_training_steps": updates}
                self.model.optimization.scheduler = {**scheduler, "params": told}

    def _lightning(self, arguments: dict[str, Any]) -> pl.Trainer:
        evaluation_interval = int(effective_training(self.run.config).evaluation_interval)
        fixed = {
            "max_epochs": 1,  # one stream of batches; the epochs are the plan's
            "max_steps": -1,
            "val_check_interval": evaluation_interval * self.accumulate,
            "check_val_every_n_epoch": None,
            "limit_val_batches": arguments.get("limit_val_batches", 1.0) if self.validates else 0,
            "num_sanity_val_steps": 0,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "logger": False,
            "use_distributed_sampler": False,
            "callbacks": [self.loop],
            "plugins": [StoreIO(self.store, dict(self.run.config.checkpoint.reset))],
            "default_root_dir": str(self.run.save_dir),
        }
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", module="pytorch_lightning")
                return pl.Trainer(**{"profiler": NoProfiler(), **arguments, **fixed})
        except (pl.utilities.exceptions.MisconfigurationException, TypeError, ValueError) as error:
            raise ConfigError(f"trainer.params: {str(error).splitlines()[0]}") from error

    # -- checkpoints ---------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Follow `checkpoint.*`: continue a run, or begin with the weights of a file."""
        self._call("on_init_start")
        settings = self.run.config.checkpoint
        if settings.resume_zoo:
            raise ConfigError(
                "checkpoint.resume_zoo: there is no model zoo yet. Name a file with checkpoint.resume_file."
            )
        path: Path | None = None
        if settings.resume or (settings.resume_best and not settings.resume_file):
            path, skipped = self.store.newest(best=settings.resume_best)
            if path is None and settings.resume_best:
                path, more = self.store.newest()
                skipped += more
            for line in skipped:
                self.display.say(line)
            if path is None and not settings.resume_file:
                self.display.say(f"Nothing to resume in {self.run.save_dir}: starting from the beginning.")
        if path is None and settings.resume_file:
            path = Path(settings.resume_file)
        if path is not None:
            self._take(path)
        self._call("on_init_end")

    def _take(self, path: Path) -> None:
        checkpoint = load_checkpoint(path)
        self.weights_from, self.weights_update = path, checkpoint.get("global_step")
        weights = weights_of(checkpoint, str(path))
        settings = self.run.config.checkpoint
        if settings.resume_pretrained and settings.pretrained_state_mapping:
            left_out = load_selected(
                self.model,
                weights,
                settings.pretrained_state_mapping,
                str(path),
                skip_misshapen=settings.bypass_shape_mismatch,
            )
            said = f" Left out for their shape: {', '.join(left_out)}." if left_out else ""
            self.display.say(f"Weights named by checkpoint.pretrained_state_mapping from {path}.{said}")
            return
        named = checkpoint.get("model")
        load_weights(self.model, weights, str(path), saved_model=named if isinstance(named, str) else None)
        whole = "optimizer_states" in checkpoint and "TrainLoop" in checkpoint.get("callbacks", {})
        if self.run.wants("train") and whole and not self.run.config.checkpoint.reset.all:
            self.resume_from = path
            stored = checkpoint["callbacks"]["TrainLoop"]["state"]
            if not self.run.config.checkpoint.reset.counts:
                self.state.load(stored)
                if self.state.best_key != self.early.key or not self._is_own(path):
                    self.state.forget_best()
            self.display.say(f"Resuming from {path} (update {stored['updates']}).")
        else:
            self.display.say(f"Weights from {path}.")

    # -- work ----------------------------------------------------------------------------------------------------

    def train(self) -> None:
        """Train to the end, then take the best validation's weights and write `<model>_final.pth`."""
        if self.run.is_main and self.resume_from is None and self.store.begin_anew():
            self.display.say(
                f"{self.run.save_dir} holds checkpoints of an earlier run, which this one sets aside when it saves "
                "first. To go on with that run: checkpoint.resume=true. To keep both: env.save_dir=..."
            )
        if self.run.wants("val") and not self.validates:
            self.display.say("No dataset has a val split: nothing is validated, the last update's weights count.")
        updates, last = self.state.updates, self.loop.pace.max_updates
        if self.early.is_over(updates):
            self.display.say(f"Already stopped early at update {updates}: nothing to train.")
        elif updates >= last:
            self.display.say(f"Already at update {updates} of {last}: nothing to train.")
        else:
            self._fit()
        self._use_best()
        if self.run.is_main:
            path = self.final_path
            state = self.model.state_dict()
            try:
                write_atomically(path, lambda file: torch.save(state, file))
            except (OSError, RuntimeError) as error:
                raise CheckpointError(
                    f"The final weights could not be written to {path}: {str(error).splitlines()[0]}. "
                    f"They are those of {self.store.best if self.validates else self.store.current}."
                ) from error

    @property
    def final_path(self) -> Path:
        name = self.model.get_ckpt_name()
        return self.run.save_dir / f"{name + '_' if name else ''}{self.run.model_name}_final.pth"

    def _fit(self) -> None:
        config, loop = self.run.config, self.loop
        if self.run.is_main:
            board = config.env.tensorboard_logdir or str(self.run.save_dir / "tensorboard")
            loop.writer = ScalarWriter(
                self.run.save_dir,
                after=self.state.updates,
                tensorboard=board if config.training.tensorboard else None,
            )
        self.model.measure_train = bool(config.training.evaluate_metrics)
        if self.lightning.world_size > 1:
            torch.manual_seed(derived_seed(self.run.seed, "rank", self.lightning.global_rank))
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", module="pytorch_lightning")
                self.lightning.fit(
                    self.model,
                    datamodule=Loaders(self.data, loop, self.validates),
                    ckpt_path=self.resume_from,
                    weights_only=True,
                )
            if self.validates and self.state.last_validated != self.state.updates:
                self._measure("val", trained=True)
            elif not self.validates and not self._saved(self.state.updates):
                loop.save(self.lightning)
        finally:
            if loop.writer is not None:
                loop.writer.close()

    def _saved(self, step: int) -> bool:
        return any(entry.step == step for entry in self.store.entries().values())

    def _is_own(self, path: Path) -> bool:
        """Whether a checkpoint lies in this run's folder, where its best.ckpt is."""
        return self.run.save_dir.resolve() in path.resolve().parents

    @property
    def ends_with_best(self) -> bool:
        """Whether the best validation's weights are the result, not the last update's."""
        return self.validates and self.state.best_value is not None

    def _use_best(self) -> None:
        if not self.ends_with_best:
            return
        path, skipped = self.store.newest(best=True)
        if path is None:  # its snapshot is the same file
            path, more = self.store.newest(step=self.state.best_update)
            skipped += more
        for line in skipped:
            logger.warning(line)
        if path is None:
            self.display.say(f"{self.store.best} is gone or damaged: the last update's weights are used instead.")
            self.state.forget_best()
            return
        load_weights(self.model, weights_of(load_checkpoint(path), str(path)), str(path))

    def evaluate(self, split: str, *, reporter: Any = None) -> dict[str, float]:
        """Losses and metrics of a split over all its samples; with a `reporter`, its rows of predictions too."""
        return self._measure(split, reporter=reporter)

    def _measure(self, split: str, *, reporter: Any = None, trained: bool = False) -> dict[str, float]:
        loader = self.data.eval_loader(split, self.lightning.global_rank, self.lightning.world_size)
        model, loop = self.model, self.loop
        model.results = {}
        loop.only_evaluates = not trained
        collect = Collect(reporter) if reporter is not None else None
        if collect is not None:
            self.lightning.callbacks.append(collect)  # type: ignore[attr-defined]
        limit = self.lightning.limit_val_batches
        try:
            self.lightning.limit_val_batches = 1.0 if limit == 0 else limit
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", module="pytorch_lightning")
                go = self.lightning.test if split == "test" else self.lightning.validate
                go(model, dataloaders=loader, verbose=False)
        finally:
            loop.only_evaluates = False
            self.lightning.limit_val_batches = limit
            if collect is not None:
                self.lightning.callbacks.remove(collect)  # type: ignore[attr-defined]
        return {key: value for key, value in model.results.items() if key.startswith(f"{split}/")}

    def _call(self, hook: str) -> None:
        for callback in self.loop.callbacks:
            getattr(callback, hook)()
