"""Composes the one configuration of a run out of files and arguments.

Later wins: `configs/defaults.yaml`, the model's YAML, each dataset's YAML, the file named by `config=` with its
`includes`, `--config_override`, the command line. Whatever is wrong is collected and raised at once.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any

from omegaconf import DictConfig, OmegaConf

from mmf_like.common.errors import ConfigError
from mmf_like.common.registry import registry
from mmf_like.config import components, legacy, paths
from mmf_like.config.interpolate import resolve
from mmf_like.config.load import Layer, load_layers, mapping_layer
from mmf_like.config.merge import MISSING, get, merge, put
from mmf_like.config.overrides import Assignment, assign, parse_items, parse_override
from mmf_like.config.provenance import COMMAND_LINE, Origin, Path, Provenance
from mmf_like.config.schema import NOT_YET, settings
from mmf_like.config.validate import dataset_names, validate

DEFAULTS = "configs/defaults.yaml"
LR, LR_SHORT = ("optimizer", "params", "lr"), ("learning_rate",)


@dataclass(frozen=True)
class Composed:
    """The final configuration (read-only, nothing left to resolve), its history and what a user should know."""

    config: DictConfig
    provenance: Provenance
    notes: list[str] = field(default_factory=list)


def compose(args: Sequence[str] = (), *, config_override: str | None = None) -> Composed:
    """The configuration of a command line. Raises `ConfigError` with all problems."""
    return _Composition().run(args, config_override, base=None)


def compose_mapping(data: Any, args: Sequence[str] = (), *, place: str = "given config") -> Composed:
    """As `compose`, with plain data in the place of the file named by `config=`: a checkpoint's config, say."""
    plain: Any = OmegaConf.to_container(data) if OmegaConf.is_config(data) else copy.deepcopy(data)
    return _Composition().run(args, None, base=mapping_layer(plain, place))


class _Composition:
    """One composition under way: what has been found wrong and noted so far."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.unread = False  # a file could not be read, so what it would have set is unknown

    def run(self, args: Sequence[str], config_override: str | None, base: Layer | None) -> Composed:
        assignments = self.arguments(args)
        override = self.override(config_override)
        early_dir = _said(assignments, ("env", "user_dir")) or os.environ.get("MMF_USER_DIR")
        config_name = _said(assignments, ("config",)) or get(override.data, ("config",), None)
        user = [base] if base is not None else []
        user += self.files(config_name, early_dir, "config=")
        self.upgrade(user)

        choices = [*user, override]
        user_dir = _last(choices, ("env", "user_dir")) or early_dir
        if any(item.path == ("env", "user_dir") for item in assignments):  # `env.user_dir=` switches it off
            user_dir = _said(assignments, ("env", "user_dir"))
        user_dir = self.use(user_dir)
        model = _said(assignments, ("model",)) or _last(choices, ("model",))
        datasets = _said(assignments, ("datasets",)) or _last(choices, ("datasets",))
        names = dataset_names({"datasets": datasets})

        layers = load_layers(paths.project_root() / DEFAULTS)
        layers += self.component("model", "model", model, assignments, choices, user_dir)
        for name in names:
            layers += self.component("builder", "datasets", name, assignments, choices, user_dir)
        self.missing(model, names)
        if config_name:  # below the file itself: a saved config keeps the name of the file it was made from
            layers.append(Layer({"config": config_name}, origin=COMMAND_LINE))
        tree, provenance = self.merge([*layers, *user, override], assignments)
        return self.finish(tree, provenance)

    # -- reading ---------------------------------------------------------

    def arguments(self, args: Sequence[str]) -> list[Assignment]:
        parsed, problems = parse_items(args)
        self.problems += problems
        kept: list[Assignment] = []
        for assignment in parsed:
            upgraded, notes = legacy.upgrade_assignment(assignment)
            self.notes += notes
            if upgraded is not None:
                kept.append(upgraded)
        rates = [item for item in kept if item.path == LR_SHORT and item.value is not None]
        return [*kept, *(replace(item, path=LR) for item in rates[-1:])]

    def override(self, text: str | None) -> Layer:
        try:
            layer = parse_override(text)
        except ConfigError as error:
            self.problems += error.problems
            return Layer({})
        self.upgrade([layer])
        return layer

    def files(self, name: Any, user_dir: str | None, what: str) -> list[Layer]:
        if not name:
            return []
        try:
            return load_layers(str(name), user_dir=user_dir)
        except ConfigError as error:
            self.unread = True
            self.problems += [f"{what}{line}" if line.startswith(f"{name} ") else line for line in error.problems]
            return []

    def upgrade(self, layers: list[Layer]) -> None:
        for layer in layers:
            self.notes += legacy.upgrade(layer)
            rate = layer.data.get("learning_rate")
            if rate is not None:
                put(layer.data, LR, rate)
                layer.origins[LR] = layer.where(LR_SHORT)

    def use(self, user_dir: str | None) -> str | None:
        """Make the user's code known, before models and datasets are looked up."""
        if not user_dir:
            return None
        try:
            registry.user_code.use(paths.find_folder(user_dir) or user_dir)
        except ConfigError as error:
            self.problems += error.problems
            return None
        return str(registry.user_code.path)

    def component(
        self,
        kind: str,
        key: str,
        name: Any,
        assignments: list[Assignment],
        choices: list[Layer],
        user_dir: str | None,
    ) -> list[Layer]:
        """The YAML of a model or dataset; a problem when the name is not registered."""
        if not name or isinstance(name, (bool, list, dict)):
            return []  # no name at all: the schema says so
        known, failure = components.is_known(kind, name) if isinstance(name, str) else (False, "")
        if not known:
            origin = _origin(assignments, choices, (key,))
            shown = "dataset" if kind == "builder" else "model"
            self.problems.append(f"{shown}={name} ({origin.place}): {components.unknown(kind, name)}")
            self.problems += [failure] if failure else []
            return []
        path = components.config_path(kind, name)
        owner = f"{kind} {name}"
        layers = self.files(path, user_dir, f"the config_path() of {components.WORDS.get(kind, kind)} {name!r}: ")
        self.upgrade(layers)
        for layer in layers:
            layer.origin = replace(layer.origin, owner=owner)
            layer.origins = {where: replace(origin, owner=owner) for where, origin in layer.origins.items()}
        return layers

    def missing(self, model: Any, datasets: list[str]) -> None:
        if self.unread:
            return
        if not model:
            self.problems.append("No model is named. Add model=<name>  (mmf_list models)")
        if not datasets:
            self.problems.append("No dataset is named. Add dataset=<name>  (mmf_list datasets)")

    # -- putting together ---------------------------------------------------------

    def merge(self, layers: list[Layer], assignments: list[Assignment]) -> tuple[dict[str, Any], Provenance]:
        tree: dict[str, Any] = {}
        provenance = Provenance()
        for layer in layers:
            merge(tree, layer, provenance)
        for assignment in assignments:
            if assignment.path == ("config",):
                continue
            try:
                assign(tree, assignment, provenance)
            except ConfigError as error:
                self.problems += error.problems
        return tree, provenance

    def finish(self, tree: dict[str, Any], provenance: Provenance) -> Composed:
        self.settle(tree, provenance)
        unresolved = resolve(tree, provenance)
        self.problems += [] if self.unread else unresolved.values()
        fill_in(tree)
        self.problems += validate(tree, provenance, skip=unresolved)
        if self.problems:
            raise ConfigError(list(dict.fromkeys(self.problems)))
        self.notes += ignored(tree, provenance)
        config = OmegaConf.create(tree)
        OmegaConf.set_struct(config, True)
        OmegaConf.set_readonly(config, True)
        return Composed(config, provenance, list(dict.fromkeys(self.notes)))

    def settle(self, tree: dict[str, Any], provenance: Provenance) -> None:
        """Settings that mean the same thing, or exclude each other, are brought into one line."""
        training = tree.get("training")
        if isinstance(tree.get("datasets"), list):
            tree["datasets"] = ",".join(dataset_names(tree))
        if tree.get("learning_rate") is not None:
            tree["learning_rate"] = get(tree, LR)  # a later optimizer.params.lr has won
        if not isinstance(training, dict):
            return
        if training.get("trainer") == "mmf":
            training["trainer"] = "lightning"
        if training.get("batch_size_per_device") is not None and _is_default(provenance, ("training", "batch_size")):
            training["batch_size"] = None
        if training.get("max_epochs") is not None and training.get("max_updates") is not None:
            updates = ("training", "max_updates")
            if not _is_default(provenance, updates):
                self.notes.append(
                    f"training.max_epochs ({provenance.origin(('training', 'max_epochs')).place}) wins over "
                    f"training.max_updates ({provenance.origin(updates).place})."
                )


