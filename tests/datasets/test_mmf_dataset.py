"""Datasets made of annotation files and pictures, through the builder."""

import json
import pickle

import pytest
import torch
from torchvision.io import write_png

from mmf_like.common.errors import ConfigError, DataError
from mmf_like.common.sample import Sample, SampleList
from mmf_like.datasets.databases.annotation_database import AnnotationDatabase
from mmf_like.datasets.mmf_dataset import MMFDataset
from mmf_like.datasets.mmf_dataset_builder import MMFDatasetBuilder


class Pictures(MMFDataset):
    def __getitem__(self, idx):
        row = self.load_item(idx)
        return Sample({"id": torch.tensor(row["id"]), "image": self.image_db[idx]["images"][0]})


@pytest.fixture
def config(tmp_path):
    rows = [{"id": i, "img": f"p{i}"} for i in range(10)]
    for row in rows:
        write_png(torch.full((3, 2, 2), row["id"], dtype=torch.uint8), str(tmp_path / f"p{row['id']}.png"))
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row) for row in rows[:6]))
    (tmp_path / "b.json").write_text(json.dumps({"data": rows[6:], "metadata": {"version": 2}}))
    (tmp_path / "c.json").write_text(json.dumps(rows[:2]))
    return {
        "data_dir": str(tmp_path),
        "use_images": True,
        "annotations": {"train": ["a.jsonl", "b.json"], "val": "c.json"},
        "images": {"train": ["."], "val": "."},
    }


def built(config, **changes):
    builder = MMFDatasetBuilder("pictures", Pictures)
    builder.setup(config={**config, **changes})
    return builder


def test_annotation_files_of_a_split_are_joined_in_order(config):
    train = built(config).train_dataset
    assert [int(train[i]["id"]) for i in range(len(train))] == list(range(10))
    assert train[7]["image"].unique().tolist() == [7]
    assert train.dataset_name == "pictures" and train.dataset_type == "train"
    assert train.describe(7).endswith("b.json)")


class Traced(MMFDataset):
    def __getitem__(self, idx):
        return Sample({"file": torch.tensor(self._index), "row": torch.tensor(idx)})

    def format_for_prediction(self, report):
        return [{"file": file, "row": row} for file, row in zip(report["file"].tolist(), report["row"].tolist())]


def test_rows_of_several_files_are_told_apart_by_what_the_samples_carry(config):
    """`a.jsonl` has six rows, `b.json` four: sample 5 is the last of the first, sample 6 the first of the second."""
    builder = MMFDatasetBuilder("pictures", Traced)
    builder.setup(config={**config, "use_images": False})
    train = builder.train_dataset
    report = SampleList([train[5], train[6]])
    assert train.format_for_prediction(report) == [{"file": 0, "row": 5}, {"file": 1, "row": 0}]


def test_a_split_without_annotations_does_not_exist(config):
    builder = built(config)
    assert builder.test_dataset is None and len(builder.val_dataset) == 2


def test_splits_are_carved_from_train_without_overlap_and_by_the_seed(config):
    builder = built(config, split_train={"val": 0.2, "test": 0.3, "seed": 7})
    ids = {split: [int(d[i]["id"]) for i in range(len(d))] for split, d in builder.splits.items()}
    assert {split: len(found) for split, found in ids.items()} == {"train": 5, "val": 2, "test": 3}
    assert sorted(i for found in ids.values() for i in found) == list(range(10))
    other = built(config, split_train={"val": 0.2, "test": 0.3, "seed": 8})
    assert [int(other.val_dataset[i]["id"]) for i in range(2)] != ids["val"]
    assert builder.val_dataset.dataset_type == "val"


def test_datasets_can_be_sent_to_a_worker(config):
    copy = pickle.loads(pickle.dumps(built(config).train_dataset))
    assert int(copy[8]["id"]) == 8


def test_shares_beyond_one_are_refused(config):
    with pytest.raises(ConfigError, match=r"split_train: the shares .* must be at least 0 and sum to at most 1"):
        built(config, split_train={"val": 0.7, "test": 0.7})


def test_a_missing_picture_is_named_with_the_folder(config, tmp_path):
    (tmp_path / "p3.png").unlink()
    with pytest.raises(DataError, match=r"There is no picture 'p3' in .* \(also tried: .jpg"):
        built(config).train_dataset[3]


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("x.jsonl", '{"a": 1}\n{"a": ', r"x.jsonl:2 is not JSON"),
        ("x.json", '{"rows": []}', r"x.json must hold a list of rows, or an object with the list under 'data'"),
        ("x.npy", "", r"x.npy is a pickle inside .npy, which is not read"),
        ("x.xml", "", r"x.xml is not an annotation file that can be read. Use .jsonl or .json"),
    ],
)
def test_unreadable_annotations_say_where(tmp_path, name, text, error):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=error):
        AnnotationDatabase({}, tmp_path / name)


def test_a_missing_annotation_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"The annotation file .*none.json does not exist"):
        AnnotationDatabase({}, tmp_path / "none.json")


def test_answers_take_one_form(tmp_path):
    rows = [{"all_answers": ["a"]}, {"valid_answers": ["b"], "answers": ["c"]}, {"answers": ["d", "<copy>"]}, {}]
    (tmp_path / "x.json").write_text(json.dumps(rows))
    assert [row.get("answers") for row in AnnotationDatabase({}, tmp_path / "x.json")] == [["a"], ["b"], ["d"], None]
