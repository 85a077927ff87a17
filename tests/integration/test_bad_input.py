"""What people get wrong: one clear line, exit code 2, no traceback. What is a bug keeps its traceback."""

import json
import resource
import shutil
import sys

import pytest

from tests.integration.command import USER_DIR, command


def refused(done):
    """The text of a command that refused, without the program's name."""
    assert done.code == 2, (done.out, done.err)
    assert "Traceback" not in done.err and "Caught " not in done.err
    assert done.err.startswith("mmf_run: ") and done.err.count("\n") == 1, done.err
    return done.err.removeprefix("mmf_run: ").removesuffix("\n")


@pytest.fixture
def refusal(colour_run, tmp_path):
    """What is said about the run of the user's model with these further arguments."""

    def text(*arguments, model="colour", prepare=None):
        return refused(command(*colour_run(tmp_path / "save", *arguments, model=model), prepare=prepare))

    return text


# -- names and settings ------------------------------------------------------------------------------------------

CONFIGS = "tests/data/user_dir/configs/"


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        (
            "training.batchsize=4",
            "training.batchsize (command line) is not a setting. Did you mean training.batch_size?",
        ),
        (
            "model_config.colour.drop_out=0.1",
            "model_config.colour.drop_out (command line) is not a setting of model 'colour'. "
            "Did you mean model_config.colour.dropout?",
        ),
        (
            "model_config.colour.losses=[cros_entropy]",
            "model_config.colour.losses[0] (command line): no loss is registered as 'cros_entropy'. "
            "Did you mean 'cross_entropy'?  (mmf_list losses)",
        ),
        (
            "evaluation.metrics=[acuracy]",
            "evaluation.metrics[0] (command line): no metric is registered as 'acuracy'. "
            "Did you mean 'accuracy'?  (mmf_list metrics)",
        ),
        (
            "optimizer.type=adam_ww",
            "optimizer.type (command line): no optimizer is registered as 'adam_ww'. "
            "Did you mean 'adam_w'?  (mmf_list optimizers)",
        ),
        (
            "optimizer.type=Adamm",
            "optimizer.type 'Adamm' is neither a class of torch.optim nor registered. "
            "Did you mean 'Adam'? (mmf_list optimizers)",
        ),
        (
            "scheduler.type=warmup_cosin",
            "scheduler.type (command line): no scheduler is registered as 'warmup_cosin'. "
            "Did you mean 'warmup_cosine'?  (mmf_list schedulers)",
        ),
        (
            "training.callbacks=[{type: end_att}]",
            "training.callbacks[0].type (command line): no callback is registered as 'end_att'. Did you mean 'end_at'?"
            "  (mmf_list callbacks)",
        ),
        (
            "training.trainer=lightnin",
            "training.trainer (command line): no trainer is registered as 'lightnin'. "
            "Did you mean 'lightning'?  (mmf_list trainers)",
        ),
        (
            "dataset_config.pictures.processors={text_processor: {type: vocabs}}",
            "dataset_config.pictures.processors.text_processor.type (command line): no processor is registered as "
            "'vocabs'. Did you mean 'vocab'?  (mmf_list processors)",
        ),
        (
            "training.early_stop.criteria=pictures/acuracy",
            "training.early_stop.criteria is 'pictures/acuracy', but validation gives: total_loss, pictures/accuracy, "
            "pictures/cross_entropy. Did you mean 'pictures/accuracy'?",
        ),
        (
            "optimizer.params.learning_rate=0.1",
            "optimizer.params do not fit adam_w: AdamW.__init__() got an unexpected keyword argument 'learning_rate'.",
        ),
    ],
)
def test_a_name_that_is_none(refusal, argument, text):
    assert refusal(argument) == text


def test_an_unknown_model(refusal):
    assert refusal(model="colours") == (
        "model=colours (command line): no model is registered as 'colours'. Did you mean 'colour'?  (mmf_list models)"
    )


EASY = ("config=projects/pythia/configs/easy_vqa/defaults.yaml", "model=pythia", "dataset=easy_vqa")


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        (
            "model_config.pythia.classifier={type: logit, params: {bogus: 1}}",
            "The classifier 'logit' does not take 'hidden_dim', 'num_layers', 'dropout', 'bogus'. "
            "It takes: text_hidden_dim, img_hidden_dim.",
        ),
        (
            "model_config.pythia.classifier.params.bogus=1",
            "The classifier 'mlp' does not take 'bogus'. "
            "It takes: hidden_dim, num_layers, dropout, hidden_act, batch_norm.",
        ),
        (
            "dataset_config.easy_vqa.processors.text_processor.params.bogus=3",
            "dataset_config.easy_vqa.processors.text_processor.params.bogus is not a param of the processor 'vocab'. "
            "It takes: max_length, vocab, preprocessor.",
        ),
    ],
)
def test_a_param_that_a_part_does_not_take(tmp_path, argument, text):
    small = "dataset_config.easy_vqa.max_pictures={train: 4, val: 2, test: 2}"
    assert refused(command(*EASY, f"env.save_dir={tmp_path}", small, argument)) == text


