"""Pictures in a folder: `<data_dir>/<split>/<class>_<number>.png`."""

import os
import signal
from pathlib import Path

import torch

from mmf_like.common.registry import registry
from mmf_like.common.sample import Sample
from mmf_like.datasets.base_dataset import BaseDataset
from mmf_like.datasets.base_dataset_builder import BaseDatasetBuilder
from mmf_like.io.images import decode_image


class PicturesDataset(BaseDataset):
    """Sample fields: `image` (3 x H x W), `id` and, unless `without_targets` names the split, `targets`."""

    def __init__(self, config, dataset_type):
        super().__init__("pictures", config, dataset_type)
        self.files = sorted(Path(config["data_dir"], dataset_type).glob("*.png"))

    def __len__(self):
        return len(self.files)

    def describe(self, idx):
        return f"{self.dataset_name}/{self.dataset_type} {self.files[idx].name}"

    def __getitem__(self, idx):
        file = self.files[idx]
        sample = Sample({"image": decode_image(file).float() / 255, "id": torch.tensor(idx)})
        if self.config.get("bug_at") == idx:
            raise KeyError("caption")
        if self.config.get("killed_at") == idx:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.dataset_type not in self.config["without_targets"]:
            sample["targets"] = torch.tensor(int(file.name.split("_")[0]))
        return sample


@registry.register_builder("pictures")
class PicturesBuilder(BaseDatasetBuilder):
    """Pictures of one colour each, from a folder."""

    def __init__(self):
        super().__init__("pictures")

    @classmethod
    def config_path(cls):
        return "configs/pictures.yaml"

    def load(self, config, dataset_type):
        return PicturesDataset(config, dataset_type)
