"""BaseModel: what every model is. Authors write `build` and `forward`; everything else has a working default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import MISSING, OmegaConf
from torch import Tensor

from mmf_like.common.data_info import DataInfo
from mmf_like.common.errors import BatchError, ConfigError
from mmf_like.common.sample import SampleList, convert_batch_to_sample_list
from mmf_like.models.optimization import Optimization, build_optimization
from mmf_like.modules.losses import Losses
from mmf_like.modules.metrics import SplitMetrics


class BaseModel(pl.LightningModule):
    """A model by name: derive, decorate with `registry.register_model`, implement `build` and `forward`::

        @registry.register_model("bag_of_words")
        class BagOfWords(BaseModel):
            def build(self):
                self.words = nn.EmbeddingBag(self.data_info.text_vocab_size, self.data_info.num_answers)
            def forward(self, sample_list):
                return {"scores": self.words(sample_list["text"])}

    `forward` returns a mapping, normally with `scores` (batch x classes); the losses of the config are added to it
    unless it returns `losses` itself. A batch walks `step -> gather -> step_end`, a split ends in `epoch_end`.
    """

    @dataclass
    class Config:
        """Typed settings of `model_config.<model>`; derive it to declare more."""

        model: str = MISSING
        losses: list[Any] | None = None

    gather_keys: tuple[str, ...] = ()  # output fields that the losses need from all ranks together
    required_features: tuple[str, ...] = ()  # batch fields without which `forward` cannot work
    no_decay_on_bias_and_norm = False  # ask for a second optimizer group without weight decay

    def __init__(self, config: Any, *args: Any, **kwargs: Any):
        super().__init__()
        self.config = OmegaConf.structured(config) if is_dataclass(config) else config
        self.data_info = DataInfo()
        self.losses: Losses | None = None
        self.metrics = SplitMetrics([])
        self.optimization = Optimization()
        self.run_config: Any = None  # the whole config, for `get_optimizer_parameters` and the checkpoint
        self.results: dict[str, float] = {}  # of the last `epoch_end` of each split
        self.measure_train = False  # whether training batches update the train metrics
        self._split: str | None = None  # the split being evaluated
        self._is_pretrained = False

    # -- for authors -------------------------------------------------------------------------------------------

    @classmethod
    def config_path(cls) -> str | None:
        """The YAML with `model_config.<name>`, relative to the project root or `env.user_dir`."""
        return None

    @classmethod
    def from_params(cls, **kwargs: Any) -> BaseModel:
        """An instance, not yet built, from the fields of its `Config`."""
        return cls(OmegaConf.structured(cls.Config(**kwargs)))

    def build(self) -> None:
        """Make the layers. `self.config` and `self.data_info` are set."""

    def forward(self, sample_list: SampleList) -> Mapping[str, Any]:
        raise ConfigError(
            f"{type(self).__name__} must implement forward(sample_list), which returns a dict with scores."
        )

    def init_losses(self) -> None:
        """Make `self.losses` from `config.losses`."""
        self.losses = Losses(self._configured("losses") or [])

    def get_optimizer_parameters(self, config: Any) -> Sequence[Any] | None:
        """Parameter groups for the optimizer; `None` for the default (see `models/optimization.py`)."""
        return None

    @classmethod
    def format_state_key(cls, key: str) -> str:
        """The present name of a parameter that an old checkpoint calls `key`."""
        return key

    def get_ckpt_name(self) -> str:
        """A prefix for the names of checkpoint files."""
        return ""

    def format_for_prediction(self, results: list[dict[str, Any]], report: Any) -> list[dict[str, Any]]:
        """A last word on the rows of one batch before they go to the prediction file."""
        return results

    def __setattr__(self, name: str, value: Any) -> None:
        # Lightning notes the name of every hook here, some forty times a batch; a module's own way is slow.
        if name == "_current_fx_name":
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)

    # -- calling -----------------------------------------------------------------------------------------------

    @property
    def is_pretrained(self) -> bool:
        """When true, calling the model gives what `forward` returns, without losses."""
        return self._is_pretrained

    @is_pretrained.setter
    def is_pretrained(self, value: bool) -> None:
        self._is_pretrained = value

    def __call__(self, sample_list: Any, *args: Any, **kwargs: Any) -> Any:
        """`forward` plus `losses`: a dict `<split>/<dataset>/<loss>` -> tensor of shape (1,)."""
        output = super().__call__(sample_list, *args, **kwargs)
        if self._is_pretrained or not isinstance(sample_list, Mapping):
            return output
        if not isinstance(output, Mapping):
            raise BatchError(
                f"{type(self).__name__}.forward must return a mapping such as {{'scores': ...}}, "
                f"but returned {type(output).__name__}."
            )
        if "losses" in output or self.losses is None:
            return output if "losses" in output else {**output, "losses": {}}
        return {**output, "losses": self.losses(sample_list, output)}

    def check_input_features(self, batch: Mapping[str, Any]) -> None:
        """Raise when the batch lacks one of `required_features`."""
        for name in self.required_features:
            if name not in batch:
                raise BatchError(
                    f"{type(self).__name__} needs the field {name!r} in every batch, "
                    f"but the batch has: {', '.join(batch)}."
                )

    # -- the pipeline ------------------------------------------------------------------------------------------

    def step(self, batch: SampleList) -> dict[str, Any]:
        """Forward and losses on this rank's samples; touches no metric."""
        if self.required_features:
            self.check_input_features(batch)
        return dict(self(batch))

    def gather(self, pre: dict[str, Any]) -> dict[str, Any]:
        """The fields of `gather_keys` from all ranks, with gradients, joined along the batch; the rest as it is."""
        if not self.gather_keys or self._trainer is None or self.trainer.world_size == 1:
            return pre
        joined = dict(pre)
        for key in self.gather_keys:
            if key in pre:
                parts: Any = self.all_gather(pre[key], sync_grads=True)  # ranks x batch x ...
                joined[key] = parts.flatten(0, 1)
        return joined

    def step_end(self, pre: dict[str, Any], split: str, batch: SampleList | None = None) -> dict[str, Any]:
        """Add `loss`, the sum of the mean of every loss, update the metrics, drop internal features (`_name_`)."""
        losses = pre.get("losses") or {}
        output = {key: value for key, value in pre.items() if not is_internal(key)}
        if losses:
            means = [value.squeeze() if value.numel() == 1 else value.mean() for value in losses.values()]
            output["loss"] = means[0] if len(means) == 1 else torch.stack(means).sum()
        if split == "train":
            if batch is not None and "shard_weight" in batch:
                output["loss"] = output["loss"] * batch["shard_weight"]
            if self.measure_train and batch is not None:
                self.metrics.update("train", batch, detached(pre))
        elif batch is not None:
            self.metrics.update(split, batch, pre)
            if losses:
                self.metrics.update_losses(split, losses, batch.get_batch_size())
        return output

    def epoch_end(self, split: str) -> dict[str, float]:
        """The split's losses and metrics over all its samples and ranks; its counters start again."""
        results = self.metrics.numbers(split)
        self.metrics.reset(split)
        self.results.update(results)
        return results

    def training_step(self, batch: Any, batch_idx: int = 0, dataloader_idx: int | None = None) -> dict[str, Any]:
        batch = convert_batch_to_sample_list(batch)
        output = self.step_end(self.gather(self.step(batch)), "train", batch)
        if "loss" not in output:
            raise ConfigError(
                f"Nothing to train on: {type(self).__name__} has no loss for a batch of "
                f"{batch.get('dataset_name', '?')!r}. Name one in model_config.<model>.losses and see that the "
                "train split has targets."
            )
        return output

    def validation_step(self, batch: Any, batch_idx: int = 0, dataloader_idx: int | None = None) -> dict[str, Any]:
        return self._evaluation_step(batch, "val")

    def test_step(self, batch: Any, batch_idx: int = 0, dataloader_idx: int | None = None) -> dict[str, Any]:
        return self._evaluation_step(batch, "test")

    def _evaluation_step(self, batch: Any, split: str) -> dict[str, Any]:
        batch = convert_batch_to_sample_list(batch)
        self._split = batch.get("dataset_type", split)
        return self.step_end(self.gather(self.step(batch)), self._split, batch)

    def on_validation_epoch_end(self) -> None:
        self.epoch_end(self._split or "val")

    def on_test_epoch_end(self) -> None:
        self.epoch_end(self._split or "test")

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        if device.type == "cpu" and isinstance(batch, SampleList):
            return batch  # loaders make batches there
        return super().transfer_batch_to_device(batch, device, dataloader_idx)

    # -- logging -----------------------------------------------------------------------------------------------

    def log_data(
        self,
        data: Mapping[str, Any],
        prefix: str | None = None,
        on_step: bool = False,
        on_epoch: bool = True,
        sync_dist: bool = True,
        batch_size: int | None = None,
    ) -> None:
        """Log every one-element value (number or tensor) as `prefix/name`; everything else is passed over."""
        for name, value in data.items():
            is_number = isinstance(value, (bool, int, float)) or (hasattr(value, "numel") and value.numel() == 1)
            if is_number:
                key = f"{prefix}/{name}" if prefix else name
                self.log(key, value, on_step=on_step, on_epoch=on_epoch, sync_dist=sync_dist, batch_size=batch_size)

    # -- optimisation and checkpoints --------------------------------------------------------------------------

    def configure_optimizers(self) -> Any:
        return build_optimization(self, self.optimization)

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """As torch's, after every key has been through `format_state_key`."""
        renamed = {self.format_state_key(key): value for key, value in state_dict.items()}
        return super().load_state_dict(renamed, *args, **kwargs)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Plain containers only, so that the file loads with `weights_only=True`."""
        config = self.run_config if self.run_config is not None else {"model_config": self.config}
        checkpoint["config"] = plain(config)
        checkpoint["model"] = self._configured("model")
        checkpoint["data_info"] = self.data_info.to_dict()

    def _configured(self, key: str) -> Any:
        return self.config.get(key) if isinstance(self.config, Mapping) or OmegaConf.is_config(self.config) else None


def is_internal(key: str) -> bool:
    """`_logits_` and `_answer_logits_` travel from step to step_end only; `__x__`, `_x` and `x_` are public."""
    return len(key) > 2 and key[0] == key[-1] == "_" and key[1] != "_" and key[-2] != "_"


def detached(output: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value.detach() if isinstance(value, Tensor) else value for key, value in output.items()}


def plain(config: Any) -> Any:
    """Dicts and lists in place of OmegaConf nodes."""
    if OmegaConf.is_config(config):
        return OmegaConf.to_container(config, resolve=True)
    if isinstance(config, Mapping):
        return {key: plain(value) for key, value in config.items()}
    return config
