"""Optimizers by name: every class of `torch.optim`, and MMF's two AdamW forms."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from mmf_like.common.errors import ConfigError, did_you_mean
from mmf_like.common.registry import registry


def build_optimizer(parameters: Iterable[Any], config: Mapping[str, Any]) -> Optimizer:
    """The optimizer that `{type, params}` asks for over `parameters` (tensors, or groups as torch takes them).

    `type` is a class of `torch.optim` or a registered name. Raises `ConfigError` for an unknown type (with the nearest
    name) and for params the optimizer refuses.
    """
    name = config.get("type")
    if not name:
        raise ConfigError("optimizer.type is missing, for example adam_w.")
    params = {str(key): _plain(value) for key, value in (config.get("params") or {}).items()}
    torch_classes = _torch_optimizers()
    if name in torch_classes:
        optimizer = torch_classes[name]
    elif registry.has("optimizer", name):
        optimizer = registry.find("optimizer", name)
    else:
        known = [*registry.names("optimizer"), *torch_classes]
        raise ConfigError(
            f"optimizer.type {name!r} is neither a class of torch.optim nor registered."
            f"{did_you_mean(str(name), known)} (mmf_list optimizers)"
        )
    try:
        return optimizer(parameters, **params)
    except TypeError as error:
        raise ConfigError(f"optimizer.params do not fit {name}: {error}.") from error


def _torch_optimizers() -> dict[str, type[Optimizer]]:
    return {
        name: member
        for name, member in vars(torch.optim).items()
        if inspect.isclass(member) and issubclass(member, Optimizer) and member is not Optimizer
    }


def _plain(value: Any) -> Any:
    return tuple(value) if not isinstance(value, str) and isinstance(value, Iterable) else value


@registry.register_optimizer("adam_w")
class AdamW(Optimizer):
    """AdamW with the defaults and the order of operations that MMF's runs were made with.

    Loshchilov & Hutter, "Decoupled Weight Decay Regularization" (2019), algorithm 2, but: `eps` is added before the
    bias correction, and the decay is taken from the already updated weights. `torch.optim.AdamW` differs in both.
    The state holds `step`, `exp_avg` and `exp_avg_sq`, as MMF's checkpoints do.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        correct_bias: bool = True,
    ):
        if lr < 0:
            raise ConfigError(f"optimizer.params.lr must be at least 0, but is {lr}.")
        if not all(0 <= beta < 1 for beta in betas):
            raise ConfigError(f"optimizer.params.betas must be in [0, 1), but are {tuple(betas)}.")
        if eps < 0:
            raise ConfigError(f"optimizer.params.eps must be at least 0, but is {eps}.")
        defaults = {
            "lr": lr,
            "betas": tuple(betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "correct_bias": correct_bias,
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for step, params in self._by_step(self._with_gradient(group["params"])).items():
                self._update(params, step, group)
        return loss

    def _with_gradient(self, params: list[Tensor]) -> list[Tensor]:
        return [p for p in params if p.grad is not None]

    def _by_step(self, params: list[Tensor]) -> dict[tuple[Any, ...], list[Tensor]]:
        """Parameters that can be updated together: same device, type and number of the step (counted up here)."""
        buckets: dict[tuple[Any, ...], list[Tensor]] = {}
        for p in params:
            state = self.state[p]
            if not state:
                state["step"] = 0
                state["exp_avg"] = torch.zeros_like(p)
                state["exp_avg_sq"] = torch.zeros_like(p)
            state["step"] = int(state["step"]) + 1
            buckets.setdefault((state["step"], p.device, p.dtype), []).append(p)
        return buckets

    def _update(self, params: list[Tensor], bucket: tuple[Any, ...], group: dict[str, Any]) -> None:
        step, (beta1, beta2), lr = bucket[0], group["betas"], float(group["lr"])
        grads = [p.grad for p in params if p.grad is not None]
        means = [self.state[p]["exp_avg"] for p in params]
        squares = [self.state[p]["exp_avg_sq"] for p in params]
        torch._foreach_mul_(means, beta1)
        torch._foreach_add_(means, grads, alpha=1 - beta1)
        torch._foreach_mul_(squares, beta2)
        torch._foreach_addcmul_(squares, grads, grads, value=1 - beta2)
        scale = torch._foreach_sqrt(squares)
        torch._foreach_add_(scale, group["eps"])
        size = lr * (1 - beta2**step) ** 0.5 / (1 - beta1**step) if group.get("correct_bias", True) else lr
        torch._foreach_addcdiv_(params, means, scale, value=-size)
        if group["weight_decay"] > 0:
            torch._foreach_mul_(params, 1 - lr * group["weight_decay"])


@registry.register_optimizer("adam_w_skip_params_with_zero_grad")
class AdamWSkipParamsWithZeroGrad(AdamW):
    """`adam_w` that leaves a parameter alone (also its decay and step count) while its gradient is zero throughout.

    For multi-task training, where a task's own layers have no part in another task's batch. Waits for the device once a
    step to learn which gradients are zero.
    """

    def _with_gradient(self, params: list[Tensor]) -> list[Tensor]:
        params = super()._with_gradient(params)
        if not params:
            return params
        norms = torch._foreach_norm([p.grad for p in params if p.grad is not None], float("inf"))
        largest = torch.stack([norm.float() for norm in norms]).tolist()
        return [p for p, norm in zip(params, largest) if norm != 0]
