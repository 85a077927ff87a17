"""Putting the weights of a checkpoint into a model, by name, with one clear error when they do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from mmf_like.common.errors import CheckpointError


def weights_of(checkpoint: Mapping[str, Any], source: str) -> dict[str, Tensor]:
    """The state dict in a checkpoint of ours or of Lightning (`state_dict`), of MMF (`model`), or a bare one."""
    held = checkpoint
    for key in ("state_dict", "model"):
        if isinstance(checkpoint.get(key), Mapping):
            held = checkpoint[key]
            break
    weights = {key: value for key, value in held.items() if isinstance(value, Tensor)}
    if not weights:
        raise CheckpointError(f"{source} holds no weights: none of its {len(held)} entries is a tensor.")
    if all(key.startswith("module.") for key in weights):  # saved from a model wrapped for several devices
        weights = {key.removeprefix("module."): value for key, value in weights.items()}
    return weights


def select_weights(
    own: Mapping[str, Tensor], weights: Mapping[str, Tensor], mapping: Mapping[str, str], source: str
) -> dict[str, Tensor]:
    """The weights that `mapping` (prefix in this model: prefix in the checkpoint) pairs, under this model's names.

    As in MMF a pair fits when both keys are the same after `<prefix>.` is taken out of each. Raises when a pair of
    prefixes fits nothing.
    """
    selected: dict[str, Tensor] = {}
    for own_prefix, given_prefix in mapping.items():
        by_rest = {
            key.replace(f"{given_prefix}.", "", 1): value for key, value in weights.items() if f"{given_prefix}." in key
        }
        pairs = {key: by_rest.get(key.replace(f"{own_prefix}.", "", 1)) for key in own if f"{own_prefix}." in key}
        found = {key: value for key, value in pairs.items() if value is not None}
        if not found:
            raise CheckpointError(
                f"checkpoint.pretrained_state_mapping pairs {own_prefix!r} with {given_prefix!r}, but no parameter of "
                f"the model fits one in {source}."
            )
        selected.update(found)
    return selected


def load_selected(
    model: nn.Module, weights: Mapping[str, Tensor], mapping: Mapping[str, str], source: str, *, skip_misshapen: bool
) -> list[str]:
    """Put the weights that `mapping` pairs into the model; returns the names that were left out for their shape."""
    rename = getattr(model, "format_state_key", lambda key: key)
    own = model.state_dict()
    selected = select_weights(own, {rename(key): value for key, value in weights.items()}, mapping, source)
    misshapen = [key for key, value in selected.items() if value.shape != own[key].shape]
    if misshapen and not skip_misshapen:
        key = misshapen[0]
        raise CheckpointError(
            f"{len(misshapen)} weights in {source} have another shape, for example {key} "
            f"{tuple(selected[key].shape)} instead of {tuple(own[key].shape)}. "
            "Leave them out with checkpoint.bypass_shape_mismatch=true."
        )
    fitting = {key: value for key, value in selected.items() if key not in misshapen}
    model.load_state_dict({**own, **fitting})
    return misshapen


def load_weights(
    model: nn.Module, weights: Mapping[str, Tensor], source: str, *, saved_model: str | None = None
) -> None:
    """Load strictly. `source` and `saved_model` (the model's name in the checkpoint) are for the error text."""
    name = getattr(getattr(model, "config", None), "get", lambda _: None)("model") or type(model).__name__
    if saved_model and saved_model != name:
        raise CheckpointError(f"{source} holds the model {saved_model!r}; this run's model is {name!r}.")
    rename = getattr(model, "format_state_key", lambda key: key)
    own = model.state_dict()
    given = {rename(key): value for key, value in weights.items()}
    missing = [key for key in own if key not in given]
    unexpected = [key for key in given if key not in own]
    misshapen = [
        f"{key} {tuple(given[key].shape)} instead of {tuple(own[key].shape)}"
        for key in own
        if key in given and given[key].shape != own[key].shape
    ]
    problems = [
        f"{len(found)} {what}: {', '.join(found[:3])}{', ...' if len(found) > 3 else ''}"
        for what, found in (("missing", missing), ("unexpected", unexpected), ("of another shape", misshapen))
        if found
    ]
    if problems:
        raise CheckpointError(f"The weights in {source} do not fit the model {name!r}: {'; '.join(problems)}.")
    model.load_state_dict(dict(weights))
