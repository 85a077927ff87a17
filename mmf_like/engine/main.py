"""What `mmf_run` and `mmf_predict` do once the config is final."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

import mmf_like
from mmf_like.common.errors import ConfigError
from mmf_like.common.registry import registry
from mmf_like.engine.assemble import Parts, assemble, config_name
from mmf_like.io.files import write_text_atomically
from mmf_like.trainers.display import logger, table

PRECISIONS = {"32-true": "fp32", "64-true": "fp64", "16-true": "fp16", "bf16-true": "bf16"}


@dataclass
class Outcome:
    """What a run reached: `results` as in `results.json`, and where its files are."""

    results: dict[str, float] = field(default_factory=dict)
    save_dir: Path = Path()
    predictions: list[Path] = field(default_factory=list)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # of the predictions, by split/dataset


def run_config(composed: Any, *, predict: bool = False, quiet: bool = False, as_json: bool = False) -> Outcome:
    """Train, evaluate and predict as `run_type` and `evaluation.predict` say."""
    config = composed.config
    predict = predict or bool(config.evaluation.predict)
    parts = assemble(config, quiet=quiet or as_json)
    run, trainer = parts.run, parts.trainer
    outcome = Outcome(save_dir=run.save_dir)
    try:
        with trainer.loop.signals:
            for note in composed.notes:
                logger.warning(note)
            trainer.display.say(headline(parts))
            trainer.load()
            if predict:
                for split in splits_to_predict(parts):
                    predict_split(parts, split, outcome)
            else:
                train_and_measure(parts, outcome)
        if run.is_main:
            finish(parts, outcome, as_json=as_json, predicted=predict)
    finally:
        for callback in trainer.loop.callbacks:
            callback.teardown()
    return outcome


def train_and_measure(parts: Parts, outcome: Outcome) -> None:
    """What `run_type` asks for. The best validation's numbers are those of the weights that the run ends with."""
    run, trainer = parts.run, parts.trainer
    if run.wants("train"):
        trainer.train()
        if trainer.ends_with_best:
            outcome.results.update(trainer.state.best_results)
    for split in ("val", "test"):
        known = split == "val" and run.wants("train") and trainer.ends_with_best
        there = parts.data.datasets(split) or not run.wants("train")
        if run.wants(split) and there and not known:
            outcome.results.update(trainer.evaluate(split))


def headline(parts: Parts) -> str:
    """One line that says what will run on what."""
    run, data = parts.run, parts.data
    parameters = sum(p.numel() for p in parts.model.parameters())
    sizes = []
    for builder in data.builders:
        counts = " / ".join(f"{len(ds):,} {split}" for split, ds in builder.splits.items() if ds is not None)
        sizes.append(f"{builder.dataset_name}: {counts}")
    lightning = parts.trainer.lightning
    device = lightning.strategy.root_device.type + (f" x {lightning.world_size}" if lightning.world_size > 1 else "")
    line = (
        f"mmf_like {mmf_like.__version__} | {run.model_name}, {parameters:,} parameters | {'; '.join(sizes)} | "
        f"{device}, {PRECISIONS.get(lightning.precision, lightning.precision)}, seed {run.seed}"
    )
    files = [config_name(run), "train.log"] + ["checkpoints"] * run.wants("train")
    return f"{line}\n{run.save_dir}  ({', '.join(files)})"


def splits_to_predict(parts: Parts) -> list[str]:
    wanted = [split for split in ("val", "test") if parts.run.wants(split)]
    if not wanted and parts.run.wants("train"):
        wanted = ["train"]
    for split in wanted:
        if not parts.data.datasets(split):
            raise ConfigError(f"There is no {split} split to predict. Choose another run_type.")
    return wanted


def predict_split(parts: Parts, split: str, outcome: Outcome) -> None:
    """Rows of predictions for a split into `save_dir/reports/`; metrics too where it has targets."""
    run = parts.run
    settings = run.config.evaluation
    reporter_class = registry.find("test_reporter", settings.reporter.type)
    reporter = reporter_class(parts.data.datasets(split), settings.reporter.params, split)
    for callback in parts.trainer.loop.callbacks:
        callback.on_prediction_start()
    outcome.results.update(parts.trainer.evaluate(split, reporter=reporter))
    folder = Path(run.config.env.report_dir or run.save_dir / "reports")
    for dataset, rows in reporter.finish().items():
        outcome.rows[f"{split}/{dataset}"] = rows
        if run.is_main:
            name = f"{dataset}_{run.config.training.experiment_name}_{split}.{settings.predict_file_format}"
            outcome.predictions.append(reporter.write(rows, folder / name))
    for callback in parts.trainer.loop.callbacks:
        callback.on_prediction_end()


