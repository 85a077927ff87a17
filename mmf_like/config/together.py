"""Settings that do not go together, or ask for what cannot be had: what one value alone does not show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmf_like.config.merge import get
from mmf_like.config.provenance import Path

WHOLE, EACH = ("training", "batch_size"), ("training", "batch_size_per_device")
CLIP, NORM = ("training", "clip_gradients"), ("training", "max_grad_l2_norm")
UPDATES, EPOCHS = ("training", "max_updates"), ("training", "max_epochs")
ZOO, SAVE_DIR = ("checkpoint", "resume_zoo"), ("env", "save_dir")


def contradictions(tree: dict[str, Any], datasets: list[str], told: Callable[[Path], str]) -> list[str]:
    """One line for each. `told` names a setting and the place that set it."""
    repeated = [name for name in dict.fromkeys(datasets) if datasets.count(name) > 1]
    problems = [f"{told(('datasets',))} names {name!r} twice." for name in repeated]
    if isinstance(tree.get("training"), dict):
        problems += _training(tree, told)
    if get(tree, ZOO, None):
        problems.append(f"{told(ZOO)}: there is no model zoo yet. Name a file with checkpoint.resume_file.")
    if get(tree, SAVE_DIR, None) == "":
        problems.append(f"{told(SAVE_DIR)} is empty. Name a folder: env.save_dir=./save, or the variable MMF_SAVE_DIR.")
    return problems


def _training(tree: dict[str, Any], told: Callable[[Path], str]) -> list[str]:
    problems = []
    whole, each = get(tree, WHOLE, None), get(tree, EACH, None)
    if whole is not None and each is not None:
        problems.append(f"{told(WHOLE)} and {told(EACH)} say the same thing twice. Set one of them to null.")
    if whole is None and each is None:
        problems.append(f"{told(WHOLE)} is null; set it or training.batch_size_per_device.")
    if get(tree, CLIP, None) is True and get(tree, NORM, None) is None:
        problems.append(f"{told(CLIP)} is true, but training.max_grad_l2_norm is not set. Set it to a norm.")
    if get(tree, UPDATES, None) is None and get(tree, EPOCHS, None) is None:
        problems.append(f"{told(UPDATES)} is null; set it or training.max_epochs.")
    return problems
