import pytest

from mmf_like.common.errors import ConfigError
from mmf_like.config import paths


def test_project_root_holds_the_defaults():
    assert (paths.project_root() / "configs" / "defaults.yaml").is_file()


def test_package_is_the_root_where_no_checkout_surrounds_it(monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "PACKAGE", tmp_path / "site-packages" / "mmf_like")
    assert paths.project_root() == tmp_path / "site-packages" / "mmf_like"


def test_working_directory_then_user_dir_then_root(write, tmp_path):
    user = write("user/configs/defaults.yaml", "").parents[1]
    root = paths.project_root()
    assert paths.find_file("configs/defaults.yaml") == root / "configs/defaults.yaml"
    assert paths.find_file("configs/defaults.yaml", user_dir=user) == user / "configs/defaults.yaml"
    here = write("configs/defaults.yaml", "")
    assert paths.find_file("configs/defaults.yaml", user_dir=user) == here


@pytest.mark.parametrize("name", ["mmf/configs/defaults.yaml", "./mmf/configs/defaults.yaml"])
def test_mmf_prefix_is_tried_without_it(name):
    assert paths.find_file(name) == paths.project_root() / "configs/defaults.yaml"


def test_includes_look_below_the_root_first_then_beside_the_file(write):
    top = write("sub/top.yaml", "")
    write("sub/configs/defaults.yaml", "")
    beside = write("sub/other.yaml", "")
    assert paths.find_file("configs/defaults.yaml", including=top) == paths.project_root() / "configs/defaults.yaml"
    assert paths.find_file("other.yaml", including=top) == beside


def test_missing_file_lists_the_places_looked_at(tmp_path):
    with pytest.raises(ConfigError) as caught:
        paths.find_file("nope.yaml", user_dir=tmp_path / "user")
    looked = ", ".join(str(path / "nope.yaml") for path in (tmp_path, tmp_path / "user", paths.project_root()))
    assert caught.value.problems == [f"nope.yaml does not exist. Looked at: {looked}"]


def test_missing_include_names_the_including_file(tmp_path, write):
    top = write("top.yaml", "")
    with pytest.raises(ConfigError) as caught:
        paths.find_file("nope.yaml", including=top)
    looked = f"{paths.project_root() / 'nope.yaml'}, {tmp_path / 'nope.yaml'}"
    assert caught.value.problems == [f"nope.yaml (included by top.yaml) does not exist. Looked at: {looked}"]


def test_the_nearest_file_is_named():
    with pytest.raises(ConfigError, match=r"does not exist\. Did you mean 'defaults\.yaml'\? Looked at: "):
        paths.find_file("projects/pythia/configs/easy_vqa/default.yaml")
