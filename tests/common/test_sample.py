import copy
import pickle

import pytest
import torch
from lightning_fabric.utilities.apply_func import move_data_to_device
from torch.distributed.utils import _recursive_to
from torch.utils._pytree import tree_map
from torch.utils.data import DataLoader

from mmf_like.common.batch_collator import BatchCollator
from mmf_like.common.errors import BatchError, ConfigError
from mmf_like.common.sample import (
    Padding,
    Sample,
    SampleList,
    convert_batch_to_sample_list,
    detach_tensor,
    to_device,
)
from tests.reference_cases import cases, same

CORE = cases("core.pt")
ROWS = CORE["sample_list/collate"]["input"]


def rows(num=3):
    return [
        Sample(
            {
                "image": torch.full((2, 3), 1.0 * i),
                "question": {"input_ids": torch.arange(4) + i},
                "id": f"q{i}",
            }
        )
        for i in range(num)
    ]


# -- Sample --


def test_mappings_in_a_sample_become_samples():
    sample = Sample(CORE["sample/nested"]["input"])
    sample.late = {"x": 1}
    sample.update({"later": {"y": 2}})
    assert isinstance(sample.b.d, Sample) and sample.b.c == 2
    assert (sample.late.x, sample["later.y"], sample.fields()) == (1, 2, ["a", "b", "late", "later"])


def test_missing_fields_are_attribute_and_key_errors():
    with pytest.raises(AttributeError) as attribute:
        Sample({"image": 1}).imag  # noqa: B018
    assert str(attribute.value) == "The Sample has no field 'imag'. It has image. Did you mean 'image'?"
    with pytest.raises(KeyError) as item:
        SampleList()["x"]
    assert str(item.value) == "The SampleList has no field 'x'. It is empty."
    assert str(pickle.loads(pickle.dumps(item.value))) == str(item.value)
    assert not hasattr(Sample(), "x") and getattr(SampleList(), "x", 3) == 3


# -- SampleList against upstream's results --

RESULTS = {
    "collate": lambda given, x: SampleList(given),
    "batch_size": lambda given, x: x.get_batch_size(),
    "tensor_field": lambda given, x: x._get_tensor_field(),
    "empty": lambda given, x: SampleList(given).fields(),
    "dtype_of_first": lambda given, x: SampleList(given),
    "tensor_then_int": lambda given, x: SampleList(given),
    "from_mapping": lambda given, x: SampleList(given),
    "from_pairs": lambda given, x: SampleList(given),
    "get_fields": lambda given, x: x.get_fields(given),
    "get_item_list_nested": lambda given, x: x.get_item_list(given),
    "to_cpu": lambda given, x: x.to(given),
    "convert_wrapped": lambda given, x: convert_batch_to_sample_list([x]),
    "convert_dict": lambda given, x: convert_batch_to_sample_list({"a": torch.ones(2)}),
}
ERRORS = {  # of the type upstream raises; an AssertionError there is a BatchError here
    "empty_batch_size": lambda given, x: SampleList().get_batch_size(),
    "no_tensor_batch_size": lambda given, x: SampleList(given).get_batch_size(),
    "no_tensor_device": lambda given, x: SampleList(given).get_device(),
    "uneven": lambda given, x: SampleList(given),
    "from_mapping_uneven": lambda given, x: SampleList({"a": torch.ones(2), "b": torch.ones(3)}),
    "add_field_bad_size": lambda given, x: x.add_field("q", torch.ones(5)),
    "missing_attribute": lambda given, x: x.nope,
    "get_field_missing": lambda given, x: x.get_field("nope"),
    "get_fields_missing": lambda given, x: x.get_fields(given),
    "get_item_list_tensor": lambda given, x: x.get_item_list(given),
    "to_bad_device": lambda given, x: x.to(given),
}
KNOWN_DIFFERENCES = {  # case: what upstream does -> the error here
    "uneven_later_dim_broadcast": "Field 't' of sample 1 has shape (2, 1), but sample 0 has (2, 3). "
    "Give the field a padding or resize it.",
    "uneven_later_dim": "Field 't' of sample 1 has shape (2, 2), but sample 0 has (2, 3). "
    "Give the field a padding or resize it.",
    "field_missing_later": "Field 'a' is missing from sample 1, but sample 0 has it.",
    "extra_field_later": "Field 'a' of sample 1 is not in sample 0. All samples need the same fields.",
}


