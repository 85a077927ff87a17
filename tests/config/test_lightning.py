import inspect

import pytest

from mmf_like.config import lightning


def test_settings_become_arguments(composed):
    config = composed(
        "training.device=cuda",
        "training.fp16=true",
        "training.update_frequency=2",
        "training.clip_gradients=true",
        "training.max_grad_l2_norm=0.25",
        "training.cudnn_benchmark=true",
        "training.detect_anomaly=true",
        "training.deterministic=true",
    ).config
    assert lightning.trainer_arguments(config, cuda_devices=2) == {
        "accelerator": "gpu",
        "devices": "auto",
        "precision": "16-mixed",
        "accumulate_grad_batches": 2,
        "gradient_clip_val": 0.25,
        "gradient_clip_algorithm": "norm",
        "benchmark": True,
        "detect_anomaly": True,
        "deterministic": True,
        "num_sanity_val_steps": 0,
    }


def test_trainer_params_win(composed):
    config = composed(
        "training.fp16=true", "trainer.params.precision=bf16-mixed", "trainer.params.devices=[0, 1]"
    ).config
    arguments = lightning.trainer_arguments(config, cuda_devices=2)
    assert arguments["precision"] == "bf16-mixed"
    assert arguments["devices"] == [0, 1]
    assert type(arguments["devices"]) is list


def test_cuda_falls_back_to_the_cpu_with_a_note(composed):
    config = composed("training.device=cuda").config
    arguments = lightning.trainer_arguments(config, cuda_devices=0)
    assert (arguments["accelerator"], arguments["devices"]) == ("cpu", 1)
    assert lightning.notes(config, cuda_devices=0) == [
        "training.device=cuda, but there is no CUDA device here: running on the CPU."
    ]


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_no_note_where_the_cpu_was_to_be_expected(composed, device):
    assert lightning.notes(composed(f"training.device={device}").config, cuda_devices=0) == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["training.max_updates=5", "training.evaluation_interval=2"], (5, None, 2, 100)),
        (["training.max_updates=5", "training.max_epochs=3"], (None, 3, 1000, 100)),
        (["training.max_updates=5", "trainer.params.max_steps=7"], (7, None, 1000, 100)),
        (["training.max_updates=5", "trainer.params.max_epochs=2"], (None, 2, 1000, 100)),
        (["trainer.params.val_check_interval=3", "trainer.params.log_every_n_steps=4"], (22000, None, 3, 4)),
        (["trainer.params.val_check_interval=0.5"], (22000, None, 1000, 100)),
    ],
)
def test_how_long_to_train(composed, arguments, expected):
    found = lightning.effective_training(composed(*arguments).config)
    assert (found.max_updates, found.max_epochs, found.evaluation_interval, found.log_interval) == expected


def test_what_our_trainer_sets_is_not_passed_on(composed):
    config = composed("trainer.params.max_steps=7", "trainer.params.val_check_interval=3").config
    assert not set(lightning.OURS) & set(lightning.trainer_arguments(config, cuda_devices=0))


def test_known_parameters_are_those_of_the_installed_lightning():
    import pytorch_lightning

    accepted = set(inspect.signature(pytorch_lightning.Trainer.__init__).parameters) - {"self"}
    assert accepted >= lightning.PARAMETERS - {"enable_autolog_hparams", "model_registry"}
    assert accepted <= lightning.PARAMETERS


def test_misspelt_parameter(problems):
    assert problems("trainer.params.max_stepz=3") == [
        "trainer.params.max_stepz (command line) is not an argument of Lightning's Trainer. "
        "Did you mean trainer.params.max_steps?"
    ]


@pytest.mark.parametrize(
    ("argument", "instead"),
    [
        ("callbacks=[x]", "use training.callbacks, with registered callbacks"),
        ("logger=true", "metrics.csv is always written; training.tensorboard=true adds TensorBoard"),
        ("plugins=[x]", "precision and cluster follow trainer.params.precision and the launcher"),
        ("enable_checkpointing=false", "checkpoints are written every training.checkpoint_interval updates"),
        ("enable_progress_bar=true", "a terminal always has one; training.should_not_log=true silences a run"),
        ("enable_model_summary=true", "the number of parameters stands in the first line and in results.json"),
        ("num_sanity_val_steps=2", "validation runs every training.evaluation_interval updates"),
        ("default_root_dir=x", "use env.save_dir"),
        ("use_distributed_sampler=true", "the ranks always share each batch"),
        ("check_val_every_n_epoch=2", "use training.evaluation_interval, in updates"),
        ("val_check_interval=0.5", "0.5 is a share of an epoch; set training.evaluation_interval, in updates"),
    ],
)
def test_what_our_trainer_sets_itself_is_noted(composed, argument, instead):
    config = composed(f"trainer.params.{argument}").config
    name = argument.partition("=")[0]
    assert lightning.notes(config, cuda_devices=0) == [f"trainer.params.{name} has no effect here: {instead}."]


def test_what_mmf_wrote_by_default_is_not_noted(composed):
    values = {"logger": "false", "enable_checkpointing": "true", "num_sanity_val_steps": "0", "callbacks": "[]"}
    values |= {"enable_progress_bar": "false", "val_check_interval": "1000", "default_root_dir": "null"}
    config = composed(*(f"trainer.params.{name}={value}" for name, value in values.items())).config
    assert lightning.notes(config, cuda_devices=0) == []
