"""Cuts the reference cases that tests of the foundation modules use: python cut.py FOLDER_WITH_ALL_VALUES."""

import sys
from pathlib import Path

import torch

HERE = Path(__file__).parent
KEYS = {
    "losses": {"logit_bce", "cross_entropy"},
    "metrics": {"accuracy", "vqa_accuracy"},
    "optim": None,
    "modules": {
        "identity", "vocab", "projection", "bilstm", "bilstm_direct", "attention", "torch",
        "AttentionLayer", "ImageFeatureEmbedding", "ReLUWithWeightNormFC",
        "non_linear_element_multiply", "two_layer_element_multiply", "linear", "conv", "logit", "weight_norm", "mlp",
    },
}  # fmt: skip
KINDS = {"attention", "classifier", "encoder", "layer", "modal_combine", "text_embedding", "transform", None}


def cut(source: Path) -> None:
    for name, keys in KEYS.items():
        held = torch.load(source / f"{name}.pt", weights_only=True)
        chosen = [
            c for c in held["cases"]
            if (keys is None or c["key"] in keys) and (name != "modules" or c.get("kind") in KINDS)
        ]  # fmt: skip
        torch.save({**held, "cases": chosen}, HERE / f"{name}_foundation.pt")


if __name__ == "__main__":
    cut(Path(sys.argv[1]))
