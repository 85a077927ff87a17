import csv
import json

import pytest
import torch

from mmf_like.common.data_info import DataInfo
from mmf_like.common.report import Report
from mmf_like.common.sample import SampleList
from mmf_like.datasets.base_dataset import BaseDataset
from mmf_like.models.base_model import BaseModel
from mmf_like.trainers import test_reporter as module
from mmf_like.trainers.test_reporter import TestReporter, plain_rows


class Numbers(BaseDataset):
    """Rows from the dataset itself, sorted last in the file."""

    def format_for_prediction(self, report):
        return [{"number": number} for number in report["id"].tolist()]

    def on_prediction_end(self, predictions):
        return [*predictions, {"number": -1}]


def batch(ids, **fields):
    return SampleList({"id": torch.tensor(ids), **fields, "dataset_name": "d", "dataset_type": "test"})


def scores(count):
    return {"scores": torch.tensor([[0.0, 1.0986123]] * count)}  # softmax 0.25, 0.75


def test_plain_rows_have_ids_the_best_class_and_its_softmax():
    report = Report(batch([4, 7], image_id=["a", "b"]), scores(2))
    assert plain_rows(report) == [
        {"id": 4, "image_id": "a", "answer": 1, "score": 0.75},
        {"id": 7, "image_id": "b", "answer": 1, "score": 0.75},
    ]
    assert plain_rows(report, ["image_id", "nothing"])[0] == {"image_id": "a", "answer": 1, "score": 0.75}


class Answers:
    def idx2word(self, index):
        return ["no", "yes"][index]


@pytest.mark.parametrize("knows", ["answer_processor", "data_info"])
def test_the_answer_of_a_plain_row_is_its_text_where_that_is_known(knows):
    dataset, model = BaseDataset("d", {}, "test"), BaseModel({})
    if knows == "answer_processor":
        dataset.answer_processor = Answers()
    else:
        model.data_info = DataInfo(answers=("no", "yes"))
    reporter = TestReporter([dataset])
    reporter.add_batch(batch([4]), scores(1), model)
    assert reporter.finish()["d"] == [{"id": 4, "answer": "yes", "score": 0.75}]


def test_a_class_that_has_no_text_stays_a_number():
    report = Report(batch([4]), {"scores": torch.tensor([[0.0, 0.0, 9.0]])})
    assert plain_rows(report, text_of=Answers().idx2word)[0]["answer"] == 2


def test_plain_rows_without_ids_have_their_place_in_the_split(monkeypatch):
    """Nine samples in batches of four; the second rank has none of the last batch."""
    monkeypatch.setattr(module, "world_size", lambda: 2)
    reporters = []
    for rank, batches in enumerate([[[0, 2], [4, 6], [8]], [[1, 3], [5, 7]]]):
        monkeypatch.setattr(module, "rank", lambda rank=rank: rank)
        reporters.append(TestReporter([BaseDataset("d", {}, "test")]))
        for numbers in batches:
            samples = SampleList({"number": torch.tensor(numbers), "dataset_name": "d", "dataset_type": "test"})
            best = torch.nn.functional.one_hot(torch.tensor(numbers), 9).float()
            reporters[rank].add_batch(samples, {"scores": best}, BaseModel({}))
    monkeypatch.setattr(module, "gather_objects", lambda rows: [reporter.rows["d"] for reporter in reporters])
    for reporter in reporters:
        rows = reporter.finish()["d"]
        assert [row["index"] for row in rows] == [row["answer"] for row in rows] == list(range(9))
        assert next(iter(rows[0])) == "index"


def rows_of_rank(monkeypatch, rank, world_size, batches):
    monkeypatch.setattr(module, "rank", lambda: rank)
    monkeypatch.setattr(module, "world_size", lambda: world_size)
    reporter = TestReporter([BaseDataset("d", {}, "test")])
    for ids in batches:
        reporter.add_batch(batch(ids), scores(len(ids)), BaseModel({}))
    return reporter


def test_rows_of_all_ranks_are_in_the_order_of_the_data(monkeypatch):
    """Seven samples in batches of four; rank r has r, r + 2, ... of each."""
    first = rows_of_rank(monkeypatch, 0, 2, [[0, 2], [4, 6]])
    second = rows_of_rank(monkeypatch, 1, 2, [[1, 3], [5]])
    monkeypatch.setattr(module, "gather_objects", lambda rows: [first.rows["d"], second.rows["d"]])
    for reporter in (first, second):
        assert [row["id"] for row in reporter.finish()["d"]] == [0, 1, 2, 3, 4, 5, 6]


def test_the_dataset_makes_the_rows_then_the_model_and_the_dataset_has_the_last_word():
    class Doubling(BaseModel):
        def format_for_prediction(self, results, report):
            return [{"number": row["number"] * 2} for row in results]

    reporter = TestReporter([Numbers("d", {}, "test")])
    reporter.add_batch(batch([1, 2]), scores(2), Doubling({}))
    assert reporter.finish() == {"d": [{"number": 2}, {"number": 4}, {"number": -1}]}


@pytest.mark.parametrize("form", ["json", "csv"])
def test_files(tmp_path, form):
    rows = [{"id": 1, "answer": 'äh, "so"'}, {"id": 2, "extra": 0.5}]
    path = TestReporter([]).write(rows, tmp_path / "reports" / f"rows.{form}")
    if form == "json":
        assert json.loads(path.read_text()) == rows
        return
    with open(path, newline="") as file:
        assert list(csv.DictReader(file)) == [
            {"id": "1", "answer": 'äh, "so"', "extra": ""},
            {"id": "2", "answer": "", "extra": "0.5"},
        ]


def test_lists_and_dicts_in_a_csv_are_json(tmp_path):
    rows = [{"id": 1, "boxes": [[0, 1.5], [2, None]], "words": {"ä": True}}]
    path = TestReporter([]).write(rows, tmp_path / "rows.csv")
    with open(path, newline="") as file:
        (row,) = csv.DictReader(file)
    assert row == {"id": "1", "boxes": "[[0, 1.5], [2, null]]", "words": '{"ä": true}'}
    assert {key: json.loads(cell) for key, cell in row.items()} == rows[0]
