"""Every setting of every built-in section: its type, its default and one line about it.

`configs/defaults.yaml` shows the same to people; a test holds the two together.
"""

# ruff: noqa: RUF009 (`key` and `section` make a dataclass `field`, a new default for every instance)
from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any, Literal, get_type_hints

from mmf_like.config.provenance import Path, dotted


def key(default: Any, comment: str, *, minimum: float | None = None, names: str | None = None) -> Any:
    """A setting. `names` is the registry's kind whose names it takes."""
    metadata = {"comment": comment, "minimum": minimum, "names": names}
    if isinstance(default, (list, dict)):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def section(of: type, comment: str, *, free: bool = False) -> Any:
    """A nested section; a `free` one takes further keys than the schema names."""
    return field(default_factory=of, metadata={"comment": comment, "free": free})


# MMF's settings that nothing here reads yet: known, so that configs compose, and noted when a config asks for them.
NOT_YET = frozenset(
    [
        "training.wandb.enabled",
        "training.colored_logs",
        "training.verbose_dump",
        "evaluation.torchmetrics",
        "evaluation.use_cpu",
        "checkpoint.zoo_config_override",
        "env.dataset_zoo",
        "env.model_zoo",
        "env.wandb_logdir",
    ]
)


@dataclass
class Wandb:
    enabled: bool = key(False, "log to Weights & Biases")
    entity: str | None = key(None, "user or team")
    project: str | None = key("mmf", "project")
    name: str | None = key("${training.experiment_name}", "name of the run")
    log_checkpoint: bool = key(False, "upload checkpoints as artifacts")


@dataclass
class EarlyStop:
    enabled: bool = key(False, "stop when `criteria` has not improved for `patience` updates")
    patience: int = key(4000, "in updates", minimum=0)
    criteria: str = key("total_loss", "total_loss or <dataset>/<metric>, of the validation split")
    minimize: bool | None = key(None, "whether less of `criteria` is better; null: as the metric says, less of a loss")


@dataclass
class Training:
    trainer: str = key("lightning", "registered trainer; `mmf` is accepted too", names="trainer")
    seed: int | None = key(1, "seed of every random choice; -1 or null: picked, and written to config.yaml", minimum=-1)
    experiment_name: str = key("run", "name used in reports and logs")
    max_updates: int | None = key(22000, "optimizer updates to train for", minimum=0)
    max_epochs: int | None = key(None, "epochs to train for; wins over max_updates", minimum=0)
    batch_size: int | None = key(512, "samples of a batch over all devices", minimum=1)
    batch_size_per_device: int | None = key(None, "instead of batch_size: samples on each device", minimum=1)
    update_frequency: int = key(1, "batches whose gradients are added up for one update", minimum=1)
    num_workers: int = key(0, "processes that load data; 0 loads in the main process", minimum=0)
    pin_memory: bool = key(False, "load into page-locked memory, which a GPU reads faster")
    persistent_workers: bool = key(True, "keep the loading processes between epochs")
    fast_read: bool = key(False, "hold annotations and features in memory where supported")
    log_interval: int = key(100, "updates between lines of the training log", minimum=1)
    evaluation_interval: int = key(1000, "updates between validations", minimum=1)
    checkpoint_interval: int = key(1000, "updates between checkpoints", minimum=1)
    evaluate_metrics: bool = key(False, "measure every training batch too; written once per epoch of the data")
    early_stop: EarlyStop = section(EarlyStop, "early stopping")
    clip_gradients: bool = key(False, "clip the norm of the gradients")
    max_grad_l2_norm: float | None = key(None, "the norm they are clipped to", minimum=0)
    clip_norm_mode: Literal["all"] = key("all", "what the norm is taken of: all parameters")
    lr_scheduler: bool = key(False, "use the schedule of the section `scheduler`")
    lr_steps: list = key([], "schedule `pythia`: updates at which the rate is multiplied by lr_ratio")
    lr_ratio: float = key(0.1, "schedule `pythia`")
    use_warmup: bool = key(False, "schedule `pythia`: start with a lower rate")
    warmup_factor: float = key(0.2, "schedule `pythia`: the factor it starts with")
    warmup_iterations: int = key(1000, "schedule `pythia`: updates until the full rate", minimum=0)
    device: Literal["auto", "cuda", "cpu"] = key("auto", "auto, cuda or cpu; auto takes a GPU if there is one")
    cpu_threads: int | None = key(None, "threads of computations on the CPU; null leaves torch's choice", minimum=1)
    fp16: bool = key(False, "mixed 16-bit precision (more choices: trainer.params.precision)")
    deterministic: bool = key(False, "only operations that give the same bits each time; slower")
    cudnn_benchmark: bool = key(False, "let cuDNN time its algorithms; for inputs of constant size")
    detect_anomaly: bool = key(False, "find the operation that made a gradient NaN; slow")
    exit_on_nan_losses: bool = key(True, "stop when a loss is not finite")
    callbacks: list = key([], "own callbacks: a list of {type, params}", names="callback")
    logger_level: Literal["debug", "info", "warning", "warn", "error", "critical"] = key("info", "least level logged")
    log_format: Literal["simple", "json"] = key("simple", "simple or json")
    log_detailed_config: bool = key(False, "print the final config at the start")
    should_not_log: bool = key(False, "log nothing")
    colored_logs: bool = key(True, "colours in the log of a terminal")
    verbose_dump: bool = key(False, "print samples while debugging")
    tensorboard: bool = key(False, "write TensorBoard scalars")
    wandb: Wandb = section(Wandb, "Weights & Biases; further keys go to wandb.init", free=True)


