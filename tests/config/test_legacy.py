import pytest

from mmf_like.config.legacy import upgrade
from mmf_like.config.load import mapping_layer


@pytest.mark.parametrize(
    ("old", "new", "value"),
    [
        ("training.resume_file", "checkpoint.resume_file", "a.pth"),
        ("training.resume", "checkpoint.resume", True),
        ("training.resume_best", "checkpoint.resume_best", True),
        ("training.load_pretrained", "checkpoint.resume_pretrained", True),
        ("training.run_type", "run_type", "val"),
        ("trainer.params.gpus", "trainer.params.devices", 2),
        ("trainer.params.resume_from_checkpoint", "checkpoint.resume_file", "a.ckpt"),
    ],
)
def test_old_keys_move_with_a_note(composed, write, old, new, value):
    from omegaconf import OmegaConf

    section, _, last = old.rpartition(".")
    inner = f"{last}: {str(value).lower()}"
    for part in reversed(section.split(".")):
        inner = f"{part}: {{{inner}}}"
    write("old.yaml", inner)
    for place, argument in (("old.yaml:1", "config=old.yaml"), ("command line", f"{old}={str(value).lower()}")):
        found = composed(argument)
        assert OmegaConf.select(found.config, new) == value
        assert found.notes[0] == f"{old} ({place}) is called {new} now."


@pytest.mark.parametrize(
    ("argument", "note"),
    [
        (
            "training.local_rank=1",
            "training.local_rank (command line) has no meaning any more; the launcher (torchrun, SLURM) says it; "
            "for one machine set trainer.params.devices.",
        ),
        (
            "training.find_unused_parameters=true",
            "training.find_unused_parameters (command line) has no meaning any more; "
            "use trainer.params.strategy=ddp_find_unused_parameters_true.",
        ),
        (
            "optimizer.enable_state_sharding=true",
            "optimizer.enable_state_sharding (command line) has no meaning any more; use trainer.params.strategy=fsdp.",
        ),
        (
            "distributed.world_size=4",
            "distributed.world_size (command line) has no meaning any more; "
            "use trainer.params.devices and trainer.params.num_nodes.",
        ),
    ],
)
def test_keys_without_a_meaning_say_what_replaces_them(composed, argument, note):
    found = composed(argument)
    assert found.notes == [note]
    assert "distributed" not in found.config


def test_what_mmf_wrote_by_default_goes_without_a_word():
    layer = mapping_layer(
        {
            "training": {"local_rank": None, "find_unused_parameters": False, "max_updates": 4},
            "trainer": {"params": {"gpus": 1, "max_steps": 22000, "precision": 16, "resume_from_checkpoint": None}},
            "distributed": {"rank": 0, "backend": "nccl", "port": -1},
            "start_rank": 0,
        },
        "old.yaml",
    )
    assert upgrade(layer) == []
    assert layer.data == {"training": {"max_updates": 4}, "trainer": {"params": {"precision": 16}}}


def test_max_steps_of_ones_own_stays():
    layer = mapping_layer({"trainer": {"params": {"max_steps": 22000}}}, "my.yaml")
    assert upgrade(layer) == []
    assert layer.data == {"trainer": {"params": {"max_steps": 22000}}}