def finish(parts: Parts, outcome: Outcome, *, as_json: bool, predicted: bool) -> None:
    """Write `results.json` and print the last table, where the files are, and what to type next."""
    run, state, display = parts.run, parts.trainer.state, parts.trainer.display
    trained = run.wants("train") and not predicted
    path = run.save_dir / ("predict_results.json" if predicted else "results.json")
    measured = dict(outcome.results)
    numbers: dict[str, Any] = {
        **measured,
        "steps": state.updates,
        "seconds": round(state.seconds, 2),
        "cpu_seconds": round(state.cpu_seconds, 2),
        "parameters": sum(p.numel() for p in parts.model.parameters()),
        "peak_memory_mb": round(peak_memory_mb(), 1),
    }
    if not trained and path.is_file():  # measuring again adds to what the training reached
        numbers = {**numbers, **json.loads(path.read_text()), **measured}
    outcome.results = numbers
    write_text_atomically(path, json.dumps(numbers, indent=1) + "\n")
    if as_json:
        print(json.dumps(numbers))
        return
    rows: list[tuple[str, ...]] = [("split", "metric", "value", "weights")]
    for key, value in measured.items():
        if "/" in key:
            split, name = key.split("/", 1)
            rows.append((split, name, f"{value:.4f}", weights_used(parts.trainer, trained)))
    text = [""]
    for name, predicted_rows in outcome.rows.items():
        text += [f"Some of {len(predicted_rows):,} rows of {name}", table(some_rows(predicted_rows), "  "), ""]
    if len(rows) > 1:
        text += [table(rows), ""]
    places = [("Results", str(path))]
    if outcome.predictions:
        places += [("Predictions", ", ".join(map(str, outcome.predictions)))]
    if trained:
        best = parts.trainer.store.best if parts.trainer.ends_with_best else parts.trainer.store.current
        places += [("Weights", f"{parts.trainer.final_path}, {best.name}")]
        folder = Path(run.config.env.log_dir or run.save_dir)
        places += [("Log", f"{folder / 'train.log'}, {run.save_dir / 'metrics.csv'}")]
        # The saved config also has what was given as KEY=VALUE, env.user_dir above all.
        saved = run.save_dir / "config.yaml"
        places += [("Next", f"mmf_predict config={saved} run_type=test checkpoint.resume_file={best}")]
    text += [f"{name.ljust(13)}{value}" for name, value in places]
    print_last(display, "\n".join(text))


def weights_used(trainer: Any, trained: bool) -> str:
    """Which weights were measured: those of an update of this run, or of a file."""
    state = trainer.state
    if trained:
        return f"update {state.best_update} (best)" if trainer.ends_with_best else f"update {state.updates}"
    if trainer.weights_from is None:
        return "untrained"
    return trainer.weights_from.name + (f" (update {trainer.weights_update})" if trainer.weights_update else "")


def some_rows(rows: list[dict[str, Any]], most: int = 8) -> list[tuple[str, ...]]:
    """Rows from all over the list as a table; `x` marks where `answer` is not `true_answer`."""
    picked = rows[:: max(len(rows) // most, 1)][:most]
    columns = list(dict.fromkeys(key for row in picked for key, value in row.items() if not isinstance(value, list)))
    marked = {"answer", "true_answer"} <= set(columns)

    def wrong(row: dict[str, Any]) -> tuple[str, ...]:
        return ("x" if row.get("answer") != row.get("true_answer") else "",) if marked else ()

    body = [(*(str(row.get(column, ""))[:60] for column in columns), *wrong(row)) for row in picked]
    return [(*columns, *([""] if marked else [])), *body] if columns else [("no rows",)]


def print_last(display: Any, text: str) -> None:
    """The table is shown even by a quiet run."""
    logger.info(text, extra={"to_console": False})
    print(text, file=sys.stdout)


def peak_memory_mb() -> float:
    """Of this process: GPU memory where one is used, else the resident set."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated() / 2**20
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
