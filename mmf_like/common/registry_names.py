"""The decorators and getters of MMF's registry, one pair per kind, over `add` and the look-up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from mmf_like.common.errors import RegistryError

T = TypeVar("T")


class RegistryNames:
    """`register_<kind>(name)` gives a class decorator; `get_<kind>_class(name)` the class, or `None`."""

    def add(
        self, kind: str, name: str, target: T, *, config_class: type | None = None, description: str | None = None
    ) -> T:
        raise NotImplementedError

    def _get_class(self, kind: str, name: str) -> Any:
        raise NotImplementedError

    def _decorator(self, kind: str, name: str, **more: Any) -> Callable[[T], T]:
        # Checked here, since `@registry.register_model` without parentheses makes `name` the class and would leave
        # this function in its place, registering nothing.
        check_name(kind, name)
        return lambda cls: self.add(kind, name, cls, **more)

    def register_model(
        self, name: str, config_class: type | None = None, description: str | None = None
    ) -> Callable[[T], T]:
        """Class decorator for models. `config_class` and `description` are filed beside the class."""
        return self._decorator("model", name, config_class=config_class, description=description)

    def register_trainer(self, name: str) -> Callable[[T], T]:
        return self._decorator("trainer", name)

    def register_builder(self, name: str) -> Callable[[T], T]:
        return self._decorator("builder", name)

    def register_datamodule(self, name: str) -> Callable[[T], T]:
        return self._decorator("datamodule", name)

    def register_callback(self, name: str) -> Callable[[T], T]:
        return self._decorator("callback", name)

    def register_processor(self, name: str) -> Callable[[T], T]:
        return self._decorator("processor", name)

    def register_metric(self, name: str) -> Callable[[T], T]:
        return self._decorator("metric", name)

    def register_torchmetric(self, name: str) -> Callable[[T], T]:
        return self._decorator("torchmetric", name)

    def register_loss(self, name: str) -> Callable[[T], T]:
        return self._decorator("loss", name)

    def register_pooler(self, name: str) -> Callable[[T], T]:
        return self._decorator("pooler", name)

    def register_fusion(self, name: str) -> Callable[[T], T]:
        return self._decorator("fusion", name)

    def register_optimizer(self, name: str) -> Callable[[T], T]:
        return self._decorator("optimizer", name)

    def register_scheduler(self, name: str) -> Callable[[T], T]:
        return self._decorator("scheduler", name)

    def register_encoder(self, name: str) -> Callable[[T], T]:
        return self._decorator("encoder", name)

    def register_decoder(self, name: str) -> Callable[[T], T]:
        return self._decorator("decoder", name)

    def register_transformer_backend(self, name: str) -> Callable[[T], T]:
        return self._decorator("transformer_backend", name)

    def register_transformer_head(self, name: str) -> Callable[[T], T]:
        return self._decorator("transformer_head", name)

    def register_test_reporter(self, name: str) -> Callable[[T], T]:
        return self._decorator("test_reporter", name)

    def register_iteration_strategy(self, name: str) -> Callable[[T], T]:
        return self._decorator("iteration_strategy", name)

    def get_trainer_class(self, name: str) -> Any:
        """The class, or `None` when nothing is registered under `name`; so do all getters below."""
        return self._get_class("trainer", name)

    def get_builder_class(self, name: str) -> Any:
        return self._get_class("builder", name)

    def get_datamodule_class(self, name: str) -> Any:
        return self._get_class("datamodule", name)

    def get_callback_class(self, name: str) -> Any:
        return self._get_class("callback", name)

    def get_model_class(self, name: str) -> Any:
        return self._get_class("model", name)

    def get_processor_class(self, name: str) -> Any:
        return self._get_class("processor", name)

    def get_metric_class(self, name: str) -> Any:
        return self._get_class("metric", name)

    def get_torchmetric_class(self, name: str) -> Any:
        return self._get_class("torchmetric", name)

    def get_loss_class(self, name: str) -> Any:
        return self._get_class("loss", name)

    def get_pooler_class(self, name: str) -> Any:
        return self._get_class("pooler", name)

    def get_pool_class(self, name: str) -> Any:
        """MMF's shorter name of `get_pooler_class`."""
        return self._get_class("pooler", name)

    def get_fusion_class(self, name: str) -> Any:
        return self._get_class("fusion", name)

    def get_optimizer_class(self, name: str) -> Any:
        return self._get_class("optimizer", name)

    def get_scheduler_class(self, name: str) -> Any:
        return self._get_class("scheduler", name)

    def get_encoder_class(self, name: str) -> Any:
        return self._get_class("encoder", name)

    def get_decoder_class(self, name: str) -> Any:
        return self._get_class("decoder", name)

    def get_transformer_backend_class(self, name: str) -> Any:
        return self._get_class("transformer_backend", name)

    def get_transformer_head_class(self, name: str) -> Any:
        return self._get_class("transformer_head", name)

    def get_test_reporter_class(self, name: str) -> Any:
        return self._get_class("test_reporter", name)

    def get_test_rerporter_class(self, name: str) -> Any:
        """MMF's spelling of `get_test_reporter_class`, kept for code that uses it."""
        return self._get_class("test_reporter", name)

    def get_iteration_strategy_class(self, name: str) -> Any:
        return self._get_class("iteration_strategy", name)


def check_name(kind: str, name: Any) -> None:
    """Refuse what is not a name to register under."""
    if not isinstance(name, str) or not name:
        raise RegistryError(f"register_{kind} takes a name: @registry.register_{kind}('my_name')")
