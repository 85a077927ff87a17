"""`SplitMetrics`: the metrics and mean losses of a run, kept apart by split and dataset."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.distributed
from torch import Tensor, nn
from torchmetrics import Metric

from mmf_like.common.errors import ConfigError, did_you_mean
from mmf_like.common.registry import registry
from mmf_like.distributed import gather_objects
from mmf_like.modules.metrics.base import BaseMetric

SPLITS = ("train", "val", "test")
TOTAL_LOSS = "total_loss"


@dataclass(frozen=True)
class MetricEntry:
    """One entry of `evaluation.metrics`."""

    type: str
    key: str
    params: dict[str, Any] = field(default_factory=dict)
    datasets: list[str] | None = None

    def build(self) -> BaseMetric:
        try:
            metric = registry.find("metric", self.type)(**self.params)
        except TypeError as error:
            raise ConfigError(f"Metric {self.type!r} cannot be built from params {self.params}: {error}.") from error
        metric.name = self.key
        if self.datasets is not None:
            metric.set_applicable_datasets(self.datasets)
        return metric


class SplitMetrics(nn.Module):
    """Metrics of `configs`, names or `{type, key?, params?, datasets?}`, and mean losses, for each split and dataset.

    A dataset's metrics are made when its first batch comes, on that batch's device; they move with the module, are no
    part of its state dict, and are summed over processes when computed. Nothing here waits for the device.
    """

    def __init__(self, configs: Sequence[str | Mapping[str, Any]] = ()):
        super().__init__()
        self.entries = parse_entries(configs)
        self._prototypes = {entry.key: entry.build() for entry in self.entries}  # a dict: names and orderings only
        self.metrics = nn.ModuleDict({_module_name(split): nn.ModuleDict() for split in SPLITS})
        self.losses = nn.ModuleDict({_module_name(split): nn.ModuleDict() for split in SPLITS})

    def update(self, split: str, sample_list: Any, output: Mapping[str, Any]) -> None:
        """Add a batch. A metric whose required fields are in neither the batch nor the output is passed over."""
        for metric in self._metrics_of(split, sample_list["dataset_name"], _device_of(output)).values():
            if all(name in output or name in sample_list for name in metric.required_params):
                metric.update(sample_list, output)

    def update_losses(self, split: str, losses: Mapping[str, Tensor], batch_size: int) -> None:
        """Add a batch's losses (`<split>/<dataset>/<loss>`: mean over its samples), weighted by its size."""
        if not losses:
            return
        means = {key: loss.detach().float().mean() for key, loss in losses.items()}
        means[f"{split}/{TOTAL_LOSS}"] = torch.stack(list(means.values())).sum()
        for key, mean in means.items():
            self._loss(split, key, mean.device).update(mean, batch_size)

    def compute(self, split: str) -> dict[str, Tensor]:
        """`<split>/<dataset>/<key>` (and `/<child>`) -> float tensor of length 1, for every metric that got a batch.

        The mean losses follow under their keys, then `<split>/total_loss`.
        """
        result: dict[str, Tensor] = {}
        for dataset, key in self._updated_anywhere(split):
            if dataset is None:
                result[key] = _float(_computed(self._loss(split, key)))
                continue
            value = _computed(self._metrics_of(split, dataset)[_module_name(key)])
            name = f"{split}/{dataset}/{key}"
            if isinstance(value, Mapping):
                result |= {f"{name}/{child}": _float(part) for child, part in value.items()}
            else:
                result[name] = _float(value)
        return result

    def _updated_anywhere(self, split: str) -> list[tuple[str | None, str]]:
        """(dataset, metric's key), then (None, loss's key), of all that got a batch on any rank, in one order.

        Computing is a conversation between the ranks, so one that saw no batch of a dataset must take part too.
        """
        own: list[tuple[str | None, str]] = []
        for dataset, metrics in _shelf(self.metrics, split).items():
            own += [(_name_of(dataset), _name_of(k)) for k, m in metrics.items() if m.update_called]  # type: ignore[operator]
        own += [(None, _name_of(key)) for key, mean in _shelf(self.losses, split).items() if mean.update_called]
        everyone = gather_objects(own)
        found = list(dict.fromkeys(name for part in everyone for name in part))
        return sorted(found, key=lambda name: name[0] is None)

    def _metrics_of(self, split: str, dataset: str, device: torch.device | None = None) -> Any:
        shelf: Any = _shelf(self.metrics, split)
        name = _module_name(dataset)
        if name not in shelf:
            built = {_module_name(key): entry.build() for key, entry in self._applicable(dataset)}
            shelf[name] = nn.ModuleDict(built).to(device or _default_device())
        return shelf[name]

    def _loss(self, split: str, key: str, device: torch.device | None = None) -> Any:
        shelf: Any = _shelf(self.losses, split)
        name = _module_name(key)
        if name not in shelf:
            shelf[name] = MeanLoss().to(device or _default_device())
        return shelf[name]

    def numbers(self, split: str) -> dict[str, float]:
        """As `compute`, as Python numbers."""
        return {key: float(value) for key, value in self.compute(split).items()}

    def dump(self, split: str) -> dict[str, Any]:
        """The counters of a split's metrics on this rank: dataset -> key -> state name -> value, for a checkpoint."""
        return {
            _name_of(dataset): {
                _name_of(key): {"updates": metric._update_count, **metric.metric_state}
                for key, metric in metrics.items()  # type: ignore[operator]
            }
            for dataset, metrics in _shelf(self.metrics, split).items()
        }

    def restore(self, split: str, dumped: Mapping[str, Any], device: torch.device) -> None:
        """Put back what `dump` gave; metrics that the run no longer has are passed over."""
        for dataset, metrics in dumped.items():
            own = self._metrics_of(split, dataset, device)
            for key, states in metrics.items():
                if _module_name(key) in own:
                    metric = own[_module_name(key)]
                    metric._update_count = states["updates"]
                    for name, value in states.items():
                        if name != "updates":
                            setattr(metric, name, _moved(value, device))

    def reset(self, split: str | None = None) -> None:
        """Forget what was added to `split`; without one, to all."""
        for name in SPLITS if split is None else (split,):
            for shelf in (_shelf(self.metrics, name), _shelf(self.losses, name)):
                for module in shelf.modules():
                    if isinstance(module, Metric):
                        module.reset()

    def keys(self, dataset: str) -> list[str]:
        """`<dataset>/<key>` of every metric that is for `dataset`, in the order of the config."""
        return [f"{dataset}/{key}" for key, _ in self._applicable(dataset)]

    def main_metric(self, selected: str | None = None) -> tuple[str, str]:
        """What decides which checkpoint is best: (name, "max" or "min").

        `selected` may be a metric's key, a loss or "total_loss", with or without split and dataset before it and child
        after it. Without it, the first metric of the config; without any metric, the total loss.
        """
        if selected is None:
            if not self.entries:
                return TOTAL_LOSS, "min"
            selected = self.entries[0].key
        parts = selected.split("/")
        for part in parts:
            if part in self._prototypes:
                return selected, self._prototypes[part].ordering
        if any(part == TOTAL_LOSS or registry.has("loss", part) for part in parts):
            return selected, "min"
        known = [*self._prototypes, TOTAL_LOSS]
        raise ConfigError(
            f"{selected!r} is neither a metric of evaluation.metrics nor a loss.{did_you_mean(parts[-1], known)} "
            f"Known: {', '.join(known)}."
        )

    def _applicable(self, dataset: str) -> list[tuple[str, MetricEntry]]:
        return [(e.key, e) for e in self.entries if self._prototypes[e.key].is_dataset_applicable(dataset)]


