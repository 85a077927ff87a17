"""Checks a composed configuration and names everything that is wrong with it, one line each."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from typing import Any

from mmf_like.common.errors import did_you_mean
from mmf_like.common.registry import registry
from mmf_like.config import components, schema
from mmf_like.config.lightning import parameter_problem
from mmf_like.config.merge import get
from mmf_like.config.provenance import COMMAND_LINE, Path, Provenance, dotted
from mmf_like.config.together import contradictions
from mmf_like.config.types import conform, parse_annotation, show

# Keys that a section may have whatever its class declares.
ALWAYS = {
    "model": ("model", "losses", "zoo_requirements", "model_data_dir", "data_dir"),
    "builder": ("processors", "fast_read", "zoo_requirements", "data_dir"),
}
# Keys that the library reads in sections whose class declares none: what is nearly one of these is a slip.
COMMON = {
    "model": ("losses", "model"),
    "builder": (
        *("processors", "annotations", "images", "features", "data_dir", "split_train", "fast_read"),
        *("use_images", "use_features", "zoo_requirements"),
    ),
}
_TORCH_CLASS = re.compile(r"^[A-Z][A-Za-z0-9]*$")
_RUN_WORDS = ("train", "val", "test", "inference", "predict")


def validate(tree: dict[str, Any], provenance: Provenance, *, skip: Collection[Path] = ()) -> list[str]:
    """Problems of the whole configuration. Values are brought into their declared types in place.

    `skip` are the settings whose value is not known because an interpolation failed.
    """
    check = _Check(tree, provenance, skip)
    check.section(tree, ())
    check.choices()
    models = [tree["model"]] if isinstance(tree.get("model"), str) else []
    check.components("model", "model_config", models)
    check.components("builder", "dataset_config", dataset_names(tree))
    check.strangers("model_config", models)
    check.strangers("dataset_config", dataset_names(tree))
    check.lightning()
    return check.problems + contradictions(tree, dataset_names(tree), check.told)


def dataset_names(config: Any) -> list[str]:
    """The names in `datasets`, which is `a,b` or a list."""
    named = config.get("datasets")
    if isinstance(named, str):
        named = named.split(",")
    return [str(name).strip() for name in named or [] if str(name).strip()]


def is_scratch(name: Any) -> bool:
    """Top-level keys that a file may make for its own interpolations: `x_anything` and `anything_configs`."""
    return str(name).startswith("x_") or str(name).endswith("_configs")


def nearest(key: str) -> str:
    """`" Did you mean training.batch_size?"` for the setting nearest to `key`, else an empty string."""
    parent, _, last = key.rpartition(".")
    siblings = [known for known in schema.known_keys() if known.rpartition(".")[0] == parent]
    found = difflib.get_close_matches(key, siblings, n=1, cutoff=0.6) if siblings else []
    if found and parent and not difflib.get_close_matches(last, [found[0].rpartition(".")[2]], cutoff=0.6):
        found = []  # alike only in the name of their section
    found = found or [known for known in schema.known_keys() if known.endswith(f".{key}")][:1]
    found = found or [known for known in schema.known_keys() if known.rpartition(".")[2] == last][:1]
    found = found or difflib.get_close_matches(key, schema.known_keys(), n=1, cutoff=0.7)
    return f" Did you mean {found[0]}?" if found else ""


class _Check:
    def __init__(self, tree: dict[str, Any], provenance: Provenance, skip: Collection[Path]):
        self.tree, self.provenance, self.skip = tree, provenance, skip
        self.problems: list[str] = []

    def told(self, path: Path) -> str:
        return f"{dotted(path)} ({self.provenance.origin(path).place})"

    # -- the built-in sections -----------------------------------------------------------------------------------

    def section(self, node: dict[Any, Any], path: Path) -> None:
        for name, value in list(node.items()):
            here = (*path, name)
            if here in self.skip:
                continue
            if here in schema.settings():
                self.setting(node, here)
            elif here in schema.sections():
                if isinstance(value, dict):
                    self.section(value, here)
                else:
                    self.problems.append(f"{self.told(here)}: {show(value)} is not a section (key: value).")
            elif not (is_scratch(name) if not path else schema.sections()[path]):
                while isinstance(value, dict) and len(value) == 1:  # name the one key that was meant
                    here, value = (*here, next(iter(value))), next(iter(value.values()))
                self.problems.append(f"{self.told(here)} is not a setting.{nearest(dotted(here))}")

    def setting(self, node: dict[Any, Any], path: Path) -> None:
        setting, value = schema.settings()[path], node[path[-1]]
        if value is None and setting.type is dict:
            value = {}
        node[path[-1]], complaint = conform(value, setting.type)
        if complaint:
            self.problems.append(f"{self.told(path)}: {complaint}{_corrected(path, value, setting)}")
        elif setting.minimum is not None and value is not None and value < setting.minimum:
            self.problems.append(f"{self.told(path)}: {show(value)} is less than {setting.minimum}.")

    # -- registered names ---------------------------------------------------------

    def choices(self) -> None:
        """The names of registered things in the built-in sections."""
        for path, setting in schema.settings().items():
            value = get(self.tree, path, None)
            if setting.names is None or path in self.skip or value in (None, setting.default):
                continue
            if isinstance(value, list):
                self.typed(path, value, setting.names)
            elif isinstance(value, str):
                self.name(path, value, setting.names)
        run_type = self.tree.get("run_type")
        if isinstance(run_type, str) and not any(word in run_type for word in _RUN_WORDS):
            told = self.told(("run_type",))
            self.problems.append(f"{told}: {run_type!r} names none of: {', '.join(_RUN_WORDS)}.")

    def typed(self, path: Path, items: list[Any], kind: str) -> None:
        """A list of names or of `{type: name, ...}`."""
        for index, item in enumerate(items):
            here: Path = (*path, index)
            if isinstance(item, dict):
                self.for_datasets((*here, "datasets"), item.get("datasets"))
                item, here = item.get("type"), (*here, "type")
            if not isinstance(item, str):
                self.problems.append(f"{self.told(here)}: {show(item)} is not the name of a {kind}.")
            else:
                self.name(here, item, kind)

    def for_datasets(self, path: Path, named: Any) -> None:
        """The datasets that a loss or metric is for."""
        if not named or self.provenance.origin(path).owner:
            return  # the author of a model may name datasets that this run does not have
        known = dataset_names(self.tree)
        for name in dataset_names({"datasets": named}):
            if name not in known:
                said = f"{name!r} is not among the datasets of this run ({', '.join(known)})."
                self.problems.append(f"{self.told(path)}: {said}{did_you_mean(name, known)}")

    def name(self, path: Path, value: str, kind: str) -> None:
        if kind in ("optimizer", "scheduler") and _TORCH_CLASS.match(value):
            return  # a class of torch.optim: known when torch is there
        known, failure = components.is_known(kind, value)
        if not known:
            self.problems.append(f"{self.told(path)}: {components.unknown(kind, value)}")
            self.problems += [failure] if failure else []

    # -- model_config.<model> and dataset_config.<dataset> ---------------------------------------------------------

    def components(self, kind: str, section: str, names: list[Any]) -> None:
        for name in names:
            node = get(self.tree, (section, name), None)
            if not isinstance(node, dict) or not registry.has(kind, name):
                continue
            path: Path = (section, name)
            if kind == "model":
                self.losses((*path, "losses"), node.get("losses"))
            if isinstance(node.get("processors"), dict):
                self.processors((*path, "processors"), node["processors"])
            self.fields(kind, name, node, path)

    def losses(self, path: Path, value: Any) -> None:
        if isinstance(value, list):
            self.typed(path, value, "loss")
        elif value is not None:
            self.problems.append(f"{self.told(path)}: {show(value)} is not a list.{_as_list(path, value)}")

    def processors(self, path: Path, node: dict[Any, Any]) -> None:
        for key, value in node.items():
            if isinstance(value, dict) and isinstance(value.get("type"), str):
                self.name((*path, key, "type"), value["type"], "processor")

    def fields(self, kind: str, name: str, node: dict[Any, Any], path: Path) -> None:
        declared = components.fields(kind, name) or components.Fields({}, closed=False)
        always = ALWAYS[kind]
        for key, value in list(node.items()):
            field = declared.known.get(key)
            if kind == "model" and key == "losses":
                continue
            if field is not None:
                node[key], complaint = conform(value, parse_annotation(field.annotation))
                if complaint:
                    self.problems.append(f"{self.told((*path, key))}: {complaint}")
            elif key not in always and not self.by_author((*path, key), kind, name):
                known = [*declared.known, *(always if declared.closed else COMMON[kind])]
                if key in known:
                    continue
                cutoff = 0.6 if declared.closed else 0.8  # where keys are free, only what is nearly the same is a slip
                near = difflib.get_close_matches(str(key), known, n=1, cutoff=cutoff)
                if not near and not declared.closed:
                    continue
                said = f" Did you mean {dotted((*path, near[0]))}?" if near else ""
                word = components.WORDS.get(kind, kind)
                self.problems.append(f"{self.told((*path, key))} is not a setting of {word} {name!r}.{said}")
        for key, field in declared.known.items():
            if not field.has_default and key not in node and key not in always:
                self.problems.append(f"{dotted((*path, key))} has no default and is not set.")

    def by_author(self, path: Path, kind: str, name: str) -> bool:
        """Whether the class's own YAML sets the key: its author knows it."""
        chains = [chain for _, chain in self.provenance.below(path)]
        settings = [*self.provenance.chain(path), *(setting for chain in chains for setting in chain)]
        return any(setting.origin.owner == f"{kind} {name}" for setting in settings)

    def strangers(self, section: str, names: list[Any]) -> None:
        """Sections of models or datasets that this run does not have, named on the command line only."""
        node = self.tree.get(section)
        for name in node if isinstance(node, dict) else ():
            path: Path = (section, name)
            settings = [setting for _, chain in self.provenance.below(path) for setting in chain]
            if name in names or not settings or not all(item.origin == COMMAND_LINE for item in settings):
                continue
            near = difflib.get_close_matches(str(name), [str(item) for item in names if item], n=1, cutoff=0.6)
            said = f" Did you mean {section}.{near[0]}?" if near else ""
            self.problems.append(f"{self.told(path)}: {name!r} is not part of this run.{said}")

    def lightning(self) -> None:
        """Misspelt arguments of the Trainer; those it has and we do not know pass."""
        path: Path = ("trainer", "params")
        params = get(self.tree, path, None)
        for name in params if isinstance(params, dict) else ():
            near = parameter_problem(str(name))
            if near:
                self.problems.append(f"{self.told((*path, name))} is not an argument of Lightning's Trainer.{near}")


def _corrected(path: Path, value: Any, setting: schema.Setting) -> str:
    """How to write what was meant, where that is plain."""
    if setting.type is list and setting.names and isinstance(value, (str, dict)):
        return _as_list(path, value)
    if path == ("model",) and isinstance(value, list) and len(value) == 1:
        return f" A run has one model: model={value[0]}"
    return ""


def _as_list(path: Path, value: Any) -> str:
    return f" Did you mean {dotted(path)}=[{value if isinstance(value, str) else show(value)}]?"
