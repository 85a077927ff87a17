"""`Losses`: the losses a model's config lists, each under its key `<split>/<dataset>/<loss>`."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmf_like.common.errors import BatchError, ConfigError
from mmf_like.common.registry import registry

log = logging.getLogger(__name__)


class Losses(nn.Module):
    """Computes every loss of `configs`, a list of names or `{type, params?, datasets?}` sections.

    Reads `dataset_name`, `dataset_type` and `targets` of the batch. Returns `<split>/<dataset>/<loss>` -> tensor of at
    least one dimension; a loss that returns a mapping has `/<child>` appended. A batch without targets has no losses,
    `{}`, which is said once for each dataset and split.
    """

    def __init__(self, configs: Sequence[str | Mapping[str, Any]]):
        super().__init__()
        self.losses = nn.ModuleList(MMFLoss(config) for config in configs)
        self._told: set[tuple[str, str]] = set()

    def forward(self, sample_list: Any, model_output: Mapping[str, Any]) -> dict[str, Tensor]:
        if "targets" not in sample_list:
            self._tell_once(*_split_and_dataset(sample_list))
            return {}
        result: dict[str, Tensor] = {}
        for loss in self.losses:
            result.update(loss(sample_list, model_output))
        return result

    def keys(self, dataset: str) -> list[str]:
        """`<dataset>/<loss>` of every loss that is for `dataset`; a loss with children appends theirs when it runs."""
        chosen: list[Any] = [loss for loss in self.losses if loss.is_dataset_applicable(dataset)]  # type: ignore[operator]
        return [f"{dataset}/{loss.name}" for loss in chosen]

    def _tell_once(self, split: str, dataset: str) -> None:
        if (split, dataset) not in self._told:
            self._told.add((split, dataset))
            log.warning(
                "The %s batches of %s have no targets, so no loss is computed.",
                split,
                dataset,
            )


class MMFLoss(nn.Module):
    """One loss of a config: `name`, the registered module as `loss_criterion`, and the datasets it is for.

    `datasets` comes from the section or else from an attribute of the loss; without either, all datasets.
    """

    def __init__(self, config: str | Mapping[str, Any]):
        super().__init__()
        section: Mapping[str, Any] = {"type": config} if isinstance(config, str) else config
        name = section.get("type") if isinstance(section, Mapping) or hasattr(section, "get") else None
        if not name:
            raise ConfigError(f"A loss needs a type, for example {{type: cross_entropy}}, but the entry is {section}.")
        self.name: str = name
        criterion = registry.find("loss", name)
        params = section.get("params") or {}
        try:
            if isinstance(params, Mapping) or hasattr(params, "items"):
                self.loss_criterion = criterion(**{str(key): value for key, value in params.items()})
            else:
                self.loss_criterion = criterion(params)
        except TypeError as error:
            raise ConfigError(f"Loss {name!r} cannot be built from params {params}: {error}.") from error
        datasets = section.get("datasets") or getattr(self.loss_criterion, "datasets", None)
        self.datasets: list[str] | None = list(datasets) if datasets else None

    def is_dataset_applicable(self, dataset: str) -> bool:
        return self.datasets is None or dataset in self.datasets

    def forward(self, sample_list: Any, model_output: Mapping[str, Any]) -> dict[str, Tensor]:
        split, dataset = _split_and_dataset(sample_list)
        if not self.is_dataset_applicable(dataset):
            return {}
        try:
            value = self.loss_criterion(sample_list, model_output)
        except KeyError as error:
            raise BatchError(
                f"The loss {self.name!r} reads {error.args[0]!r}, which is neither in what the model's forward returns "
                f"({', '.join(model_output)}) nor in the batch ({', '.join(sample_list)})."
            ) from error
        key = f"{split}/{dataset}/{self.name}"
        if isinstance(value, Mapping):
            return {f"{key}/{child}": _at_least_1d(part) for child, part in value.items()}
        return {key: _at_least_1d(value)}


def _split_and_dataset(sample_list: Any) -> tuple[str, str]:
    for field in ("dataset_type", "dataset_name"):
        if field not in sample_list:
            raise BatchError(f"Losses are named by {field}, which the batch does not have.")
    return sample_list["dataset_type"], sample_list["dataset_name"]


def _at_least_1d(value: Any) -> Tensor:
    tensor = value if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float)
    return tensor.view(1) if tensor.dim() == 0 else tensor
