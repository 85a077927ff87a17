"""`mmf_run`: train, validate and test a model on a dataset as a config says."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mmf_like.cli.arguments import Arguments, parse
from mmf_like.common.errors import MMFError

if TYPE_CHECKING:
    from mmf_like.config.assemble import Composed

HELP = """\
usage: {prog} [config=FILE.yaml] model=NAME dataset=NAME [KEY=VALUE ...] [options]

{what}

  config=FILE          your YAML; it may list other files under `includes`
  model=NAME           a registered model                       (mmf_list models)
  dataset=NAME[,NAME]  one or more registered datasets          (mmf_list datasets)
  run_type=WORDS       which of train, val, test to do, as in train_val_test
  KEY=VALUE            any setting, also as `KEY VALUE`: training.batch_size=64,
                       evaluation.metrics=[accuracy], model_config.pythia.losses[0].type=logit_bce.
                       Values are YAML: true, null, 1e-3, [a, b], {{lr: 0.1}}.

examples:
  mmf_run config=projects/pythia/configs/easy_vqa/defaults.yaml model=pythia dataset=easy_vqa
  mmf_run config=my.yaml model=pythia dataset=easy_vqa run_type=train_val_test training.seed=7
  mmf_run config=my.yaml model=my_model dataset=my_data env.user_dir=path/to/my_code
  mmf_run config=save/config.yaml checkpoint.resume=true             go on where a run stopped
  mmf_run config=save/config.yaml run_type=test checkpoint.resume_file=save/best.ckpt
  mmf_run config=my.yaml model=pythia datasets=easy_vqa,my_data env.user_dir=path/to/my_code
  mmf_run config=my.yaml model=pythia dataset=easy_vqa -co '{{training: {{max_updates: 100}}}}'
  mmf_run config=my.yaml model=pythia dataset=easy_vqa --print-config

options:
  --print-config            print the final config and stop
  -co, --config_override S  a mapping in YAML or JSON, laid over the file named by config=
  -q, --quiet               print the results only
  --json                    print results, mistakes and the config of --print-config as JSON
  --version                 print the version
  -h, --help                this text

Every setting, its default and its meaning: configs/defaults.yaml. Later wins: defaults, the model's
YAML, the dataset's, config=, --config_override, command line. Who set a key:
  mmf_check config <the same arguments> --why training.batch_size

other commands: mmf_predict (write predictions), mmf_list (what is registered),
                mmf_check (look before running)
"""
CTRL_C = 130  # 128 and the number of SIGINT
WHAT = "Trains, validates and tests a model on a dataset; config, log and checkpoints go to env.save_dir."

UNTRAINED = "No checkpoint is named, so the weights are untrained: checkpoint.resume_file=save/best.ckpt"


def main(argv: Sequence[str] | None = None) -> int:
    """Console entry of `mmf_run`. Returns the exit code."""
    return console("mmf_run", WHAT, sys.argv[1:] if argv is None else argv, predict=False)


def run(opts: Sequence[str] | None = None, predict: bool = False) -> Any:
    """What `mmf_run` does, for Python: `run(["config=my.yaml", "model=pythia", "dataset=vqa2"])`.

    Mistakes are raised as `MMFError`. Without `opts` the command line of the process is read.
    """
    arguments = parse(sys.argv[1:] if opts is None else opts, prog="mmf_run")
    return start(arguments, compose_arguments(arguments, predict=predict), predict=predict)


def console(prog: str, what: str, argv: Sequence[str], *, predict: bool) -> int:
    """A command line of `mmf_run` or `mmf_predict`, from its words to its exit code."""
    as_json = "--json" in argv
    try:
        arguments = parse(argv, prog=prog)
        if arguments.help or not argv:
            print(HELP.format(prog=prog, what=what), end="")
            return 0
        if arguments.version:
            from mmf_like import __version__

            print(f"mmf_like {__version__}")
            return 0
        composed = compose_arguments(arguments, predict=predict)
        if arguments.print_config:
            print_config(composed, as_json=as_json)
            return 0
        start(arguments, composed, predict=predict)
    except MMFError as error:
        from mmf_like.cli.report import print_error

        return print_error(prog, error, as_json=as_json)
    except (KeyboardInterrupt, SystemExit) as stopped:
        # Lightning makes an exit with code 1 out of Ctrl-C.
        if isinstance(stopped, SystemExit) and not isinstance(stopped.__context__, KeyboardInterrupt):
            raise
        print(
            f"{prog}: stopped by Ctrl-C. Where a checkpoint was saved, checkpoint.resume=true goes on from it.",
            file=sys.stderr,
        )
        return CTRL_C
    return 0


def compose_arguments(arguments: Arguments, *, predict: bool = False) -> Composed:
    """The configuration that a command's arguments name."""
    from mmf_like.config.assemble import compose

    items = [*arguments.items, "evaluation.predict=true"] if predict else arguments.items
    return compose(items, config_override=arguments.config_override)


def print_config(composed: Composed, *, as_json: bool = False) -> None:
    """Print the final configuration; as YAML it can be given back as `config=`."""
    import json

    from mmf_like.cli.report import print_notes
    from mmf_like.config.dump import to_plain, to_yaml

    plain = to_plain(composed.config)
    print(json.dumps(plain, indent=2, ensure_ascii=False) + "\n" if as_json else to_yaml(plain), end="")
    print_notes(composed.notes)


def start(arguments: Arguments, composed: Composed, *, predict: bool) -> Any:
    """Hand a checked configuration to the engine; only now is torch imported."""
    if composed.config.training.log_detailed_config:
        print_config(composed)
    from mmf_like.config.lightning import notes
    from mmf_like.engine.main import run_config

    composed.notes.extend(notes(composed.config))
    starting = composed.config.checkpoint
    weights = starting.resume or starting.resume_best or starting.resume_file
    if not weights and (predict or "train" not in composed.config.run_type):
        composed.notes.append(
            "No checkpoint is named, so the weights are untrained: checkpoint.resume_file=save/best.ckpt"
        )
    return run_config(composed, predict=predict, quiet=arguments.quiet, as_json=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
