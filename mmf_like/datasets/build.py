"""From config sections to builders with loaded splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmf_like.common.errors import ConfigError
from mmf_like.common.registry import registry
from mmf_like.datasets.base_dataset_builder import BaseDatasetBuilder
from mmf_like.distributed import main_first


def build_builder(name: str) -> BaseDatasetBuilder:
    """The builder registered as `name`, constructed."""
    return registry.find("builder", name)()


def build_datasets(names: Sequence[str], dataset_config: Mapping[str, Any]) -> list[BaseDatasetBuilder]:
    """Builders in the order of `names`, each prepared on the first process only, then loaded on all.

    Raises `ConfigError` for a dataset without a section in `dataset_config`.
    """
    builders = []
    for name in names:
        config = dataset_config.get(name)
        if config is None:
            raise ConfigError(f"dataset_config.{name} is missing: the dataset {name!r} has no configuration.")
        builder = build_builder(name)
        builder.dataset_name = name
        with main_first(f"preparing {name}") as is_first:
            if is_first:
                builder.prepare_data(config)
        builder.setup(config=config)
        builders.append(builder)
    return builders
