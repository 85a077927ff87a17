"""Learning-rate schedules by name, stepped once an update: MMF's four, and all of `torch.optim.lr_scheduler`."""

from __future__ import annotations

import inspect
import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch.optim import Optimizer, lr_scheduler

from mmf_like.common.errors import ConfigError, did_you_mean
from mmf_like.common.registry import registry

TRAINING_KEYS = ("use_warmup", "warmup_iterations", "warmup_factor", "lr_steps", "lr_ratio")


def build_scheduler(
    optimizer: Optimizer, config: Mapping[str, Any] | None = None, training: Mapping[str, Any] | None = None
) -> lr_scheduler.LRScheduler:
    """The schedule that `{type, params}` asks for; without a type, "pythia".

    What params leave out is taken from the `training` section: `pythia` reads use_warmup, warmup_iterations,
    warmup_factor, lr_steps and lr_ratio there, the two `warmup_` schedules max_updates as num_training_steps.
    Raises `ConfigError` for an unknown type (with the nearest name) and for params the schedule refuses.
    """
    config, training = config or {}, training or {}
    name = config.get("type") or "pythia"
    params = {str(key): value for key, value in (config.get("params") or {}).items()}
    if name == "pythia":
        params = {**{key: training[key] for key in TRAINING_KEYS if key in training}, **params}
    elif name in ("warmup_linear", "warmup_cosine") and training.get("max_updates"):
        params.setdefault("num_training_steps", training["max_updates"])
    torch_classes = _torch_schedulers()
    if registry.has("scheduler", name):
        scheduler = registry.find("scheduler", name)
    elif name in torch_classes:
        scheduler = torch_classes[name]
    else:
        known = [*registry.names("scheduler"), *torch_classes]
        raise ConfigError(
            f"scheduler.type {name!r} is neither registered nor a class of torch.optim.lr_scheduler."
            f"{did_you_mean(str(name), known)} (mmf_list schedulers)"
        )
    try:
        return scheduler(optimizer, **params)
    except TypeError as error:
        raise ConfigError(f"scheduler.params do not fit {name}: {error}.") from error


def _torch_schedulers() -> dict[str, type[lr_scheduler.LRScheduler]]:
    return {
        name: member
        for name, member in vars(lr_scheduler).items()
        if inspect.isclass(member)
        and issubclass(member, lr_scheduler.LRScheduler)
        and not name.startswith("_")
        and name != "LRScheduler"
    }


@registry.register_scheduler("pythia")
class PythiaScheduler(lr_scheduler.LambdaLR):
    """Warm-up from `warmup_factor` to 1 over `warmup_iterations`, then times `lr_ratio` at every one of `lr_steps`.

    A step that falls into the warm-up takes effect when the warm-up ends.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        use_warmup: bool = False,
        warmup_iterations: int = 1000,
        warmup_factor: float = 0.2,
        lr_steps: Sequence[int] = (),
        lr_ratio: float = 0.1,
        last_epoch: int = -1,
    ):
        factor = _warmup_then_steps(use_warmup, warmup_iterations, warmup_factor, list(lr_steps), lr_ratio)
        super().__init__(optimizer, factor, last_epoch)


@registry.register_scheduler("multi_step")
class MultiStepScheduler(lr_scheduler.LambdaLR):
    """As `pythia`, with its values given in `scheduler.params`; the warm-up must end before the first step."""

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        lr_steps: Sequence[int],
        lr_ratio: float,
        use_warmup: bool = False,
        warmup_iterations: int = 0,
        warmup_factor: float = 0.2,
        last_epoch: int = -1,
    ):
        steps = list(lr_steps)
        if use_warmup and steps and warmup_iterations >= steps[0]:
            raise ConfigError(
                f"scheduler.params.warmup_iterations ({warmup_iterations}) must be less than the first of lr_steps "
                f"({steps[0]})."
            )
        factor = _warmup_then_steps(use_warmup, warmup_iterations, warmup_factor, steps, lr_ratio)
        super().__init__(optimizer, factor, last_epoch)


@registry.register_scheduler("warmup_linear")
class WarmupLinearScheduler(lr_scheduler.LambdaLR):
    """From 0 to the full rate in `num_warmup_steps`, then straight down to 0 at `num_training_steps`."""

    def __init__(
        self, optimizer: Optimizer, *, num_warmup_steps: int = 0, num_training_steps: int, last_epoch: int = -1
    ):
        def factor(step: int) -> float:
            if step < num_warmup_steps:
                return step / max(1, num_warmup_steps)
            return max(0.0, (num_training_steps - step) / max(1, num_training_steps - num_warmup_steps))

        super().__init__(optimizer, factor, last_epoch)


@registry.register_scheduler("warmup_cosine")
class WarmupCosineScheduler(lr_scheduler.LambdaLR):
    """From 0 to the full rate in `num_warmup_steps`, then `num_cycles` cosine waves; 0.5 is one fall to 0."""

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        num_warmup_steps: int = 0,
        num_training_steps: int,
        num_cycles: float = 0.5,
        last_epoch: int = -1,
    ):
        def factor(step: int) -> float:
            if step < num_warmup_steps:
                return step / max(1, num_warmup_steps)
            progress = (step - num_warmup_steps) / max(1, num_training_steps - num_warmup_steps)
            return max(0.0, 0.5 * (1.0 + math.cos(2.0 * math.pi * num_cycles * progress)))

        super().__init__(optimizer, factor, last_epoch)


def _warmup_then_steps(
    use_warmup: bool, iterations: int, start: float, steps: list[int], ratio: float
) -> Callable[[int], float]:
    def factor(step: int) -> float:
        if use_warmup and step <= iterations:
            done = step / max(1, iterations)
            return start * (1.0 - done) + done
        return ratio ** bisect_right(steps, step)

    return factor