def test_an_unknown_dataset():
    done = command("model=colour", "dataset=picturs", f"env.user_dir={USER_DIR}")
    assert refused(done) == (
        "dataset=picturs (command line): no dataset is registered as 'picturs'. "
        "Did you mean 'pictures'?  (mmf_list datasets)"
    )


def test_a_config_file_that_is_not_there_names_the_places_looked_at(refusal):
    text = refusal("config=nowhere.yaml")
    assert text.startswith("config=nowhere.yaml does not exist. Looked at: ")
    assert str(USER_DIR / "nowhere.yaml") in text


def test_an_include_that_is_not_there_names_the_including_file(refusal, tmp_path):
    (tmp_path / "my.yaml").write_text("includes: [base.yaml]\n")
    text = refusal(f"config={tmp_path}/my.yaml")
    assert "base.yaml" in text and f"{tmp_path}/my.yaml" in text and str(tmp_path / "base.yaml") in text


def test_an_include_cycle_shows_the_circle(refusal, tmp_path):
    (tmp_path / "a.yaml").write_text("includes: [b.yaml]\n")
    (tmp_path / "b.yaml").write_text("includes: [a.yaml]\n")
    text = refusal(f"config={tmp_path}/a.yaml")
    assert text.count("a.yaml") >= 2 and "b.yaml" in text


def test_a_syntax_error_names_file_and_line(refusal, tmp_path):
    (tmp_path / "my.yaml").write_text("training:\n  batch_size: [1\n")
    assert refusal(f"config={tmp_path}/my.yaml").startswith(f"{tmp_path}/my.yaml:2: not valid YAML: ")


def test_ranks_that_cannot_share_a_batch(refusal):
    assert refusal(
        *("training.batch_size=7", "trainer.params.devices=2"),
        *("trainer.params.accelerator=cpu", "trainer.params.strategy=ddp"),
    ) == (
        "training.batch_size is 7, which 2 ranks cannot share equally. Use a multiple of 2, for example 6, "
        "or set training.batch_size_per_device."
    )


# -- data --------------------------------------------------------------------------------------------------------


@pytest.fixture
def damaged(pictures, tmp_path):
    """A copy of the pictures, with the argument that names it."""
    folder = tmp_path / "pictures"
    shutil.copytree(pictures, folder)
    return folder, f"dataset_config.pictures.data_dir={folder}"


@pytest.mark.parametrize("workers", [0, 1])
def test_a_truncated_picture_is_named_also_by_a_worker(refusal, damaged, workers):
    folder, argument = damaged
    file = folder / "train" / "1_04.png"
    file.write_bytes(file.read_bytes()[:100])
    text = refusal(argument, f"training.num_workers={workers}")
    assert text.startswith(f"pictures/train 1_04.png: {file} is cut short or not an image: ")
    assert text.endswith(" (100 bytes).")


@pytest.mark.parametrize("workers", [0, 1])
def test_a_picture_that_is_gone_is_named(refusal, damaged, workers):
    folder, argument = damaged
    file = folder / "train" / "1_04.png"
    file.unlink()
    file.symlink_to("elsewhere.png")
    assert refusal(argument, f"training.num_workers={workers}") == (
        f"pictures/train 1_04.png: There is no image {file} (looked in {file.parent})."
    )


@pytest.mark.parametrize("workers", [0, 1])
def test_a_picture_of_another_size_is_named_with_its_batch(refusal, damaged, workers):
    import torch
    from torchvision.io import write_png

    folder, argument = damaged
    write_png(torch.zeros(3, 9, 8, dtype=torch.uint8), str(folder / "train" / "1_04.png"))
    text = refusal(argument, f"training.num_workers={workers}", "training.batch_size=20")
    assert text.startswith("Field 'image' of sample ") and "(3, 9, 8)" in text
    assert " The samples of this batch, from 0 on: pictures/train " in text


def test_a_loading_process_that_is_killed_is_said_to_be(refusal):
    text = refusal("dataset_config.pictures.killed_at=4", "training.num_workers=1")
    assert text.startswith("A loading process ended unexpectedly: DataLoader worker (pid")
    assert text.endswith(
        ". Often it ran out of memory: try fewer training.num_workers; "
        "with 0 the main process loads, and says what is wrong."
    )


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_an_empty_split_is_refused_before_training(refusal, damaged, tmp_path, split):
    folder, argument = damaged
    shutil.rmtree(folder / split)
    assert refusal(argument) == (
        f"The {split} split of 'pictures' is empty. "
        f"Check dataset_config.pictures, or choose a run_type without {split!r}."
    )
    assert not (tmp_path / "save" / "metrics.csv").exists()


def without_easy_vqa():
    """`None` in `sys.modules` makes the import fail as if it were not installed."""
    sys.modules["easy_vqa"] = None


def test_a_dataset_whose_package_is_missing_says_what_to_install(tmp_path):
    arguments = ["config=projects/pythia/configs/easy_vqa/defaults.yaml", "model=pythia", "dataset=easy_vqa"]
    done = command(*arguments, f"env.save_dir={tmp_path}", prepare=without_easy_vqa)
    assert refused(done) == (
        "The dataset easy_vqa needs the easy-vqa package: pip install 'mmf_like[demo]' (or pip install easy-vqa)."
    )


