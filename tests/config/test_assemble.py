import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf.errors import ConfigAttributeError, ReadonlyConfigError

from mmf_like.common.errors import ConfigError
from mmf_like.common.registry import registry
from mmf_like.config.assemble import compose, compose_mapping
from mmf_like.config.dump import save_config, to_plain, to_yaml
from mmf_like.config.paths import project_root

USER_DIR = Path(__file__).parents[1] / "data" / "user_dir"
BASE = ["model=simple", "dataset=always_one", f"env.user_dir={USER_DIR}"]


def test_later_wins(composed, write):
    """defaults < model < dataset < config (with includes) < --config_override < command line, one key for each."""
    write("one.yaml", "training: {num_workers: 1, log_interval: 1, checkpoint_interval: 1, seed: 1}\nx_label: 2")
    write("my.yaml", "includes: [one.yaml]\ntraining: {log_interval: 2, checkpoint_interval: 2, seed: 2}")
    config = composed(
        "config=my.yaml",
        "training.seed=4",
        "model_config.simple.in_dim=3",
        config_override="{training: {checkpoint_interval: 3, seed: 3}}",
    ).config
    training = config.training
    assert training.batch_size == 512
    assert (training.num_workers, training.log_interval, training.checkpoint_interval, training.seed) == (1, 2, 3, 4)
    assert config.model_config.simple.in_dim == 3
    assert config.dataset_config.always_one.label == 2


def test_dataset_yaml_overrides_the_models(tmp_path, write):
    write("lab_order/m.py", _SOURCE.format(kind="model", name="m", base="BaseModel"))
    write("lab_order/d.py", _SOURCE.format(kind="builder", name="d", base="BaseDatasetBuilder"))
    write("lab_order/m.yaml", "training: {batch_size: 1, num_workers: 1}")
    write("lab_order/d.yaml", "training: {batch_size: 2}")
    config = compose(["model=m", "dataset=d", "env.user_dir=lab_order"]).config
    assert (config.training.batch_size, config.training.num_workers) == (2, 1)


_SOURCE = """
@registry.register_{kind}("{name}")
class Thing({base}):
    @classmethod
    def config_path(cls):
        return "{name}.yaml"
"""


def test_model_inherits_the_path_of_its_parent():
    config = compose(["model=simple_wide", *BASE[1:]]).config
    assert config.model_config.simple_wide.in_dim == 4


def test_config_path_that_does_not_exist(write):
    write("lab_lost/m.py", _SOURCE.format(kind="model", name="m", base="BaseModel"))
    with pytest.raises(ConfigError, match=r"m.yaml does not exist. Looked at: .*lab_lost/m.yaml"):
        compose(["model=m", "dataset=always_one", "env.user_dir=lab_lost"])


def test_final_config_takes_no_new_keys_and_no_changes(composed):
    config = composed().config
    with pytest.raises(ConfigAttributeError):
        _ = config.training.batchsize
    with pytest.raises(ReadonlyConfigError):
        config.training.batch_size = 1


def test_datasets_as_comma_list_or_list(composed):
    assert composed("datasets=[always_one]").config.datasets == "always_one"
    assert composed("datasets", "always_one").config.datasets == "always_one"


def test_a_saved_config_gives_the_same_config_again(composed, write, tmp_path):
    write("my.yaml", "training: {max_updates: 4}\nevaluation: {metrics: []}\nlearning_rate: 1e-4")
    first = composed("config=my.yaml", "training.experiment_name='1e-3'", "training.early_stop.enabled=true").config
    path = save_config(tmp_path / "save" / "config.yaml", first)
    assert to_plain(compose([f"config={path}"]).config) == to_plain(first)
    again = save_config(tmp_path / "save" / "again.yaml", compose([f"config={path}"]).config)
    assert again.read_text() == path.read_text()


def test_compose_mapping_takes_plain_data(composed):
    first = composed("training.seed=7").config
    assert to_plain(compose_mapping(first).config) == to_plain(first)
    assert compose_mapping(to_plain(first), ["training.seed=8"]).config.training.seed == 8


def test_learning_rate_sets_the_optimizers(composed, write):
    write("my.yaml", "learning_rate: 1e-4\noptimizer: {params: {lr: 5}}")
    assert composed("config=my.yaml").config.optimizer.params.lr == 1e-4
    later = composed("config=my.yaml", "optimizer.params.lr=0.5").config
    assert (later.optimizer.params.lr, later.learning_rate) == (0.5, 0.5)
    assert composed("optimizer.params.lr=0.5", "learning_rate=0.1").config.optimizer.params.lr == 0.1


def test_variables_set_the_folders(composed, monkeypatch):
    monkeypatch.setenv("MMF_SAVE_DIR", "/elsewhere")
    monkeypatch.setenv("MMF_DATA_DIR", "/data")
    monkeypatch.setenv("MMF_CACHE_DIR", "/cache")
    env = composed().config.env
    assert (env.save_dir, env.data_dir, env.cache_dir) == ("/elsewhere", "/data", "/cache")
    assert composed("env.save_dir=here").config.env.save_dir == "here"


