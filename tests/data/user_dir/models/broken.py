"""Models with one mistake each, for the tests of what is said about it."""

from torch import nn

from mmf_like.common.registry import registry
from mmf_like.models.base_model import BaseModel


class Plain(BaseModel):
    """One layer over the mean colour."""

    @classmethod
    def config_path(cls):
        return "configs/broken.yaml"

    def build(self):
        self.layer = nn.Linear(3, 3)
        self.calls = 0

    def forward(self, sample_list):
        self.calls += self.training
        return {"scores": self.layer(sample_list["image"].mean((2, 3)))}


@registry.register_model("nan_at_third")
class NanAtThird(Plain):
    """Its third training batch has scores that are no numbers."""

    def forward(self, sample_list):
        output = super().forward(sample_list)
        return {"scores": output["scores"] * (float("nan") if self.calls == 3 else 1.0)}


@registry.register_model("returns_tensor")
class ReturnsTensor(Plain):
    """Returns the scores alone."""

    def forward(self, sample_list):
        return super().forward(sample_list)["scores"]


@registry.register_model("without_losses")
class WithoutLosses(Plain):
    """Has no losses in its config."""


@registry.register_model("forgets_parameter")
class ForgetsParameter(Plain):
    """Leaves its bias out of the optimizer's groups."""

    def get_optimizer_parameters(self, config):
        return [{"params": [self.layer.weight]}]


@registry.register_model("has_a_bug")
class HasABug(Plain):
    """Reads an attribute that it does not have."""

    def forward(self, sample_list):
        return {"scores": self.no_such_layer(sample_list["image"])}