def fill_in(tree: dict[str, Any]) -> None:
    """In place: `env.user_dir` is found from any folder, and the model and every dataset have a section."""
    env = tree.get("env")
    user_dir = env.get("user_dir") if isinstance(env, dict) else None
    if isinstance(user_dir, str) and user_dir and FilePath(user_dir).expanduser().exists():
        tree["env"]["user_dir"] = str(FilePath(user_dir).expanduser().resolve())
    model = tree.get("model")
    for section, names in (("model_config", [model]), ("dataset_config", dataset_names(tree))):
        node = tree.get(section)
        if isinstance(node, dict):
            node.update({name: {} for name in names if isinstance(name, str) and node.get(name) is None})


def ignored(tree: dict[str, Any], provenance: Provenance) -> list[str]:
    """Notes on what the configuration asks for and nothing reads yet."""
    # A default that refers to a variable is no wish, also where a saved config spells it out.
    own = [item for item in settings().values() if item.key in NOT_YET and "${" not in str(item.default)]
    return [
        f"{item.key} ({provenance.origin(item.path).place}) has no effect yet."
        for item in own
        if get(tree, item.path) != item.default
    ]


def _is_default(provenance: Provenance, path: Path) -> bool:
    return provenance.origin(path).place.startswith(f"{DEFAULTS}:")


def _said(assignments: list[Assignment], path: Path) -> Any:
    return next((item.value for item in reversed(assignments) if item.path == path), None)


def _last(layers: list[Layer], path: Path) -> Any:
    values = [get(layer.data, path) for layer in layers]
    return next((value for value in reversed(values) if value not in (MISSING, None, "")), None)


def _origin(assignments: list[Assignment], layers: list[Layer], path: Path) -> Origin:
    if _said(assignments, path) is not None:
        return COMMAND_LINE
    return next(
        (layer.where(path) for layer in reversed(layers) if get(layer.data, path) is not MISSING),
        COMMAND_LINE,
    )
