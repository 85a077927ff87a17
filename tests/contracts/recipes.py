"""How the contract tests make an input for every registered name. Add a line here when you register a new one."""

import copy
from functools import lru_cache

import pytest
import torch

from mmf_like.common.data_info import DataInfo
from mmf_like.common.registry import registry
from mmf_like.common.sample import SampleList
from mmf_like.config.assemble import compose

BATCH, CLASSES, WORDS = 8, 5, 20


def own_names(kind):
    """The names that this package registers; `registry.names` has those of users' code that other tests have used."""
    return [name for name in registry.names(kind) if name in registry._built_ins(kind)]


def recipe(table, kind, name):
    """The entry of a table of this file, or a failure that says how to add it."""
    if name not in table:
        table_name = next(key for key, value in globals().items() if value is table)
        pytest.fail(f"There is no input for {kind} {name!r}: add it to {table_name} in tests/contracts/recipes.py.")
    return copy.deepcopy(table[name])


def batch_of(**fields):
    return SampleList({**fields, "dataset_name": "contract", "dataset_type": "train"})


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


# model: (arguments that choose its config, what the dataset tells, fields of a batch)
MODELS = {
    "pythia": (
        ["config=projects/pythia/configs/easy_vqa/defaults.yaml", "dataset=easy_vqa"],
        DataInfo("contract", text_vocab_size=WORDS, num_answers=CLASSES),
        lambda: {
            "text": torch.randint(1, WORDS, (BATCH, 6), generator=generator()),
            "image": torch.rand(BATCH, 3, 64, 64, generator=generator()),
            "targets": torch.eye(CLASSES)[torch.arange(BATCH) % CLASSES],
        },
    ),
}
NO_GRADIENT = {"pythia": set()}  # parameters that rightly get none, by name

# loss: (params, scores, targets) of one batch
LOSSES = {
    "logit_bce": ({}, lambda: torch.randn(BATCH, CLASSES, generator=generator()), lambda: soft_targets()),
    "cross_entropy": ({}, lambda: torch.randn(BATCH, CLASSES, generator=generator()), lambda: classes()),
}

# metric: (params, targets, the scores that are always right, those that are always wrong)
METRICS = {
    "accuracy": (
        {},
        lambda: classes(),
        lambda t: torch.eye(CLASSES)[t],
        lambda t: torch.eye(CLASSES)[(t + 1) % CLASSES],
    ),
    "vqa_accuracy": ({}, lambda: torch.eye(CLASSES)[1 + torch.arange(BATCH) % 4], lambda t: t, lambda t: t.roll(1, 0)),
}

# encoder: (params, input)
ENCODERS = {
    "conv_grid": ({"channels": [4, 6]}, lambda: torch.rand(2, 3, 16, 16)),
    "identity": ({"in_dim": 7}, lambda: torch.rand(2, 4, 7)),
    "projection": ({"in_dim": 7, "out_dim": 3}, lambda: torch.rand(2, 4, 7)),
}

_WORDS = {"max_length": 4, "vocab": {"words": ["a", "cat"]}, "preprocessor": {"type": "simple_sentence"}}
_ANSWERS = {"words": ["yes", "no"], "num_answers": 3, "preprocessor": {"type": "simple_word"}}

# processor: (params, item); transforms of a bare image get a tensor and return one
PROCESSORS = {
    "GrayScaleTo3Channels": ({}, lambda: {"image": torch.rand(1, 4, 4)}),
    "NormalizeBGR255": ({}, lambda: torch.rand(3, 4, 4)),
    "ResizeShortest": ({"min_size": 4}, lambda: torch.rand(3, 8, 6)),
    "evalai_answer": ({}, lambda: {"text": "the Cat"}),
    "multi_class_from_file": ({"words": ["red", "blue"]}, lambda: {"label": "blue"}),
    "multi_hot_answer_from_vocab": (_ANSWERS, lambda: {"answers": ["yes"]}),
    "prediction.argmax": ({}, lambda: {"id": torch.tensor([4, 2]), "scores": torch.eye(2)}),
    "simple_sentence": ({}, lambda: {"text": "What is this?"}),
    "simple_word": ({}, lambda: {"text": "Yes"}),
    "torchvision_transforms": (
        {"transforms": ["ToTensor"]},
        lambda: {"image": torch.zeros(3, 4, 4, dtype=torch.uint8)},
    ),
    "vocab": (_WORDS, lambda: {"text": "A cat?"}),
    "vqa_answer": (_ANSWERS, lambda: {"answers": ["no", "yes"]}),
}
RETURN_AN_IMAGE = {"NormalizeBGR255", "ResizeShortest"}
RETURN_ROWS = {"prediction.argmax"}

ITERATION_STRATEGIES = {
    "constant": {},
    "random": {},
    "ratios": {"sampling_ratios": {"a": 1.0, "b": 3.0}},
    "round_robin": {},
    "size_proportional": {},
}

OPTIMIZERS = {"adam_w": {"lr": 0.1}, "adam_w_skip_params_with_zero_grad": {"lr": 0.1}}

SCHEDULERS = {
    "multi_step": {"lr_steps": [2], "lr_ratio": 0.5},
    "pythia": {"lr_steps": [2], "lr_ratio": 0.5},
    "warmup_cosine": {"num_warmup_steps": 1, "num_training_steps": 4},
    "warmup_linear": {"num_warmup_steps": 1, "num_training_steps": 4},
}


def classes():
    return torch.arange(BATCH) % CLASSES


def soft_targets():
    return torch.rand(BATCH, CLASSES, generator=generator(1))


@lru_cache
def _composed(arguments):
    return compose(arguments).config


def model_section(name):
    """The `model_config.<name>` that the recipe's arguments compose to, and the whole config."""
    arguments, *_ = recipe(MODELS, "model", name)
    config = _composed((*arguments, f"model={name}"))
    return config.model_config[name], config