@dataclass
class Trainer:
    type: str = key("lightning", "kept for MMF's configs")
    params: dict = key({}, "arguments of Lightning's Trainer; they win over training.*")


@dataclass
class Reporter:
    type: str = key("file", "registered test reporter", names="test_reporter")
    params: dict = key({}, "its arguments")


@dataclass
class Evaluation:
    metrics: list = key([], "names of metrics, or {type, key, params, datasets}", names="metric")
    torchmetrics: list = key([], "the same for classes of torchmetrics", names="torchmetric")
    use_cpu: bool = key(False, "gather the outputs of an evaluation on the CPU")
    predict: bool = key(False, "write predictions; what mmf_predict sets")
    predict_file_format: Literal["json", "csv"] = key("json", "json or csv")
    reporter: Reporter = section(Reporter, "who writes the predictions")


@dataclass
class Optimizer:
    type: str = key("adam_w", "registered optimizer, or a class of torch.optim", names="optimizer")
    params: dict = key({"lr": 0.001}, "its arguments")
    allow_unused_parameters: bool = key(False, "tolerate parameters that no optimizer group holds")


@dataclass
class Scheduler:
    type: str | None = key("pythia", "registered schedule; used when training.lr_scheduler is true", names="scheduler")
    params: dict = key({}, "its arguments")


@dataclass
class Env:
    cache_dir: str = key("${resolve_cache_dir:MMF_CACHE_DIR}", "MMF_CACHE_DIR: downloads and caches")
    dataset_zoo: str = key("${oc.env:MMF_DATASET_ZOO,configs/zoo/datasets.yaml}", "MMF_DATASET_ZOO: list of datasets")
    model_zoo: str = key("${oc.env:MMF_MODEL_ZOO,configs/zoo/models.yaml}", "MMF_MODEL_ZOO: list of models")
    data_dir: str = key("${resolve_dir:MMF_DATA_DIR,data}", "MMF_DATA_DIR: datasets, else <cache_dir>/data")
    save_dir: str = key("${oc.env:MMF_SAVE_DIR,./save}", "MMF_SAVE_DIR: checkpoints, logs and the final config")
    log_dir: str = key("${oc.env:MMF_LOG_DIR,''}", "MMF_LOG_DIR: logs, else save_dir")
    report_dir: str = key("${oc.env:MMF_REPORT_DIR,''}", "MMF_REPORT_DIR: predictions, else save_dir/reports")
    tensorboard_logdir: str = key("${oc.env:MMF_TENSORBOARD_LOGDIR,''}", "MMF_TENSORBOARD_LOGDIR, else save_dir")
    wandb_logdir: str = key("${oc.env:MMF_WANDB_LOGDIR,''}", "MMF_WANDB_LOGDIR, else save_dir")
    user_dir: str | None = key("${oc.env:MMF_USER_DIR,''}", "MMF_USER_DIR: folder or file of your own code")


@dataclass
class Reset:
    all: bool = key(False, "start anew from the weights only")
    optimizer: bool = key(False, "forget the state of the optimizer")
    counts: bool = key(False, "count updates and epochs from 0, and start the schedule anew")
    fp16_scaler: bool = key(False, "forget the state of the gradient scaler")


@dataclass
class Checkpoint:
    resume: bool = key(False, "go on from the newest checkpoint in save_dir that verifies")
    resume_best: bool = key(False, "go on from the best checkpoint")
    resume_file: str | None = key(None, "go on from this file")
    resume_zoo: str | None = key(None, "start from a checkpoint of the model zoo")
    resume_pretrained: bool = key(False, "take only the weights that pretrained_state_mapping names")
    zoo_config_override: bool = key(False, "take the model's config from the zoo checkpoint")
    pretrained_state_mapping: dict = key({}, "prefix in this model: prefix in the checkpoint")
    bypass_shape_mismatch: bool = key(False, "leave out weights whose shape differs")
    max_to_keep: int = key(-1, "how many of the interval checkpoints to keep; -1 keeps all", minimum=-1)
    save_git_details: bool = key(True, "store the state of the git checkout in checkpoints")
    reset: Reset = section(Reset, "what a resumed run forgets")


