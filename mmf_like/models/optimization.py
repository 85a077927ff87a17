"""From `optimizer` and `scheduler` settings to what Lightning steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from mmf_like.common.errors import ConfigError
from mmf_like.modules.optimizers import build_optimizer
from mmf_like.modules.schedulers import build_scheduler

if TYPE_CHECKING:
    from mmf_like.models.base_model import BaseModel


@dataclass
class Optimization:
    """Which optimizer and schedule a model trains with; `type` and `params` each. No schedule: a constant rate."""

    optimizer: Mapping[str, Any] = field(default_factory=lambda: {"type": "adam_w", "params": {"lr": 1e-3}})
    scheduler: Mapping[str, Any] | None = None
    allow_unused_parameters: bool = False


def build_optimization(model: BaseModel, settings: Optimization) -> Any:
    """What Lightning takes: an optimizer over the model's trainable parameters, and a schedule stepped per update."""
    groups = parameter_groups(model, settings)
    if not any(group["params"] for group in groups):
        raise ConfigError(
            f"{type(model).__name__} has no parameter to train. Make its layers in build(self); leave some unfrozen."
        )
    optimizer = build_optimizer(groups, settings.optimizer)
    if settings.scheduler is None:
        return optimizer
    scheduler = build_scheduler(optimizer, settings.scheduler)
    if isinstance(scheduler, ReduceLROnPlateau):  # stepped by the trainer, with the criterion of each validation
        plateau = {"scheduler": scheduler, "reduce_on_plateau": True, "monitor": "criterion", "strict": False}
        return {"optimizer": optimizer, "lr_scheduler": plateau}
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def parameter_groups(model: BaseModel, settings: Optimization) -> list[dict[str, Any]]:
    """The model's own groups, or one of all trainable parameters (two where it asks for no decay on bias and norms)."""
    own = model.get_optimizer_parameters(model.run_config)
    if own is None:
        if model.no_decay_on_bias_and_norm:
            return decay_groups(model)
        return [{"params": [p for p in model.parameters() if p.requires_grad]}]
    groups = [dict(group) if isinstance(group, Mapping) else {"params": [group]} for group in own]
    for group in groups:
        params = group["params"]
        group["params"] = [params] if isinstance(params, nn.Parameter) else list(params)
    unused = _unused(model, groups)
    if unused and not settings.allow_unused_parameters:
        raise ConfigError(
            f"{type(model).__name__}.get_optimizer_parameters leaves out {len(unused)} trainable parameters: "
            f"{', '.join(unused[:5])}{', ...' if len(unused) > 5 else ''}. "
            "Add them, freeze them, or set optimizer.allow_unused_parameters=true."
        )
    return joined(groups)


def joined(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Neighbouring groups with the same settings as one: an optimizer's work per step grows with their number."""
    kept: list[dict[str, Any]] = []
    for group in groups:
        trainable = [p for p in group["params"] if p.requires_grad]
        settings = {key: value for key, value in group.items() if key != "params"}
        if not trainable:
            continue
        if kept and settings == {key: value for key, value in kept[-1].items() if key != "params"}:
            kept[-1]["params"] += trainable
        else:
            kept.append({**settings, "params": trainable})
    return kept


def decay_groups(model: nn.Module) -> list[dict[str, Any]]:
    """Two groups: weights with the optimizer's decay; biases and normalisation layers' parameters with none."""
    spared = {id(p) for p in _bias_and_norm(model)}
    trainable = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trainable if id(p) not in spared]},
        {"params": [p for p in trainable if id(p) in spared], "weight_decay": 0.0},
    ]


def _bias_and_norm(model: nn.Module) -> Iterator[nn.Parameter]:
    norms = (nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.modules.batchnorm._NormBase)
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if name.startswith("bias") or isinstance(module, norms):
                yield parameter


def _unused(model: nn.Module, groups: list[dict[str, Any]]) -> list[str]:
    used = {id(p) for group in groups for p in group["params"]}
    return [name for name, p in model.named_parameters() if p.requires_grad and id(p) not in used]
