"""What a processor is, how one is built from a config, and how it travels with a saved model."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from mmf_like.common.errors import ConfigError, DataError, RegistryError, did_you_mean
from mmf_like.common.registry import registry
from mmf_like.text.vocab import Vocab

_WRITTEN_BY_MMF = ("data_dir", "model_data_dir")  # into the params of every processor


class BaseProcessor:
    """Turns one item (a dict) into another: `processor({"text": "What is this?"})["text"]`.

    `config` holds the `params` of the config file. A processor that owns a vocabulary keeps it as `vocab` and
    takes it as keyword, so that it can be built again without the file.
    """

    # The params that the class reads. One written down here refuses others; a subclass says so anew, or takes any.
    PARAMS: tuple[str, ...] | None = None
    draws_random = True  # may draw random numbers; a processor that never does says False

    def __init__(self, config: Mapping[str, Any] | None = None, *args: Any, **kwargs: Any):
        self.config = config if config is not None else {}

    def __call__(self, item: Any, *args: Any, **kwargs: Any) -> Any:
        return item

    def to_dict(self) -> dict[str, Any]:
        """`{"type", "params"}`, and `"vocab"` if there is one: plain containers, enough to build it again."""
        saved: dict[str, Any] = {
            "type": registry.name_of("processor", type(self)) or type(self).__name__,
            "params": plain(self.config),
        }
        vocab = getattr(self, "vocab", None)
        if isinstance(vocab, Vocab):
            saved["vocab"] = vocab.to_dict()
        return saved

    @staticmethod
    def from_dict(saved: Mapping[str, Any]) -> BaseProcessor:
        """The processor that `to_dict` described, of whatever class."""
        found = registry.find("processor", saved["type"])
        params = OmegaConf.create(plain(saved["params"]))
        if "vocab" in saved:
            return found(params, vocab=Vocab.from_dict(saved["vocab"]))
        return found(params)


class Processor:
    """Holds the processor that `config` names (`{type, params}`) and passes calls and attributes on."""

    def __init__(self, config: Mapping[str, Any], *args: Any, **kwargs: Any):
        self.processor = build_processor(config, *args, **kwargs)

    def __call__(self, item: Any, *args: Any, **kwargs: Any) -> Any:
        return self.processor(item, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if "processor" in self.__dict__:
            return getattr(self.__dict__["processor"], name)
        raise AttributeError(name)


class BatchProcessor(BaseProcessor):
    """Several processors (`config.processors`), called as one on a whole SampleList by a subclass."""

    def __init__(self, config: Mapping[str, Any] | None = None, *args: Any, **kwargs: Any):
        super().__init__(config)
        self.processors = build_processors(self.config.get("processors") or {})


def build_processors(
    configs: Mapping[str, Any],
    *,
    data_dir: str | Path | None = None,
    share: MutableMapping[str, BaseProcessor] | None = None,
    place: str = "processors",
) -> dict[str, BaseProcessor]:
    """Name -> processor from name -> `{type, params, preprocessor}`.

    File names in `params` (keys that end in `_file`) are looked for in `data_dir` first. What is in `share`
    is taken from there, what is built is put there: splits that pass the same dict use the same processors.
    `place` is where `configs` stands in the config, for errors.
    """
    built: dict[str, BaseProcessor] = {}
    for name, config in configs.items():
        if share is not None and name in share:
            built[name] = share[name]
            continue
        built[name] = build_processor(config, data_dir=data_dir, place=f"{place}.{name}")
        if share is not None:
            share[name] = built[name]
    return built


def build_processor(
    config: str | Mapping[str, Any],
    *args: Any,
    data_dir: str | Path | None = None,
    place: str = "processor",
    **kwargs: Any,
) -> BaseProcessor:
    """One processor from its name or its `{type, params, preprocessor}`. The rest goes to its class."""
    if isinstance(config, str):
        config = {"type": config}
    if not isinstance(config, Mapping) or "type" not in config:
        raise ConfigError(f"{place} must name a processor, as {{type: vocab, params: {{...}}}}, not {config!r}.")
    for key in config:
        if key not in ("type", "params", "preprocessor"):
            known = ("type", "params", "preprocessor")
            raise ConfigError(f"{place}.{key} is not a setting of a processor.{did_you_mean(key, known)}")
    name = config["type"]
    if not registry.has("processor", name):
        raise RegistryError(f"{place}.type: {registry.unknown('processor', name)}")
    params = plain(config.get("params") or {})
    if config.get("preprocessor"):
        params["preprocessor"] = plain(config["preprocessor"])
    found = registry.find("processor", name)
    _check_params(found, name, params, place)
    if data_dir is not None:
        params = _with_files_in(params, Path(data_dir))
    return found(OmegaConf.create(params, flags={"allow_objects": True}), *args, **kwargs)


def build_preprocessor(config: Mapping[str, Any], key: str = "preprocessor") -> BaseProcessor | None:
    """The processor that a processor's own params name under `key`, if they do."""
    return build_processor(config[key], place=key) if config.get(key) else None


def plain(config: Any) -> Any:
    """Dicts and lists in place of config nodes, mappings and tuples."""
    if isinstance(config, (DictConfig, ListConfig)):
        return OmegaConf.to_container(config, resolve=True)
    if isinstance(config, Mapping):
        return {str(key): plain(value) for key, value in config.items()}
    return [plain(value) for value in config] if isinstance(config, (list, tuple)) else config


def field_of(item: Any, *names: str, processor: str) -> Any:
    """The first of `names` that `item` has, or an error that says what `processor` needs."""
    if not isinstance(item, Mapping):
        raise TypeError(f"The processor {processor!r} takes a dict with {' or '.join(names)}, not {item!r:.60}.")
    for name in names:
        if item.get(name) is not None:
            return item[name]
    has = ", ".join(map(str, item)) or "nothing"
    raise DataError(f"The processor {processor!r} needs {' or '.join(names)}, but the item has {has}.")


def _check_params(found: Any, name: str, params: Any, place: str) -> None:
    known = vars(found).get("PARAMS")
    if known is None or not isinstance(params, Mapping):
        return
    for key in params:
        if key not in known and key not in _WRITTEN_BY_MMF:
            raise ConfigError(
                f"{place}.params.{key} is not a param of the processor {name!r}.{did_you_mean(str(key), known)} "
                f"It takes: {', '.join(known) or 'nothing'}."
            )


def _with_files_in(params: Any, folder: Path) -> Any:
    if not isinstance(params, dict):
        return params
    found = {}
    for key, value in params.items():
        if key.endswith("_file") and isinstance(value, str) and not Path(value).is_absolute():
            # A file that is in neither place keeps the folder's name, which is where it should be.
            inside = folder / value
            value = value if Path(value).exists() and not inside.exists() else str(inside)
        found[key] = _with_files_in(value, folder)
    return found
