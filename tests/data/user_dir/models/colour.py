"""A model that learns what colour a picture has; also of pictures of another size."""

from dataclasses import dataclass

from torch import nn

from mmf_like.common.registry import registry
from mmf_like.models.base_model import BaseModel


@registry.register_model("colour")
class Colour(BaseModel):
    """Two layers over the mean colours of a picture's quarters."""

    @dataclass
    class Config(BaseModel.Config):
        model: str = "colour"
        hidden: int = 8
        dropout: float = 0.0

    @classmethod
    def config_path(cls):
        return "configs/colour.yaml"

    def build(self):
        self.layers = nn.Sequential(
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(12, self.config["hidden"]),
            nn.ReLU(),
            nn.Dropout(self.config.get("dropout", 0.0)),
            nn.Linear(self.config["hidden"], self.data_info.num_answers),
        )

    def forward(self, sample_list):
        return {"scores": self.layers(sample_list["image"])}