@dataclass
class Multitasking:
    enabled: bool = key(True, "train on several datasets at a time")
    type: str = key("size_proportional", "registered iteration strategy", names="iteration_strategy")
    params: dict = key({}, "its arguments")


@dataclass
class Config:
    """The top level."""

    config_version: float = key(1.0, "version of this layout")
    model: str | None = key(None, "registered model (mmf_list models)")
    datasets: str | list | None = key(None, "registered datasets, `a,b` or [a, b] (mmf_list datasets)")
    config: str | None = key(None, "your YAML file")
    run_type: str = key("train_inference", "which of train, val, test (or inference) to do, as in train_val_test")
    learning_rate: float | None = key(None, "short for optimizer.params.lr", minimum=0)
    training: Training = section(Training, "how long, how fast, on what")
    optimizer: Optimizer = section(Optimizer, "optimizer")
    scheduler: Scheduler = section(Scheduler, "schedule of the learning rate")
    evaluation: Evaluation = section(Evaluation, "metrics and predictions")
    checkpoint: Checkpoint = section(Checkpoint, "what to start from and what to keep")
    multitasking: Multitasking = section(Multitasking, "several datasets in one run")
    trainer: Trainer = section(Trainer, "Lightning's own settings")
    env: Env = section(Env, "folders; each takes its default from an environment variable")
    model_config: dict = key({}, "one section a model: model_config.<model>.*")
    dataset_config: dict = key({}, "one section a dataset: dataset_config.<dataset>.*")


@dataclass(frozen=True)
class Setting:
    """One setting as documentation shows it."""

    path: Path
    type: Any
    default: Any
    comment: str
    minimum: float | None = None
    names: str | None = None

    @property
    def key(self) -> str:
        return dotted(self.path)


@cache
def settings() -> dict[Path, Setting]:
    """Every setting of the schema that is no section, by path."""
    return {item.path: item for item in _settings(Config, ())}


@cache
def sections() -> dict[Path, bool]:
    """The path of every section, and whether it takes further keys."""
    return {path: item.metadata.get("free", False) for path, item in _sections(Config, ())}


def section_comments() -> dict[Path, str]:
    """What each section is about, by path."""
    return {path: item.metadata["comment"] for path, item in _sections(Config, ())}


@cache
def known_keys() -> list[str]:
    """All settings and sections in dotted form, to find the nearest of."""
    return [dotted(path) for path in (*settings(), *sections())]


def defaults_yaml() -> str:
    """The text of `configs/defaults.yaml`."""
    head = "# Every setting with its default. Written by `python -m mmf_like.config.schema > configs/defaults.yaml`;\n"
    return head + "# edit mmf_like/config/schema.py instead.\n" + "".join(_render(Config, 0))


def _settings(of: type, path: Path) -> Iterator[Setting]:
    types = get_type_hints(of)
    for item in fields(of):
        here = (*path, item.name)
        if is_dataclass(types[item.name]):
            yield from _settings(types[item.name], here)
        else:
            meta = item.metadata
            yield Setting(here, types[item.name], _default(item), meta["comment"], meta["minimum"], meta["names"])


def _sections(of: type, path: Path) -> Iterator[tuple[Path, Field]]:
    types = get_type_hints(of)
    for item in fields(of):
        if is_dataclass(types[item.name]):
            yield (*path, item.name), item
            yield from _sections(types[item.name], (*path, item.name))


def _default(item: Field) -> Any:
    return item.default if item.default_factory is MISSING else item.default_factory()


def _render(of: type, depth: int) -> Iterator[str]:
    types, indent = get_type_hints(of), "  " * depth
    for item in fields(of):
        comment = item.metadata["comment"]
        if is_dataclass(types[item.name]):
            yield "\n" if not depth else ""
            yield f"{indent}{item.name}:  # {comment}\n"
            yield from _render(types[item.name], depth + 1)
            continue
        value = _default(item)
        # A plain string of ours needs no quotes unless it holds what YAML reads otherwise.
        text = value if isinstance(value, str) else json.dumps(value).replace('"', "")
        yield f"{indent}{item.name}: {text}  # {comment}\n"


if __name__ == "__main__":
    print(defaults_yaml(), end="")
