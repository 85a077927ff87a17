"""Names to classes: lazily, with errors that say what to do next."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from mmf_like.common.errors import RegistryError
from mmf_like.common.kinds import KINDS
from mmf_like.common.registry import Registry, registry


@pytest.fixture
def user_dir(tmp_path, monkeypatch):
    """A user's folder, importable under a name of its own, for a fresh registry."""
    folder = tmp_path / f"user_{tmp_path.name.replace('-', '_')}"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "losses.py").write_text(
        textwrap.dedent(
            """
            from mmf_like.common.registry import registry
            from torch import nn

            @registry.register_loss("mine")
            @registry.register_loss("mine_too")
            class Mine(nn.Module):
                '''A loss of the user's.

                More words.'''
            """
        )
    )
    (folder / "broken.py").write_text(
        "import not_installed_anywhere\nfrom mmf_like.common.registry import registry\n"
        '@registry.register_loss("needs_it")\nclass NeedsIt:\n    """Needs a package."""\n'
    )
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield folder
    for name in [n for n in sys.modules if n.split(".")[0] == folder.name or n == "mmf_user_dir"]:
        del sys.modules[name]


def test_there_are_the_nineteen_kinds_with_decorator_and_getter():
    assert len(KINDS) == 19
    for kind in KINDS:
        assert callable(getattr(registry, f"register_{kind}"))
        assert callable(getattr(registry, f"get_{kind}_class"))
    assert registry.get_test_rerporter_class("file") is registry.get_test_reporter_class("file") is not None
    assert registry.get_pool_class("nope") is None


def test_getters_give_none_for_unknown_names():
    for kind in KINDS:
        assert getattr(registry, f"get_{kind}_class")("nope") is None


def test_find_names_the_nearest():
    with pytest.raises(RegistryError) as error:
        registry.find("model", "pythai")
    assert str(error.value).startswith("No model is registered as 'pythai'. Did you mean 'pythia'?")
    assert str(error.value).endswith("(mmf_list models)")


def test_an_unknown_kind_is_an_error():
    with pytest.raises(RegistryError, match=r"There is no kind 'modell' of registered things. Did you mean 'model'"):
        registry.find("modell", "pythia")