# -- models ------------------------------------------------------------------------------------------------------


def test_a_loss_that_is_no_number_names_update_and_samples(refusal):
    text = refusal(model="nan_at_third")
    assert text.startswith("The loss is nan at update 3 (batch 2). Its samples: pictures/train ")
    assert text.count("pictures/train ") == 4  # the last of an epoch's batches is the smaller one
    assert text.endswith(
        ". Lower the learning rate, clip the gradients (training.clip_gradients=true "
        "training.max_grad_l2_norm=0.25), or look at these samples; training.exit_on_nan_losses=false goes on."
    )


def test_a_loss_that_is_no_number_in_the_second_half_of_an_update(refusal):
    assert refusal("training.update_frequency=2", model="nan_at_third").startswith(
        "The loss is nan at update 2 (batch 2)."
    )


def test_a_class_that_the_model_does_not_have(refusal):
    assert refusal("dataset_config.pictures.num_labels=2") == (
        "`targets` must be classes from 0 to 1 for cross_entropy, as `scores` have shape (8, 2), "
        "but they go from 0 to 2."
    )


def test_forward_that_returns_a_tensor(refusal):
    assert refusal(model="returns_tensor") == (
        "ReturnsTensor.forward must return a mapping such as {'scores': ...}, but returned Tensor."
    )


def test_a_model_without_losses(refusal):
    assert refusal(model="without_losses") == (
        "Nothing to train on: WithoutLosses has no loss for a batch of 'pictures'. Name one in "
        "model_config.<model>.losses and see that the train split has targets."
    )


def test_a_parameter_that_no_optimizer_group_holds(refusal):
    assert refusal(model="forgets_parameter") == (
        "ForgetsParameter.get_optimizer_parameters leaves out 1 trainable parameters: layer.bias. "
        "Add them, freeze them, or set optimizer.allow_unused_parameters=true."
    )


def test_a_parameter_may_be_left_out_on_purpose(colour_run, tmp_path):
    arguments = colour_run(tmp_path, "optimizer.allow_unused_parameters=true", model="forgets_parameter")
    assert command(*arguments).code == 0


# -- places ------------------------------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_made(colour_run, tmp_path):
    (tmp_path / "file").write_text("")
    done = command(*colour_run(tmp_path / "file" / "save"))
    assert refused(done) == (
        f"env.save_dir {tmp_path}/file/save cannot be written: Not a directory. "
        "Name another folder with env.save_dir=..."
    )


def test_a_folder_that_takes_no_files(colour_run):
    text = refused(command(*colour_run("/proc/self")))
    assert text.startswith("env.save_dir /proc/self cannot be written: ")


def small_files():
    """No file may grow beyond 16 kB, as on a disk that is almost full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**14, 2**14))


WIDE = "model_config.colour.hidden=2000"  # checkpoints of more than 16 kB


def test_a_full_disk_before_the_first_checkpoint_stops_the_run(colour_run, tmp_path):
    text = refused(command(*colour_run(tmp_path, WIDE), prepare=small_files))
    assert text.startswith(f"The checkpoint of update 1 could not be written to {tmp_path}/models/model_1.ckpt: ")
    assert text.endswith(". Earlier checkpoints are untouched. Free space or name another folder with env.save_dir=...")
    assert not list(tmp_path.glob("**/*.part"))


def test_a_full_disk_after_a_checkpoint_is_a_warning_until_the_end(colour_run, tmp_path):
    full = "training.callbacks=[{type: full_disk_at, params: {update: 3}}]"
    done = command(*colour_run(tmp_path, WIDE, full))
    assert done.out.count("could not be written to ") == 4 and done.out.count(" The run goes on.") == 4
    text = refused(done)
    assert text.startswith(f"The final weights could not be written to {tmp_path}/colour_final.pth: ")
    assert text.endswith(f" They are those of {tmp_path}/best.ckpt.")
    manifest = json.loads((tmp_path / "manifest.json").read_text())["checkpoints"]
    assert {entry["step"] for entry in manifest} == {1, 2}
    assert command(*colour_run(tmp_path, WIDE, "checkpoint.resume=true")).code == 0


# -- bugs keep their traceback -----------------------------------------------------------------------------------


def test_a_bug_in_a_model_keeps_its_traceback(colour_run, tmp_path):
    done = command(*colour_run(tmp_path, model="has_a_bug"))
    assert done.code == 1
    assert "Traceback" in done.err and "models/broken.py" in done.err
    assert "'HasABug' object has no attribute 'no_such_layer'" in done.err


@pytest.mark.parametrize("workers", [0, 1])
def test_a_bug_in_a_dataset_keeps_its_traceback_and_names_the_sample(colour_run, tmp_path, workers):
    done = command(*colour_run(tmp_path, "dataset_config.pictures.bug_at=4", f"training.num_workers={workers}"))
    assert done.code == 1
    assert "Traceback" in done.err and "datasets/pictures.py" in done.err and "KeyError" in done.err
    if sys.version_info >= (3, 11):
        assert "This happened while pictures/train 0_12.png was made." in done.err
