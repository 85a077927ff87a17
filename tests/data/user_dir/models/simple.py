"""A model of one layer, as someone writes it in a folder of their own."""

from dataclasses import dataclass

import torch

from mmf_like.common.registry import registry
from mmf_like.models.base_model import BaseModel


@registry.register_model("simple")
class SimpleModel(BaseModel):
    """One linear layer over the input."""

    @dataclass
    class Config(BaseModel.Config):
        model: str = "simple"
        in_dim: int = 1
        classifier: dict | None = None

    @classmethod
    def config_path(cls):
        return "configs/simple.yaml"

    def build(self):
        self.classifier = torch.nn.Linear(self.config.in_dim, 2)

    def forward(self, sample_list):
        return {"scores": self.classifier(sample_list["input"])}


@registry.register_model("simple_wide")
class WideModel(SimpleModel):
    """The same with its parent's config file."""
