"""What the settings mean for Lightning's Trainer: `training.*` first, `trainer.params` over it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmf_like.config.interpolate import device_count

# Set by our trainer from `effective_training`, never passed on from here.
OURS = ("max_steps", "max_epochs", "val_check_interval", "check_val_every_n_epoch", "log_every_n_steps")
# Arguments of Lightning 2.6's Trainer; a test holds them against the installed one.
_PARAMETERS = """
    accelerator strategy devices num_nodes precision logger callbacks fast_dev_run max_epochs min_epochs
    max_steps min_steps max_time limit_train_batches limit_val_batches limit_test_batches
    limit_predict_batches overfit_batches val_check_interval check_val_every_n_epoch num_sanity_val_steps
    log_every_n_steps enable_checkpointing enable_progress_bar enable_model_summary accumulate_grad_batches
    gradient_clip_val gradient_clip_algorithm deterministic benchmark inference_mode
    use_distributed_sampler profiler detect_anomaly barebones plugins sync_batchnorm
    reload_dataloaders_every_n_epochs default_root_dir enable_autolog_hparams model_registry
"""
PARAMETERS = frozenset(_PARAMETERS.split())
# Arguments that our trainer sets itself: the values that ask for nothing else (ours, MMF's default), and what to use.
OVERRIDDEN: dict[str, tuple[tuple[Any, ...], str]] = {
    "callbacks": (([],), "use training.callbacks, with registered callbacks"),
    "logger": ((False,), "metrics.csv is always written; training.tensorboard=true adds TensorBoard"),
    "plugins": (([],), "precision and cluster follow trainer.params.precision and the launcher"),
    "enable_checkpointing": ((True,), "checkpoints are written every training.checkpoint_interval updates"),
    "enable_progress_bar": ((False,), "a terminal always has one; training.should_not_log=true silences a run"),
    "enable_model_summary": ((False,), "the number of parameters stands in the first line and in results.json"),
    "num_sanity_val_steps": ((0,), "validation runs every training.evaluation_interval updates"),
    "default_root_dir": ((), "use env.save_dir"),
    "use_distributed_sampler": ((False,), "the ranks always share each batch"),
    "check_val_every_n_epoch": ((1,), "use training.evaluation_interval, in updates"),
}
NO_CUDA = "training.device=cuda, but there is no CUDA device here: running on the CPU."


@dataclass(frozen=True)
class EffectiveTraining:
    """How long to train and when to look, after `trainer.params` has had its say. `None`: no limit of that kind."""

    max_updates: int | None
    max_epochs: int | None
    evaluation_interval: int
    log_interval: int


def effective_training(config: Mapping[str, Any]) -> EffectiveTraining:
    """`training.*` with the Lightning names `max_steps`, `max_epochs`, `val_check_interval` and `log_every_n_steps`
    winning where `trainer.params` has them. Epochs win over updates."""
    training, params = config["training"], config["trainer"]["params"]
    updates, epochs = training["max_updates"], training["max_epochs"]
    if params.get("max_epochs") is not None or params.get("max_steps") is not None:
        updates, epochs = params.get("max_steps"), params.get("max_epochs")
    if epochs is not None:
        updates = None
    every = params.get("val_check_interval")
    if not isinstance(every, int) or isinstance(every, bool):
        every = None  # a share of an epoch is passed over, see `notes`
    return EffectiveTraining(
        max_updates=None if updates == -1 else updates,
        max_epochs=None if epochs == -1 else epochs,
        evaluation_interval=every or training["evaluation_interval"],
        log_interval=params.get("log_every_n_steps") or training["log_interval"],
    )


def trainer_arguments(config: Mapping[str, Any], *, cuda_devices: int | None = None) -> dict[str, Any]:
    """Keyword arguments for Lightning's Trainer, less those of `OURS` that our trainer sets itself.

    `cuda_devices` is how many there are (asked of the machine when not given): `training.device=cuda` falls back to the
    CPU where there is none, see `notes`.
    """
    training = config["training"]
    count = device_count() if cuda_devices is None else cuda_devices
    cuda = training["device"] != "cpu" and count > 0
    arguments: dict[str, Any] = {
        "accelerator": "gpu" if cuda else "cpu",
        "devices": "auto" if cuda else 1,
        "precision": "16-mixed" if training["fp16"] and cuda else "bf16-mixed" if training["fp16"] else "32-true",
        "accumulate_grad_batches": training["update_frequency"],
        "detect_anomaly": training["detect_anomaly"],
        "benchmark": training["cudnn_benchmark"],
        "deterministic": training["deterministic"],
        "num_sanity_val_steps": 0,
    }
    if training["clip_gradients"]:
        arguments["gradient_clip_val"] = training["max_grad_l2_norm"]
        arguments["gradient_clip_algorithm"] = "norm"
    own = {name: value for name, value in _plain(config["trainer"]["params"]).items() if name not in OURS}
    if own.get("devices") == 0:  # MMF's `gpus: 0`
        own |= {"accelerator": "cpu", "devices": 1}
    return {**arguments, **own}


def notes(config: Mapping[str, Any], *, cuda_devices: int | None = None) -> list[str]:
    """What a user should know about how the settings were read."""
    training = config["training"]
    count = device_count() if cuda_devices is None else cuda_devices
    found = []
    if training["device"] == "cuda" and count == 0:
        found.append(NO_CUDA)
    if training["fp16"] and (count == 0 or training["device"] == "cpu"):
        found.append("training.fp16=true on the CPU computes in bfloat16.")
    params = config["trainer"]["params"]
    for name, (silent, instead) in OVERRIDDEN.items():
        if params.get(name) is not None and _plain(params)[name] not in silent:
            found.append(f"trainer.params.{name} has no effect here: {instead}.")
    every = params.get("val_check_interval")
    if isinstance(every, float):
        found.append(
            f"trainer.params.val_check_interval has no effect here: {every} is a share of an epoch; set "
            "training.evaluation_interval, in updates."
        )
    return found


def parameter_problem(name: str) -> str:
    """`" Did you mean devices?"` for a misspelt argument of the Trainer; empty for a known or wholly unknown one."""
    near = [] if name in PARAMETERS else difflib.get_close_matches(name, sorted(PARAMETERS), n=1, cutoff=0.75)
    return f" Did you mean trainer.params.{near[0]}?" if near else ""


def _plain(params: Any) -> dict[str, Any]:
    from mmf_like.config.dump import to_plain

    return dict(to_plain(params))