@pytest.mark.parametrize("name", RESULTS)
def test_results_are_upstreams(name):
    case = CORE[f"sample_list/{name}"]
    got, expected = RESULTS[name](case["input"], SampleList(ROWS)), case["output"]
    if isinstance(got, SampleList):
        assert [type(value).__name__ for value in got.values()] == list(expected["types"].values())
        got, expected = got.to_dict(), expected["values"]
    assert same(got, expected)


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_of_upstreams_types(name):
    case = CORE[f"sample_list/{name}"]
    kinds = {
        "AssertionError": BatchError,
        "AttributeError": AttributeError,
        "KeyError": KeyError,
        "TypeError": TypeError,
    }
    with pytest.raises(kinds[case["error"]["type"]]):
        ERRORS[name](case["input"], SampleList(ROWS))


@pytest.mark.parametrize("name", KNOWN_DIFFERENCES)
def test_uneven_samples_are_named(name):
    with pytest.raises(BatchError) as error:
        SampleList(CORE[f"sample_list/{name}"]["input"])
    assert str(error.value) == KNOWN_DIFFERENCES[name]


@pytest.mark.parametrize("value", [torch.ones(3, 2), torch.tensor(3.0), {"z": torch.ones(7)}, [1, 2]])
def test_fields_are_added_last(value):
    batch = SampleList(ROWS)
    batch.add_field("q", value)
    assert batch.fields() == CORE["sample_list/add_field_list"]["output"]["fields"]
    assert isinstance(batch.q, SampleList if isinstance(value, dict) else type(value))


def test_plain_assignment_is_not_checked():
    batch = SampleList(ROWS)
    batch.q = torch.ones(9)
    assert (batch.fields()[-1], batch.get_batch_size()) == ("q", 3)


def test_collator_adds_the_names_of_the_dataset():
    batch = BatchCollator("ds", "val")([Sample(row) for row in ROWS])
    assert same(batch.to_dict(), CORE["batch_collator"]["output"]["values"])


# -- what upstream does not have --


def test_nested_fields_are_read_by_dotted_name():
    batch = SampleList(rows())
    assert batch["question.input_ids"] is batch.question.input_ids
    assert batch.get("question.input_ids") is batch.get_field("question.input_ids")
    assert "question.input_ids" in batch and "question.nope" not in batch and "id.x" not in batch
    assert batch.get("question.nope", 5) == 5
    with pytest.raises(KeyError):
        batch["question.nope"]


def test_only_nested_fields_still_have_a_batch_size():
    batch = SampleList([{"question": {"ids": torch.arange(2)}}] * 4)
    assert (batch.get_batch_size(), batch.get_device()) == (4, torch.device("cpu"))


def test_batch_size_passes_over_0d_tensors():
    batch = SampleList({"temperature": torch.tensor(1.0), "x": torch.ones(5, 2)})
    assert batch.get_batch_size() == 5


