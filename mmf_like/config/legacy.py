"""Keys of MMF's older configs: renamed ones move, those without a meaning are dropped with a note."""

from __future__ import annotations

from typing import Any

from mmf_like.config.load import Layer
from mmf_like.config.merge import MISSING, get, pop, put
from mmf_like.config.overrides import Assignment
from mmf_like.config.provenance import Origin, Path, dotted, parse_key

RENAMED: dict[Path, Path] = {
    parse_key(old): parse_key(new)
    for old, new in {
        "dataset": "datasets",
        "training.resume_file": "checkpoint.resume_file",
        "training.resume": "checkpoint.resume",
        "training.resume_best": "checkpoint.resume_best",
        "training.load_pretrained": "checkpoint.resume_pretrained",
        "training.pretrained_state_mapping": "checkpoint.pretrained_state_mapping",
        "training.run_type": "run_type",
        "trainer.params.gpus": "trainer.params.devices",
        "trainer.params.resume_from_checkpoint": "checkpoint.resume_file",
        "trainer.params.checkpoint_callback": "trainer.params.enable_checkpointing",
    }.items()
}
SILENT = {("dataset",)}

_LAUNCHER = "the launcher (torchrun, SLURM) says it; for one machine set trainer.params.devices"
# What to use instead, and the value that MMF wrote by default, which asks for nothing.
_RETIRED: dict[str, tuple[str, Any]] = {
    "training.local_rank": (_LAUNCHER, None),
    "training.find_unused_parameters": (
        "use trainer.params.strategy=ddp_find_unused_parameters_true",
        False,
    ),
    "training.dataset_size_proportional_sampling": ("use multitasking.type=size_proportional", True),
    "optimizer.enable_state_sharding": ("use trainer.params.strategy=fsdp", False),
    "distributed.init_method": (_LAUNCHER, None),
    "distributed.rank": (_LAUNCHER, 0),
    "distributed.port": ("the launcher says it (MASTER_PORT)", -1),
    "distributed.backend": ("use trainer.params.strategy, for example ddp", "nccl"),
    "distributed.world_size": ("use trainer.params.devices and trainer.params.num_nodes", 1),
    "distributed.no_spawn": ("use trainer.params.devices=1", False),
    "distributed.nccl": ("set the variables NCCL_NSOCKS_PERTHREAD and NCCL_SOCKET_NTHREADS", None),
    "distributed": ("use trainer.params (strategy, devices, num_nodes)", {}),
    "trainer.params.amp_backend": ("use trainer.params.precision", "native"),
    "trainer.params.amp_level": ("use trainer.params.precision", None),
    "trainer.params.tpu_cores": ("use trainer.params.accelerator and trainer.params.devices", None),
    "trainer.params.weights_summary": ("use trainer.params.enable_model_summary", None),
    "trainer.params.progress_bar_refresh_rate": ("use trainer.params.enable_progress_bar", 1),
    "trainer.params.distributed_backend": ("use trainer.params.strategy", None),
    "trainer.params.terminate_on_nan": ("use training.exit_on_nan_losses", False),
    "start_rank": (_LAUNCHER, 0),
    "device_id": (_LAUNCHER, 0),
}
RETIRED: dict[Path, tuple[str, Any]] = {parse_key(old): said for old, said in _RETIRED.items()}

# mmf.configs.defaults: a file that carries the marks below was saved by MMF, which wrote these without being asked.
_TRAINER = ("trainer", "params")
_TRAINER_MARKS = ("gpus", "resume_from_checkpoint")
_TRAINER_DEFAULTS: dict[str, Any] = {
    "gpus": 1,
    "num_nodes": 1,
    "precision": 32,
    "deterministic": False,
    "benchmark": False,
    "max_steps": 22000,
    "max_epochs": None,
    "gradient_clip_val": 0.0,
    "num_sanity_val_steps": 0,
    "enable_checkpointing": True,
    "accumulate_grad_batches": 1,
    "val_check_interval": 1000,
    "log_every_n_steps": 100,
    "logger": False,
    "limit_val_batches": 1.0,
    "enable_progress_bar": False,
    "resume_from_checkpoint": None,
}


def upgrade(layer: Layer) -> list[str]:
    """Rename and drop MMF's old keys in `layer`, in place. Returns the notes."""
    notes: list[str] = []
    _drop_trainer_defaults(layer.data)
    for old, new in RENAMED.items():
        value = pop(layer.data, old)
        if value is MISSING:
            continue
        origin = layer.where(old)
        if value is not None and old not in SILENT:
            notes.append(renamed_note(old, new, origin))
        if value is not None and get(layer.data, new, None) is None:
            put(layer.data, new, value)
            layer.origins[new] = origin
    for old, (_, default) in RETIRED.items():
        value = pop(layer.data, old)
        if value is not MISSING and value not in (default, None):
            notes.append(retired_note(old, layer.where(old)))
    return notes


def upgrade_assignment(assignment: Assignment) -> tuple[Assignment | None, list[str]]:
    """The same for one command-line argument; `None` for one that has no meaning any more."""
    path = assignment.path
    if path in RENAMED:
        new = RENAMED[path]
        notes = [] if path in SILENT else [renamed_note(path, new, assignment.origin)]
        return Assignment(new, assignment.value, assignment.origin), notes
    for old in (path, path[:2], path[:1]):
        if old in RETIRED:
            return None, [retired_note(path if path in RETIRED else old, assignment.origin)]
    return assignment, []


def renamed_note(old: Path, new: Path, origin: Origin) -> str:
    return f"{dotted(old)} ({origin.place}) is called {dotted(new)} now."


def retired_note(old: Path, origin: Origin) -> str:
    return f"{dotted(old)} ({origin.place}) has no meaning any more; {RETIRED[old][0]}."


def _drop_trainer_defaults(data: dict[str, Any]) -> None:
    params = get(data, _TRAINER, None)
    if isinstance(params, dict) and any(mark in params for mark in _TRAINER_MARKS):
        for name, default in _TRAINER_DEFAULTS.items():
            if name in params and params[name] == default:
                del params[name]
