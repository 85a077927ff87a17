import copy
import pickle
import warnings

import pytest
import torch
from torch.utils._pytree import tree_map

from mmf_like.common.errors import BatchError
from mmf_like.common.report import Report
from mmf_like.common.sample import SampleList
from tests.reference_cases import cases, same

CORE = cases("core.pt", "report")
BATCH = ("x", "targets", "dataset_name", "dataset_type")


def report(which="r", **changes):
    """The report of a case: fields x, targets, names of the dataset; output scores, losses, names."""
    fields = copy.deepcopy(CORE["report/fields"].get("context", CORE["report/apply_fn"]["context"])[which])
    fields.update(changes)
    batch = SampleList({name: fields[name] for name in BATCH})
    return Report(batch, {name: fields[name] for name in fields if name not in (*BATCH, "batch_size")})


def test_batch_size_is_a_property_and_no_field():
    # Upstream shows `batch_size` and `warning_string` among the fields.
    expected = [
        name for name in CORE["report/fields"]["output"]["fields"] if name not in ("batch_size", "warning_string")
    ]
    made = report()
    assert (made.fields(), made.batch_size, made.get_batch_size()) == (expected, 3, 3)
    assert "batch_size" not in made and pickle.loads(pickle.dumps(made)).batch_size == 3


def test_model_output_wins_with_a_warning():
    with pytest.warns(UserWarning, match="Report: 'a' of the model's output replaces the batch's field of that name."):
        made = Report(SampleList({"a": torch.ones(2)}), {"a": torch.zeros(2)})
    assert same(made["a"], CORE["report/output_wins"]["output"])


def test_passing_a_field_through_is_no_replacement():
    batch = SampleList({"a": torch.ones(2)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Report(batch, {"a": batch.a})


def test_arguments_must_be_mappings():
    with pytest.raises(TypeError) as error:
        Report(SampleList({"a": torch.ones(2)}), [1])
    assert str(error.value) == "A Report is made of mappings, but argument 1 is a list: [1]."
    with pytest.raises(TypeError):
        Report(5)


def test_small_reports():
    assert Report().fields() == CORE["report/empty"]["output"]
    assert dict(Report([("a", 1), ("b", 2)])) == CORE["report/from_pairs"]["output"]
    with pytest.raises(AttributeError):
        report().zzz  # noqa: B018
    with pytest.raises(BatchError, match=r"This Report has no batch size: it has no tensor. Its fields are a."):
        Report({"a": "x"}).batch_size  # noqa: B018


@pytest.mark.parametrize("name", ["accumulate", "accumulate_missing"])
@pytest.mark.filterwarnings("ignore:Field 'nope'")
def test_accumulating_is_upstreams(name):
    case = CORE[f"report/{name}"]
    made = report()
    made.accumulate_tensor_fields_and_loss(report("r2"), case["input"])
    assert same({"batch_size": made.batch_size, **made}, case["output"])


def test_missing_fields_are_not_accumulated_with_a_warning():
    with pytest.warns(UserWarning, match="Field 'nope' cannot be accumulated: this report does not have it."):
        report().accumulate_tensor_fields_and_loss(report("r2"), ["nope", "__prediction_report__"])


def test_a_loss_seen_for_the_first_time_counts_once():
    # Upstream stores it and then adds it, so there b is 10.
    assert CORE["report/accumulate_new_loss"]["output"]["val/ds/b"].item() == 10
    made = report()
    new = report("r2", losses={"val/ds/a": torch.tensor([2.0]), "val/ds/b": torch.tensor([5.0])})
    made.accumulate_tensor_fields_and_loss(new, [])
    assert {key: value.item() for key, value in made.losses.items()} == {"val/ds/a": 3, "val/ds/b": 5}


def test_apply_fn_goes_one_level_deep():
    made = report().apply_fn(lambda value: value * 2 if isinstance(value, torch.Tensor) else value)
    assert same(
        dict(made.items()) and {key: made[key] for key in ("scores", "losses", "names")},
        CORE["report/apply_fn"]["output"],
    )


def test_apply_fn_leaves_the_batch_alone():
    batch = SampleList({"q": {"x": torch.ones(2)}})
    Report(batch).apply_fn(lambda value: value * 2)
    assert batch.q.x.tolist() == [1, 1]


def test_moves_and_detaches():
    made = Report(SampleList({"x": torch.ones(2)}), {"losses": {"a": torch.ones(1, requires_grad=True)}})
    assert not made.detach().losses["a"].requires_grad
    assert made.to("meta", fields=["losses"]).losses["a"].is_meta and not made.x.is_meta
    with pytest.raises(TypeError) as error:
        made.to(5)
    assert str(error.value) == "device must be a str or a torch.device, not 5 (int)."


def test_copies_are_independent():
    made = report()
    made.copy().scores.add_(1)
    assert same(made.scores, CORE["report/copy_independent"]["output"])
    assert made.copy().batch_size == 3


def test_tree_functions_see_the_tensors():
    doubled = tree_map(lambda leaf: leaf * 2 if isinstance(leaf, torch.Tensor) else leaf, report())
    assert type(doubled) is Report and doubled.losses["val/ds/a"].item() == 2
