"""From a final config to a run: folder, seed, data, model, trainer, in this order."""

from __future__ import annotations

import logging
import os
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import OmegaConf

from mmf_like.common.errors import ConfigError
from mmf_like.common.registry import registry
from mmf_like.common.run import Run
from mmf_like.config.dump import save_config, to_plain
from mmf_like.datasets.base_dataset_builder import SPLITS, BaseDatasetBuilder
from mmf_like.datasets.build import build_datasets
from mmf_like.datasets.multi_datamodule import MultiDataModule
from mmf_like.datasets.plan import derived_seed
from mmf_like.models.base_model import BaseModel
from mmf_like.models.build import build_model
from mmf_like.models.optimization import Optimization
from mmf_like.modules.metrics import SplitMetrics
from mmf_like.trainers.display import Display, set_up_logging

TRAIN_CONFIG, EVAL_CONFIG = "config.yaml", "config_eval.yaml"  # of a run that trains, and of one that only measures


@dataclass
class Parts:
    """Everything a command works with."""

    run: Run
    data: MultiDataModule
    model: BaseModel
    trainer: Any


def assemble(config: Any, *, quiet: bool = False) -> Parts:
    """Build all parts of a run. `config` is the final config of `mmf_like.config.compose`."""
    run = start_run(config, quiet=quiet)
    config = run.config
    user_dir = registry.user_code.path
    registry.user_code.load()
    display = Display(run)
    builders = build_datasets(
        run.dataset_names,
        config.dataset_config,
        fast_read=config.training.fast_read,
        lock_dir=Path(config.env.cache_dir) / "locks",
    )
    for builder in builders:
        for split, dataset in builder.splits.items():
            if dataset is not None and run.wants(split):
                dataset.preload(display.track)
    data = MultiDataModule(
        builders,
        config.training,
        config.multitasking,
        seed=run.seed,
        user_dir=str(user_dir) if user_dir else None,
    )
    for split in SPLITS:
        if run.wants(split):
            data.check(split)
    file_registry_state(config, builders)
    model = prepare_model(run, data)
    trainer = registry.find("trainer", config.training.trainer)(run, model, data)
    if run.is_main:  # only now: a mistake found on the way leaves the config of an earlier run as it is
        save_config(run.save_dir / config_name(run), config)
    return Parts(run, data, model, trainer)


def config_name(run: Run) -> str:
    """The file that a run's config is saved in: one that only measures leaves that of the training alone."""
    return TRAIN_CONFIG if run.wants("train") and not run.config.evaluation.predict else EVAL_CONFIG


def start_run(config: Any, *, quiet: bool = False) -> Run:
    """Fix the seed, make the folder, and open the log."""
    seed = choose_seed(config)
    config = OmegaConf.create(to_plain(config))
    config.training.seed = seed
    OmegaConf.set_struct(config, True)
    OmegaConf.set_readonly(config, True)
    run = Run(config, seed, is_main_process(), is_terminal=sys.stderr.isatty(), quiet=quiet)
    if run.is_main:
        make_folder(run.save_dir)
    set_up_logging(run)
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # its hints are about settings we make
    if config.training.cpu_threads:
        torch.set_num_threads(config.training.cpu_threads)
    random.seed(seed)
    np.random.seed(seed & 0xFFFFFFFF)
    torch.manual_seed(derived_seed(seed, "model"))
    return run


def choose_seed(config: Any) -> int:
    """`training.seed`; for -1 or null a number of chance, or that of the run which is resumed."""
    seed = config.training.seed
    if seed is not None and seed >= 0:
        return int(seed)
    saved = Path(config.env.save_dir) / TRAIN_CONFIG
    if config.checkpoint.resume and saved.is_file():
        return int(OmegaConf.load(saved).training.seed)
    return int.from_bytes(os.urandom(4), "little")


def is_main_process() -> bool:
    """Before the processes of a run know each other, their launcher's variables tell which is the first."""
    ranks = (os.environ.get(name) for name in ("RANK", "SLURM_PROCID", "LOCAL_RANK"))
    return int(next((rank for rank in ranks if rank), "0")) == 0


def make_folder(folder: Path) -> None:
    """Refuse at once a folder that the run could not write its checkpoints to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ConfigError(
            f"env.save_dir {folder} cannot be written: {error.strerror}. Name another folder with env.save_dir=..."
        ) from error


def prepare_model(run: Run, data: MultiDataModule) -> BaseModel:
    """The run's model with metrics and optimisation, as the config says."""
    config = run.config
    section = config.model_config.get(run.model_name)
    if section is None:
        raise ConfigError(f"model_config.{run.model_name} is missing: the model has no configuration.")
    if isinstance(section, str):  # the config of another model key
        section = config.model_config[section]
    section = OmegaConf.merge({"model": run.model_name}, section)
    model = build_model(section, data.data_info())
    model.run_config = config
    model.metrics = SplitMetrics(list(config.evaluation.metrics))
    model.optimization = Optimization(
        optimizer=to_plain(config.optimizer),
        scheduler=scheduler_settings(config),
        allow_unused_parameters=bool(config.optimizer.allow_unused_parameters),
    )
    return model


def scheduler_settings(config: Any) -> dict[str, Any] | None:
    """The schedule, when `training.lr_scheduler` is on: MMF's `pythia` (read from `training.*`) when none is named."""
    training = config.training
    if not training.lr_scheduler:
        return None
    settings = to_plain(config.scheduler)
    kind = settings.get("type") or "pythia"
    params = dict(settings.get("params") or {})
    if kind == "pythia":
        for key in ("use_warmup", "warmup_iterations", "warmup_factor", "lr_steps", "lr_ratio"):
            params.setdefault(key, to_plain(training[key]))
    return {"type": kind, "params": params}


def file_registry_state(config: Any, builders: Sequence[BaseDatasetBuilder]) -> None:
    """A courtesy for code written against MMF, which reads these from the registry; we never do."""
    registry.register("config", config)
    for builder in builders:
        name, info = builder.dataset_name, builder.data_info()
        for key, processor in builder.shared_processors.items():
            registry.register(f"{name}_{key}", processor)
        if info.text_vocab_size is not None:
            registry.register(f"{name}_text_vocab_size", info.text_vocab_size)
        if info.num_answers is not None:
            registry.register(f"{name}_num_final_outputs", info.num_answers)
        publish = getattr(builder, "update_registry_for_model", None)  # a builder's own hook in MMF
        if publish is not None:
            publish(builder.config)
