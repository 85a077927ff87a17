import re

from mmf_like.config import paths, schema
from mmf_like.config.load import load_yaml
from mmf_like.config.merge import get
from mmf_like.config.types import conform


def test_defaults_file_is_in_step_with_the_schema():
    shipped = (paths.project_root() / "configs" / "defaults.yaml").read_text(encoding="utf-8")
    assert shipped == schema.defaults_yaml(), "python -m mmf_like.config.schema > configs/defaults.yaml"


def test_defaults_file_holds_the_defaults():
    data = load_yaml(paths.project_root() / "configs" / "defaults.yaml")
    assert {item.key: get(data, path) for path, item in schema.settings().items()} == {
        item.key: item.default for item in schema.settings().values()
    }


def test_every_setting_has_a_comment_and_a_default_of_its_type():
    for setting in schema.settings().values():
        assert setting.comment, setting.key
        assert conform(setting.default, setting.type) == (setting.default, ""), setting.key


def test_training_is_seeded_by_default_and_loads_in_the_main_process():
    settings = {item.key: item.default for item in schema.settings().values()}
    assert settings["training.seed"] == 1
    assert settings["training.num_workers"] == 0
    assert settings["training.max_updates"] == 22000
    assert settings["training.device"] == "auto"


def test_settings_without_effect_are_read_nowhere():
    names = {key.removesuffix(".enabled").rpartition(".")[2] for key in schema.NOT_YET}
    assert {item.key for item in schema.settings().values()} >= schema.NOT_YET
    package = paths.PACKAGE
    sources = [path for path in package.rglob("*.py") if path.relative_to(package).parts[0] != "config"]
    for name in names:
        read = re.compile(rf"\w\.{name}\b|\[\"{name}\"\]|get\(\"{name}\"")
        readers = [str(path) for path in sources if read.search(path.read_text())]
        assert not readers, f"{name} has an effect now: take it out of NOT_YET in config/schema.py."


def test_early_stopping_takes_the_order_from_its_criterion_unless_told():
    (minimize,) = [item for item in schema.settings().values() if item.key == "training.early_stop.minimize"]
    assert minimize.default is None
    assert [conform(value, minimize.type)[1] for value in (None, True, False)] == ["", "", ""]