def test_folders_without_variables(composed, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", "/torch")
    env = composed().config.env
    assert (env.cache_dir, env.data_dir, env.save_dir) == ("/torch/mmf", "/torch/mmf/data", "./save")


def test_user_dir_of_the_command_line_then_the_file_then_the_variable(write, monkeypatch, tmp_path):
    for name in ("lab_cli", "lab_file", "lab_env"):
        write(f"{name}/m.py", _SOURCE.format(kind="model", name=f"m_{name}", base="BaseModel").replace("m_", "m_", 1))
        write(f"{name}/m_{name}.yaml", "")
        write(f"{name}/d.py", _SOURCE.format(kind="builder", name="d", base="BaseDatasetBuilder"))
        write(f"{name}/d.yaml", "")
    write("my.yaml", "env: {user_dir: lab_file}")
    monkeypatch.setenv("MMF_USER_DIR", str(tmp_path / "lab_env"))
    compose(["model=m_lab_env", "dataset=d"])
    compose(["model=m_lab_file", "dataset=d", "config=my.yaml"])
    compose(["model=m_lab_cli", "dataset=d", "config=my.yaml", "env.user_dir=lab_cli"])
    assert registry.user_code.path == tmp_path / "lab_cli"


def test_empty_user_dir_switches_that_of_the_file_off(write):
    write("lab_off/m.py", _SOURCE.format(kind="model", name="m_off", base="BaseModel"))
    write("my.yaml", "model: m_off\ndatasets: always_one\nenv: {user_dir: lab_off}")
    with pytest.raises(ConfigError, match="no model is registered as 'm_off'"):
        compose(["config=my.yaml", "env.user_dir="])


def test_config_file_is_found_in_the_user_dir(composed):
    config = composed("config=configs/experiment.yaml").config
    assert (config.training.batch_size, config.training.log_interval, config.optimizer.params.lr) == (4, 1, 0.001)


def test_model_and_dataset_of_the_file_are_honoured(write):
    write("my.yaml", f"model: simple\ndatasets: always_one\nenv: {{user_dir: {USER_DIR}}}")
    assert compose(["config=my.yaml"]).config.model_config.simple.in_dim == 1


def test_missing_config_file(problems, tmp_path):
    looked = [
        tmp_path / "nope.yaml",
        USER_DIR / "nope.yaml",
        USER_DIR.parent / "nope.yaml",
        project_root() / "nope.yaml",
    ]
    assert problems("config=nope.yaml") == [
        f"config=nope.yaml does not exist. Looked at: {', '.join(map(str, looked))}"
    ]


def test_missing_file_and_wrong_key_together(problems):
    found = problems("config=nope.yaml", "training.batchsize=1")
    assert len(found) == 2
    assert found[1] == "training.batchsize (command line) is not a setting. Did you mean training.batch_size?"


def test_user_dir_that_does_not_exist():
    with pytest.raises(ConfigError, match=r"^env.user_dir is 'nowhere', which does not exist \(looked at .*nowhere\)"):
        compose([*BASE[:2], "env.user_dir=nowhere"])


def test_override_of_an_alias_starts_from_what_it_refers_to(composed, write):
    write("my.yaml", "x_a: {b: {p: 1, q: 2}}\nmodel_config: {simple: {classifier: '${x_a.b}'}}")
    config = composed("config=my.yaml", "model_config.simple.classifier={q: 3}").config
    assert config.model_config.simple.classifier == {"p": 1, "q": 3}


def test_epochs_win_over_updates_with_a_note(composed):
    found = composed("training.max_updates=5", "training.max_epochs=2")
    assert found.notes == ["training.max_epochs (command line) wins over training.max_updates (command line)."]
    assert composed("training.max_epochs=2").notes == []


def test_batch_size_per_device_replaces_the_default(composed):
    training = composed("training.batch_size_per_device=4").config.training
    assert (training.batch_size, training.batch_size_per_device) == (None, 4)


def test_empty_section_changes_nothing(composed, write):
    write("my.yaml", "training:\noptimizer:\n")
    assert composed("config=my.yaml").config.training.batch_size == 512


@pytest.mark.parametrize("seed", ["0", "null", "-1"])
def test_seeds(composed, seed):
    assert composed(f"training.seed={seed}").config.training.seed == {"0": 0, "null": None, "-1": -1}[seed]


def test_composing_imports_no_torch():
    code = (
        "import sys; from mmf_like.config.assemble import compose; from mmf_like.config import lightning\n"
        f"config = compose({BASE!r}).config; lightning.trainer_arguments(config)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=project_root(), check=True)


def test_what_nothing_reads_yet_is_noted(composed, write):
    assert composed().notes == []
    final = composed("training.wandb.enabled=true", "evaluation.use_cpu=true")
    assert final.notes == [
        "training.wandb.enabled (command line) has no effect yet.",
        "evaluation.use_cpu (command line) has no effect yet.",
    ]
    saved = write("saved.yaml", to_yaml(to_plain(composed().config)))
    assert compose([f"config={saved}"]).notes == []


def test_user_dir_is_saved_so_that_another_folder_finds_it(composed, write, tmp_path, monkeypatch):
    write("lab_moved/m.py", _SOURCE.format(kind="model", name="m_moved", base="BaseModel"))
    write("lab_moved/m_moved.yaml", "")
    config = compose(["model=m_moved", "dataset=easy_vqa", "env.user_dir=lab_moved", "env.save_dir=save"]).config
    assert (config.env.user_dir, config.env.save_dir) == (str(tmp_path / "lab_moved"), "save")
    path = save_config(tmp_path / "save" / "config.yaml", config)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert to_plain(compose([f"config={path}"]).config) == to_plain(config)


def test_classes_without_a_file_have_empty_sections(write):
    plain = '@registry.register_{kind}("{name}")\nclass Thing({base}):\n    pass\n'
    write("lab_bare/m.py", plain.format(kind="model", name="m_bare", base="BaseModel"))
    write("lab_bare/d.py", plain.format(kind="builder", name="d_bare", base="BaseDatasetBuilder"))
    config = compose(["model=m_bare", "dataset=d_bare,easy_vqa", "env.user_dir=lab_bare"]).config
    assert config.model_config == {"m_bare": {}}
    assert config.dataset_config.d_bare == {}
    assert list(config.dataset_config) == ["easy_vqa", "d_bare"]
