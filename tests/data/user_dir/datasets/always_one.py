"""A dataset whose every target is one."""

import torch

from mmf_like.common.registry import registry
from mmf_like.common.sample import Sample
from mmf_like.datasets.base_dataset import BaseDataset
from mmf_like.datasets.base_dataset_builder import BaseDatasetBuilder


class AlwaysOneDataset(BaseDataset):
    def __init__(self, config, dataset_type):
        super().__init__("always_one", config, dataset_type)

    def __getitem__(self, index):
        return Sample({"input": torch.tensor([float(index)]), "targets": torch.tensor(1)})

    def __len__(self):
        return self.config.length


@registry.register_builder("always_one")
class AlwaysOneBuilder(BaseDatasetBuilder):
    """Numbers whose label is always one."""

    def __init__(self, dataset_name="always_one"):
        super().__init__(dataset_name)

    @classmethod
    def config_path(cls):
        return "configs/always_one.yaml"

    def build(self, config, dataset_type):
        pass

    def load(self, config, dataset_type):
        return AlwaysOneDataset(config, dataset_type)