ERROR_TEXTS = [
    (
        [{"image": torch.ones(3, 224, 224)}] * 3 + [{"image": torch.ones(3, 200, 224)}],
        "Field 'image' of sample 3 has shape (3, 200, 224), but sample 0 has (3, 224, 224). "
        "Give the field a padding or resize it.",
    ),
    (
        [{"q": {"ids": torch.ones(2)}}, {"q": {"ids": torch.ones(3)}}],
        "Field 'q.ids' of sample 1 has shape (3,), but sample 0 has (2,). Give the field a padding or resize it.",
    ),
    ([{"q": {"a": 1}}, {"q": {"b": 1}}], "Field 'q.a' is missing from sample 1, but sample 0 has it."),
    ([{"q": {"a": 1}}, {"q": None}], "Field 'q' of sample 1 is None, but sample 0 has a mapping."),
    ([{"x": torch.ones(2)}, {"x": None}], "Field 'x' of sample 1 is None, but sample 0 has a tensor."),
    ([{"x": torch.ones(2)}, {"x": 4}], "Field 'x' of sample 1 is an int, but sample 0 has a tensor."),
    ([{"x": 1}, [1]], "Sample 1 is a list. A batch is made of mappings from field to value."),
]


@pytest.mark.parametrize(("samples", "text"), ERROR_TEXTS)
def test_error_names_field_and_sample(samples, text):
    with pytest.raises(BatchError) as error:
        SampleList(samples)
    assert str(error.value) == text


def test_sizes_of_an_added_field_are_named():
    with pytest.raises(BatchError) as error:
        SampleList({"a": torch.ones(2), "b": torch.ones(3)})
    assert str(error.value) == (
        "Field 'b' has 3 rows, but this SampleList has 2 (field 'a'). "
        "Set it with batch['b'] = ... if it is not one row per sample."
    )
    with pytest.raises(BatchError) as error:
        SampleList([{"a": "x"}]).get_batch_size()
    assert str(error.value) == "This SampleList has no tensor field, so it has no batch size. Its fields are a."


def test_repr_is_a_table():
    batch = SampleList(rows(2))
    batch.dataset_name = "vqa2"
    assert repr(batch) == (
        "SampleList of 2\n"
        "  field               shape      dtype        device\n"
        "  image               (2, 2, 3)  float32      cpu\n"
        "  question.input_ids  (2, 4)     int64        cpu\n"
        "  id                  (2)        list of str\n"
        "  dataset_name                   'vqa2'"
    )
    assert repr(SampleList()) == "SampleList (empty)"


def test_padding_to_the_longest_and_to_a_multiple():
    samples = [{"ids": torch.tensor([1, 2, 3])}, {"ids": torch.tensor([4])}]
    longest = BatchCollator("d", "train", {"ids": Padding(value=9)})(samples)
    multiple = BatchCollator("d", "train", {"ids": {"to": 4}})(samples)
    assert longest.ids.tolist() == [[1, 2, 3], [4, 9, 9]]
    assert multiple.ids.tolist() == [[1, 2, 3, 0], [4, 0, 0, 0]]


def test_padding_of_nested_fields_and_other_dimensions():
    samples = [{"a": {"x": torch.ones(1, 2, 3)}}, {"a": {"x": torch.ones(1, 3, 1)}}]
    batch = SampleList(samples, padding={"a.x": Padding(dims=(-2, -1))})
    assert batch.a.x.shape == (2, 1, 3, 3)
    assert batch.a.x.sum(dim=(1, 2, 3)).tolist() == [6, 3]


def test_padding_mistakes():
    with pytest.raises(
        BatchError, match=r"sample 1 has shape \(2, 5\), but sample 0 has \(1, 4\)\. Its padding is for"
    ):
        SampleList([{"x": torch.ones(1, 4)}, {"x": torch.ones(2, 5)}], padding={"x": Padding()})
    with pytest.raises(BatchError, match=r"Field 'x' has a padding, so it must hold tensors, but holds a list."):
        SampleList([{"x": [1]}], padding={"x": Padding()})
    with pytest.raises(ConfigError, match=r"A padding has no setting 'valu'. Did you mean 'value'?"):
        BatchCollator("d", "train", {"x": {"valu": 1}})
    with pytest.raises(ConfigError, match="not 'longst'"):
        Padding(to="longst")


# -- on the way to the model --


def whole(batch):
    return type(batch) is SampleList and type(batch.question) is SampleList and batch.get_batch_size() == 3