def test_looking_up_one_name_imports_one_module():
    code = """
        import sys
        from mmf_like.common.registry import registry
        names = registry.names("iteration_strategy") + registry.names("model")
        assert "pythia" in names and "torch" not in sys.modules
        registry.find("iteration_strategy", "constant")
        assert "mmf_like.models.pythia" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_stacked_and_call_forms_give_the_class_back():
    fresh = Registry()

    @fresh.register_scheduler("one")
    @fresh.register_scheduler("two")
    class Thing:
        pass

    assert fresh.register_scheduler("three")(Thing) is Thing
    assert fresh.find("scheduler", "one") is fresh.find("scheduler", "two") is fresh.find("scheduler", "three") is Thing


def test_model_registration_files_config_class_and_description():
    from mmf_like.models.base_model import BaseModel

    fresh = Registry()

    @fresh.register_model("a_model", config_class=BaseModel.Config, description="Says hello.")
    class AModel(BaseModel):
        pass

    entry = fresh.entry("model", "a_model")
    assert (entry.module_class, entry.config_class) == (AModel, BaseModel.Config)
    assert fresh.describe("model", "a_model") == "Says hello."


@pytest.mark.parametrize(("kind", "base"), [("model", "BaseModel"), ("loss", "Module"), ("processor", "BaseProcessor")])
def test_a_wrong_base_class_is_refused(kind, base):
    class Wrong:
        pass

    with pytest.raises(RegistryError, match=rf"registered as {kind} 'bad', must derive from {base}"):
        Registry().add(kind, "bad", Wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_a_decorator_without_parentheses_is_refused(kind):
    with pytest.raises(RegistryError) as error:
        getattr(Registry(), f"register_{kind}")(type("Mine", (), {}))
    assert str(error.value) == f"register_{kind} takes a name: @registry.register_{kind}('my_name')"


def test_two_classes_under_one_name_are_refused_with_both_places():
    fresh = Registry()
    fresh.add("scheduler", "same", type("First", (), {}))
    with pytest.raises(RegistryError, match=r"as scheduler 'same': .*First.* and .*Second"):
        fresh.add("scheduler", "same", type("Second", (), {}))


def test_a_module_that_runs_again_replaces_its_own_class():
    fresh = Registry()
    first, again = type("Same", (), {}), type("Same", (), {})
    fresh.add("scheduler", "same", first)
    fresh.add("scheduler", "same", again)
    assert fresh.find("scheduler", "same") is again


def test_a_built_in_name_is_refused_to_others_even_when_not_yet_imported():
    with pytest.raises(RegistryError, match=r"iteration_strategy 'constant' is built in \(mmf_like.*Rename yours"):
        from mmf_like.datasets.iteration_strategies import IterationStrategy

        Registry().add("iteration_strategy", "constant", type("Mine", (IterationStrategy,), {}))


def test_the_users_folder_is_read_without_importing_it(user_dir):
    fresh = Registry()
    fresh.user_code.use(user_dir)
    assert {"mine", "mine_too", "needs_it"} <= set(fresh.names("loss"))
    assert fresh.describe("loss", "mine") == "A loss of the user's."
    assert not any(name.startswith(user_dir.name) for name in sys.modules)


def test_a_broken_module_hurts_only_who_asks_for_it(user_dir):
    registry.user_code.use(user_dir)
    try:
        assert registry.find("loss", "mine").__name__ == "Mine"
        with pytest.raises(ModuleNotFoundError, match="not_installed_anywhere"):
            registry.find("loss", "needs_it")
    finally:
        registry.user_code._path = None
        registry._entries["loss"].pop("mine"), registry._entries["loss"].pop("mine_too")


def test_the_environment_variable_names_a_single_file(tmp_path):
    file = tmp_path / "my_strategies.py"
    file.write_text(
        "from mmf_like.common.registry import registry\n"
        "from mmf_like.datasets.iteration_strategies import IterationStrategy\n"
        '@registry.register_iteration_strategy("mine")\nclass Mine(IterationStrategy):\n    pass\n'
    )
    code = 'from mmf_like import registry; print(registry.find("iteration_strategy", "mine").__module__)'
    done = subprocess.run(
        [sys.executable, "-c", code], env={"MMF_USER_DIR": str(file), "PATH": ""}, capture_output=True, text=True
    )
    assert done.stdout.strip() == "my_strategies", done.stderr


def test_a_users_folder_named_like_another_module_is_refused(tmp_path):
    folder = tmp_path / "json"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    fresh = Registry()
    fresh.user_code.use(folder)
    with pytest.raises(RegistryError, match="has the name of another Python module"):
        fresh.names("loss")


def test_state_under_dotted_names():
    state = Registry()
    state.register("zz.a.b", 1)
    state.register("zz.a.c", 2)
    assert state.get("zz.a.b") == 1
    assert state.get("zz.a") == {"b": 1, "c": 2}
    assert state.get("zz.a.x", 7) == 7
    assert state.unregister("zz.a.b") == 1
    assert state.get("zz.a.b") is None
    assert state.unregister("zz") == {"a": {"c": 2}}
    assert state.get("zz.a.c") is None
    assert state.unregister("never.there") is None


def test_a_missing_state_key_warns_through_the_writer_unless_told_not_to():
    said = []

    class Writer:
        def warning(self, text):
            said.append(text)

    state = Registry()
    state.register("writer", Writer())
    state.get("nothing", no_warning=True)
    assert said == []
    state.get("nothing")
    assert said == ["Key nothing is not present in registry, returning default value"]


def test_plugins_are_asked_last_and_a_broken_one_is_told_in_the_error(tmp_path):
    """Two installed distributions with entry points: one registers a strategy, the other fails to import."""
    info = tmp_path / "plug-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plug\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[mmf_like.plugins]\ngood = plug_good\nbad = plug_bad\n")
    (tmp_path / "plug_good.py").write_text(
        "from mmf_like.common.registry import registry\n"
        "from mmf_like.datasets.iteration_strategies import IterationStrategy\n"
        '@registry.register_iteration_strategy("plugged")\nclass Plugged(IterationStrategy):\n    pass\n'
    )
    (tmp_path / "plug_bad.py").write_text("import not_installed_anywhere\n")
    code = textwrap.dedent(
        """
        from mmf_like.common.errors import RegistryError
        from mmf_like.common.registry import registry
        print(registry.find("iteration_strategy", "plugged").__module__)
        try:
            registry.find("iteration_strategy", "nope")
        except RegistryError as error:
            print(error)
        """
    )
    path = f"{tmp_path}:{Path(__file__).parents[2]}"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": path, "PATH": ""}, capture_output=True, text=True
    )
    first, second = done.stdout.splitlines()
    assert first == "plug_good"
    assert second.endswith(
        "The plug-in 'bad' did not load: ModuleNotFoundError: No module named 'not_installed_anywhere'"
    )


def test_a_registered_class_is_found_from_a_notebook_without_any_set_up():
    code = "import mmf_like; print(mmf_like.registry.get_builder_class('easy_vqa').__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "EasyVQABuilder", done.stderr
