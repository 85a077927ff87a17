"""The nineteen kinds of things that have names: where each is at home, and what its members derive from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One of the nineteen kinds of things that have names."""

    name: str
    home: str  # the package whose modules register the built-in ones
    base: str | None = None  # "module:Class" that every member must derive from
    plural: str = ""
    shares: str | None = None  # the kind under whose names it is filed


KINDS = {
    kind.name: kind
    for kind in (
        Kind("trainer", "mmf_like.trainers"),
        Kind("builder", "mmf_like.datasets.builders", "mmf_like.datasets.base_dataset_builder:BaseDatasetBuilder"),
        Kind(
            "datamodule",
            "mmf_like.datasets.builders",
            "pytorch_lightning.core.datamodule:LightningDataModule",
            shares="builder",
        ),
        Kind("callback", "mmf_like.trainers.callbacks", "mmf_like.trainers.callbacks.base:Callback"),
        Kind("model", "mmf_like.models", "mmf_like.models.base_model:BaseModel"),
        Kind("processor", "mmf_like.datasets.processors", "mmf_like.datasets.processors.base:BaseProcessor"),
        Kind("metric", "mmf_like.modules.metrics", "mmf_like.modules.metrics.base:BaseMetric"),
        Kind("torchmetric", "mmf_like.modules.metrics", "torchmetrics.metric:Metric"),
        Kind("loss", "mmf_like.modules.losses", "torch.nn.modules.module:Module", plural="losses"),
        Kind("pooler", "mmf_like.modules.poolers", "torch.nn.modules.module:Module"),
        Kind("fusion", "mmf_like.modules.fusions", "torch.nn.modules.module:Module"),
        Kind("optimizer", "mmf_like.modules.optimizers"),
        Kind("scheduler", "mmf_like.modules.schedulers"),
        Kind("encoder", "mmf_like.modules.encoders", "mmf_like.modules.encoders.base:Encoder"),
        Kind("decoder", "mmf_like.modules.decoders", "mmf_like.modules.decoders.base:TextDecoder"),
        Kind("transformer_backend", "mmf_like.models.transformers"),
        Kind("transformer_head", "mmf_like.models.transformers"),
        Kind("test_reporter", "mmf_like.trainers.test_reporter"),
        Kind(
            "iteration_strategy",
            "mmf_like.datasets.iteration_strategies",
            "mmf_like.datasets.iteration_strategies:IterationStrategy",
            plural="iteration strategies",
        ),
    )
}


def plural(kind: str) -> str:
    """The word after `mmf_list`: "losses", "iteration strategies", "models"."""
    return (KINDS[kind].plural or f"{kind}s").replace(" ", "_")
