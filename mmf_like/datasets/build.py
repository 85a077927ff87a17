"""From config sections to builders with loaded splits."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from omegaconf import OmegaConf

from mmf_like.common.errors import ConfigError
from mmf_like.common.registry import registry
from mmf_like.datasets.base_dataset_builder import BaseDatasetBuilder
from mmf_like.datasets.processors.base import plain

log = logging.getLogger("mmf_like")


def build_builder(name: str) -> BaseDatasetBuilder:
    """The builder registered as `name`, constructed."""
    return registry.find("builder", name)()


def build_datasets(
    names: Sequence[str], dataset_config: Mapping[str, Any], *, fast_read: bool = False, lock_dir: Path | None = None
) -> list[BaseDatasetBuilder]:
    """Builders in the order of `names`, each prepared by one process at a time, then loaded.

    The processes of a run do not know each other yet, and other runs may want the same data: `build` runs under a
    lock file in `lock_dir`. `fast_read` is for datasets whose section does not say.

    Raises `ConfigError` for a dataset without a section in `dataset_config`.
    """
    builders = []
    for name in names:
        config = dataset_config.get(name)
        if config is None:
            raise ConfigError(f"dataset_config.{name} is missing: the dataset {name!r} has no configuration.")
        config = OmegaConf.create({"fast_read": fast_read, **plain(config)})  # builders use config.x and config["x"]
        builder = build_builder(name)
        builder.dataset_name = name
        if type(builder).build is not BaseDatasetBuilder.build:
            with locked(name, lock_dir):
                builder.prepare_data(config)
        builder.setup(config=config)
        builders.append(builder)
    return builders


@contextmanager
def locked(name: str, folder: Path | None) -> Iterator[None]:
    """Hold the lock of a dataset's preparation; says so when another process has it."""
    if folder is None:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{name}.lock")
    try:
        lock.acquire(timeout=1)
    except Timeout:
        log.info("Waiting for another process to prepare %s.", name)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
