"""What every registered loss and metric keeps."""

import pytest
import torch

from mmf_like.common.registry import registry
from mmf_like.modules.losses import MMFLoss
from tests.contracts import recipes

losses = pytest.mark.parametrize("name", recipes.own_names("loss"))
metrics = pytest.mark.parametrize("name", recipes.own_names("metric"))


def loss_and_batch(name):
    params, scores, targets = recipes.recipe(recipes.LOSSES, "loss", name)
    return MMFLoss({"type": name, "params": params}), scores().requires_grad_(), targets()


def value(loss, scores, targets):
    (found,) = loss(recipes.batch_of(targets=targets), {"scores": scores}).values()
    return found


@losses
def test_a_loss_is_one_finite_number_with_a_gradient(name):
    loss, scores, targets = loss_and_batch(name)
    found = value(loss, scores, targets)
    assert found.shape == (1,) and found.isfinite().all()
    found.sum().backward()
    assert scores.grad.isfinite().all() and scores.grad.any()


@losses
def test_a_loss_does_not_depend_on_the_order_of_the_batch(name):
    loss, scores, targets = loss_and_batch(name)
    order = torch.randperm(recipes.BATCH, generator=recipes.generator())
    torch.testing.assert_close(value(loss, scores[order], targets[order]), value(loss, scores, targets))


def metric_and_cases(name):
    params, targets, right, wrong = recipes.recipe(recipes.METRICS, "metric", name)
    targets = targets()
    return registry.find("metric", name)(**params), targets, right(targets).float(), wrong(targets).float()


def over(metric, scores, targets, size):
    metric.reset()
    for part, its in zip(scores.split(size), targets.split(size)):
        metric.update(recipes.batch_of(targets=its), {"scores": part})
    return metric.compute()


@metrics
def test_a_metric_of_what_is_right_and_of_what_is_wrong(name):
    metric, targets, right, wrong = metric_and_cases(name)
    best, worst = (over(metric, scores, targets, recipes.BATCH) for scores in (right, wrong))
    assert (best, worst) == ((1.0, 0.0) if metric.ordering == "max" else (0.0, worst))
    assert best > worst if metric.ordering == "max" else best < worst


@metrics
@pytest.mark.parametrize("size", [4, 3])
def test_a_metric_does_not_depend_on_how_samples_are_batched(name, size):
    metric, targets, right, wrong = metric_and_cases(name)
    mixed = torch.cat([right[:3], wrong[3:]])
    torch.testing.assert_close(over(metric, mixed, targets, size), over(metric, mixed, targets, recipes.BATCH))


@metrics
def test_calling_a_metric_leaves_its_state_alone(name):
    metric, targets, right, wrong = metric_and_cases(name)
    kept = over(metric, right, targets, recipes.BATCH)
    metric(recipes.batch_of(targets=targets), {"scores": wrong})
    metric._computed = None
    assert torch.equal(metric.compute(), kept)