def test_pickles_and_copies():
    batch = SampleList(rows())
    assert whole(pickle.loads(pickle.dumps(batch))) and whole(copy.deepcopy(batch)) and whole(copy.copy(batch))
    assert batch.copy().image is batch.image
    assert copy.deepcopy(batch).image is not batch.image


def test_torch_and_lightning_rebuild_it():
    batch = SampleList(rows())
    batch.weights = torch.ones(5)  # not one row per sample
    assert whole(move_data_to_device(batch, torch.device("cpu")))
    assert whole(_recursive_to(batch, torch.device("cpu"), False)[0])
    doubled = tree_map(lambda leaf: leaf * 2 if isinstance(leaf, torch.Tensor) else leaf, batch)
    assert whole(doubled) and doubled.image[1, 0, 0] == 2


def test_compiles_in_one_graph():
    def forward(batch):
        total = batch.image.sum() + batch["question.input_ids"].sum()
        if "answers" in batch or hasattr(batch, "answers"):
            total = total + 1
        return total * batch.get_batch_size()

    batch = SampleList(rows())
    assert torch.compile(forward, backend="eager", fullgraph=True)(batch) == forward(batch)


def test_moves_to_a_new_list_also_inside_lists():
    batch = SampleList({"x": torch.ones(2), "boxes": [torch.ones(1), torch.ones(3)], "ids": ["a", "b"]})
    moved = batch.to("meta")
    assert moved.x.is_meta and moved.boxes[1].is_meta and moved.ids == ["a", "b"]
    rows_kept = SampleList({"rows": [Sample({"x": torch.ones(1)})]}).to("meta").rows
    assert isinstance(rows_kept[0], Sample) and rows_kept[0].x.is_meta
    assert not batch.x.is_meta


def test_detaches_in_place():
    batch = SampleList({"x": torch.ones(2, requires_grad=True), "n": {"y": torch.ones(2, requires_grad=True)}})
    assert batch.detach() is batch
    assert not batch.x.requires_grad and not batch.n.y.requires_grad
    assert not detach_tensor(torch.ones(1, requires_grad=True)).requires_grad and detach_tensor("x") == "x"


def test_to_device_says_what_it_does_not_do(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.warns(UserWarning, match="cuda was asked for, but CUDA is not available: the batch stays on the CPU."):
        assert whole(to_device(dict(SampleList(rows()))))
    with pytest.warns(UserWarning, match="A batch of type list is not moved: it is no SampleList."):
        assert to_device([1]) == [1]


class Rows(torch.utils.data.Dataset):
    def __len__(self):
        return 6

    def __getitem__(self, index):
        return Sample({"ids": torch.arange(index + 1), "question": {"x": torch.tensor(index)}, "name": f"s{index}"})


def test_a_loader_with_workers_gives_the_same_batches():
    def batches(num_workers):
        collate = BatchCollator("d", "train", {"ids": Padding()})
        return list(DataLoader(Rows(), batch_size=3, collate_fn=collate, num_workers=num_workers))

    alone, shared = batches(0), batches(2)
    assert [batch.ids.shape for batch in shared] == [(3, 3), (3, 6)]
    assert all(whole(batch) for batch in shared)
    assert all(same(got.to_dict(), want.to_dict()) for got, want in zip(shared, alone))
    assert shared[0].ids.is_shared() and shared[0].question.x.is_shared()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_pins_and_moves_without_blocking():
    batch = SampleList(rows()).pin_memory()
    assert batch.image.is_pinned() and batch.question.input_ids.is_pinned()
    moved = batch.to("cuda")
    moved.record_stream(torch.cuda.current_stream())
    assert moved.get_device().type == "cuda" and whole(moved)


def test_samples_of_one_field_and_of_none():
    assert SampleList([{"x": torch.tensor(1)}, {"x": torch.tensor(2)}]).x.tolist() == [1, 2]
    assert SampleList([{}, {}]).fields() == []
