import logging

import pytest
import torch

from mmf_like.common.errors import BatchError, ConfigError, RegistryError
from mmf_like.common.registry import registry
from mmf_like.common.sample import SampleList
from mmf_like.modules.losses import Losses
from tests.modules.reference import TOLERANCE, case_id, good
from tests.reference_cases import cases

KNOWN = {"logit_bce", "cross_entropy"}
CONTAINER = [
    case
    for case in cases("core.pt", "losses_container").values()
    if "output" in case
    and "config" in case["input"]
    and all((c if isinstance(c, str) else c["type"]) in KNOWN for c in case["input"]["config"])
]


def batch(**fields):
    made = SampleList()
    made.update({"dataset_name": "vqa2", "dataset_type": "train", **fields})
    return made


@pytest.mark.parametrize("case", good("losses_foundation.pt"), ids=case_id)
def test_loss_and_its_gradients_are_those_of_mmf(case):
    loss = registry.find("loss", case["key"])(**case["params"])
    output = {name: value.clone().requires_grad_("grads" in case) for name, value in case["model_output"].items()}
    value = loss(batch(**case["sample_list"]), output)
    torch.testing.assert_close(value.detach(), case["expected"], **TOLERANCE)
    if "grads" in case:
        value.sum().backward()
        for name, grad in case["grads"].items():
            torch.testing.assert_close(output[name].grad, grad, **TOLERANCE)


@pytest.mark.parametrize("case", CONTAINER, ids=case_id)
def test_losses_are_named_by_split_dataset_and_loss(case):
    losses = Losses(case["input"]["config"])
    got = losses(batch(targets=case["input"]["targets"]), {"scores": case["input"]["scores"]})
    torch.testing.assert_close(got, case["output"]["result"], **TOLERANCE)


def test_missing_targets_are_told_once_for_each_split(caplog):
    losses = Losses(["logit_bce"])
    with caplog.at_level(logging.WARNING):
        assert losses(batch(), {}) == {}
        assert losses(batch(), {}) == {}
        assert losses(batch(dataset_type="test"), {}) == {}
    assert [record.getMessage() for record in caplog.records] == [
        "The train batches of vqa2 have no targets, so no loss is computed.",
        "The test batches of vqa2 have no targets, so no loss is computed.",
    ]


def test_a_loss_for_other_datasets_is_passed_over():
    losses = Losses([{"type": "cross_entropy", "datasets": ["coco"]}])
    assert losses(batch(targets=torch.tensor([0])), {"scores": torch.zeros(1, 2)}) == {}


@pytest.mark.parametrize(
    ("config", "error", "text"),
    [
        (
            {"params": {}},
            ConfigError,
            "A loss needs a type, for example {type: cross_entropy}, but the entry is {'params': {}}.",
        ),
        ("cross_entropi", RegistryError, registry.unknown("loss", "cross_entropi")),
        (
            {"type": "logit_bce", "params": {"weight": 1}},
            ConfigError,
            "Loss 'logit_bce' cannot be built from params {'weight': 1}: "
            "LogitBinaryCrossEntropy.__init__() got an unexpected keyword argument 'weight'.",
        ),
    ],
)
def test_a_wrong_entry_is_named(config, error, text):
    with pytest.raises(error) as raised:
        Losses([config])
    assert str(raised.value) == text


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(BatchError) as raised:
        Losses(["logit_bce"])(batch(targets=torch.zeros(4, 3)), {"scores": torch.zeros(4, 2)})
    assert str(raised.value) == (
        "`targets` must have the shape of `scores`, (4, 2), for logit_bce, but has shape (4, 3)."
    )


@pytest.mark.parametrize(
    ("targets", "text"),
    [
        (
            torch.tensor([0, 3]),
            "`targets` must be classes from 0 to 2 for cross_entropy, as `scores` have shape (2, 3), "
            "but they go from 0 to 3.",
        ),
        (
            torch.tensor([0, 1, 2]),
            "`targets` of shape (3,) do not fit `scores` of shape (2, 3) for cross_entropy: "
            "Expected input batch_size (2) to match target batch_size (3).",
        ),
    ],
)
def test_cross_entropy_says_which_targets_do_not_fit(targets, text):
    with pytest.raises(BatchError) as error:
        registry.find("loss", "cross_entropy")()({"targets": targets}, {"scores": torch.zeros(2, 3)})
    assert str(error.value) == text