class MeanLoss(Metric):
    """Mean of per-batch means, each weighted by its batch's size."""

    full_state_update = False
    total: Tensor
    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("weight", torch.tensor(0.0), dist_reduce_fx="sum")

    def update(self, mean: Tensor, batch_size: int) -> None:
        self.total += mean * batch_size
        self.weight += batch_size

    def compute(self) -> Tensor:
        return self.total / self.weight


def parse_entries(configs: Sequence[str | Mapping[str, Any]]) -> list[MetricEntry]:
    """The entries of `evaluation.metrics`. Raises one `ConfigError` for all entries that are wrong."""
    entries: list[MetricEntry] = []
    problems: list[str] = []
    for config in configs:
        if isinstance(config, str):
            entry = MetricEntry(config, config)
        elif not hasattr(config, "get"):
            problems.append(f"An entry of evaluation.metrics must be a name or a section with type, but is {config!r}.")
            continue
        elif not config.get("type"):
            problems.append(f"An entry of evaluation.metrics needs a type, but is {dict(config)}.")
            continue
        else:
            datasets = config.get("datasets")
            entry = MetricEntry(
                config["type"],
                config.get("key") or config["type"],
                {str(key): value for key, value in (config.get("params") or {}).items()},
                list(datasets) if datasets else None,
            )
        if not registry.has("metric", entry.type):
            problems.append(registry.unknown("metric", entry.type))
        if any(entry.key == other.key for other in entries):
            problems.append(
                f"evaluation.metrics names {entry.key!r} twice. "
                f"Give one of them another key: {{type: {entry.type}, key: ...}}."
            )
        entries.append(entry)
    if problems:
        raise ConfigError(problems)
    return entries


def _moved(value: Any, device: torch.device) -> Any:
    return [part.to(device) for part in value] if isinstance(value, list) else value.to(device)


def _computed(metric: Metric) -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"The ``compute`` method of metric")  # no batch here, but elsewhere
        return metric.compute()


def _shelf(shelves: nn.ModuleDict, split: str) -> nn.ModuleDict:
    if split not in SPLITS:
        raise ConfigError(f"There is no split {split!r} of metrics. Known: {', '.join(SPLITS)}.")
    return shelves[_module_name(split)]  # type: ignore[return-value]


def _module_name(name: str) -> str:
    """Module names hold no dot and are no attribute of a module (`train`); `_name_of` finds the way back."""
    return "%" + name.replace("%", "%25").replace(".", "%2E")


def _name_of(module_name: str) -> str:
    return module_name[1:].replace("%2E", ".").replace("%25", "%")


def _default_device() -> torch.device:
    """For what a rank makes only to take part: where this process's collectives work."""
    on_gpu = torch.distributed.is_initialized() and torch.distributed.get_backend() == "nccl"
    return torch.device("cuda", torch.cuda.current_device()) if on_gpu else torch.device("cpu")


def _device_of(output: Mapping[str, Any]) -> torch.device:
    return next((value.device for value in output.values() if isinstance(value, Tensor)), torch.device("cpu"))


def _float(value: Any) -> Tensor:
    return torch.as_tensor(value, dtype=torch.float).reshape(1)
