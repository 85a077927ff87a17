import json
import logging
from pathlib import Path
from types import SimpleNamespace

import pytest

from mmf_like.trainers.display import Display, ScalarWriter, logger, set_up_logging, table


@pytest.fixture(autouse=True)
def _handlers():
    """The logger of the package as it was."""
    kept, level, propagate = list(logger.handlers), logger.level, logger.propagate
    yield
    for handler in list(logger.handlers):
        if handler not in kept:
            handler.close()
            logger.removeHandler(handler)
    logger.handlers[:] = kept
    logger.setLevel(level)
    logger.propagate = propagate


def run(folder, *, is_terminal=False, quiet=False, **training):
    settings = {"logger_level": "info", "log_format": "simple", "should_not_log": False, **training}
    config = SimpleNamespace(training=SimpleNamespace(**settings), env=SimpleNamespace(log_dir=""))
    return SimpleNamespace(
        config=config, save_dir=Path(folder), is_main=True, is_terminal=is_terminal, quiet=quiet
    )  # fmt: skip


def written(folder, after, *, name="a", update=9):
    writer = ScalarWriter(folder, after=after)
    writer.write({name: 0.25}, update=update, epoch=1)
    writer.close()
    return (folder / "metrics.csv").read_text().splitlines()


HEADING = "update,epoch,name,value"


def test_rows_are_added_with_every_digit(tmp_path):
    writer = ScalarWriter(tmp_path, after=0)
    writer.write({"a": 0.1, "b": 1 / 3}, update=1, epoch=0)
    writer.close()
    assert (tmp_path / "metrics.csv").read_text().splitlines() == [HEADING, "1,0,a,0.1", "1,0,b,0.3333333333333333"]


def test_a_resumed_run_drops_the_rows_beyond_its_update(tmp_path):
    rows = ["1,0,a,0.5", "2,0,a,0.4", "3,0,a,0.3", "4,0,a,0."]  # the last was cut short
    (tmp_path / "metrics.csv").write_text("\n".join([HEADING, *rows]))
    assert written(tmp_path, after=2) == [HEADING, *rows[:2], "9,1,a,0.25"]


def test_a_new_run_starts_a_new_file(tmp_path):
    (tmp_path / "metrics.csv").write_text(f"{HEADING}\n1,0,a,0.5\n")
    assert written(tmp_path, after=0) == [HEADING, "9,1,a,0.25"]


def test_columns_are_aligned():
    rows = [("split", "metric", "value"), ("val", "accuracy", "0.5"), ("test", "f1", "10.25")]
    assert table(rows, indent="  ").splitlines() == [
        "  split  metric    value",
        "  val    accuracy  0.5",
        "  test   f1        10.25",
    ]


def shown(folder, capsys, **options):
    made = run(folder, **options)
    set_up_logging(made)
    display = Display(made)
    display.say("hello")
    display.log({"loss": 0.123456, "epoch": 1}, "2/4")
    for handler in logger.handlers:
        handler.flush()
    log = Path(folder, "train.log")
    return capsys.readouterr().out.splitlines(), log.read_text().splitlines() if log.exists() else []


def test_away_from_a_terminal_lines_are_printed_and_logged(tmp_path, capsys):
    out, log = shown(tmp_path, capsys)
    assert out == ["hello", "progress: 2/4, loss: 0.1235, epoch: 1"]
    assert [line.split(" : ", 1)[1] for line in log] == out


def test_on_a_terminal_the_bar_takes_the_place_of_log_lines(tmp_path, capsys):
    out, log = shown(tmp_path, capsys, is_terminal=True)
    assert out == ["hello"] and len(log) == 2


def test_a_quiet_run_logs_only(tmp_path, capsys):
    out, log = shown(tmp_path, capsys, quiet=True)
    assert out == [] and len(log) == 2


def test_log_lines_as_json(tmp_path, capsys):
    out, _ = shown(tmp_path, capsys, log_format="json")
    assert json.loads(out[1]) == {"progress": "2/4", "loss": 0.123456, "epoch": 1}


def test_nothing_is_logged_where_nothing_should_be(tmp_path, capsys):
    out, log = shown(tmp_path, capsys, should_not_log=True)
    assert out == ["hello"] and log == []


def test_a_second_run_of_a_process_leaves_no_handler_of_the_first(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        set_up_logging(run(tmp_path / name))
    files = [handler for handler in logger.handlers if isinstance(handler, logging.FileHandler)]
    assert [Path(file.baseFilename).parent.name for file in files] == ["b"]
