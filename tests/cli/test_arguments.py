import pytest

from mmf_like.cli.arguments import parse
from mmf_like.common.errors import ConfigError


def test_options_anywhere_between_the_arguments():
    found = parse(["a=1", "--quiet", "b", "-1", "--json", "-co", "{x: 1}", "c=2"], prog="mmf_run")
    assert (found.items, found.quiet, found.json, found.config_override) == (
        ["a=1", "b", "-1", "c=2"],
        True,
        True,
        "{x: 1}",
    )


@pytest.mark.parametrize("form", [["--config_override", "{}"], ["--config-override={}"], ["-co", "{}"]])
def test_forms_of_config_override(form):
    assert parse(form, prog="mmf_run").config_override == "{}"


@pytest.mark.parametrize("form", [["--local_rank", "1"], ["--local-rank=1"]])
def test_local_rank_of_old_launchers_is_passed_over(form):
    assert parse([*form, "a=1"], prog="mmf_run").items == ["a=1"]


def test_why_belongs_to_mmf_check():
    assert parse(["--why", "a.b"], prog="mmf_check", options=["--why"]).why == "a.b"
    with pytest.raises(ConfigError, match="--why is not an option of mmf_run"):
        parse(["--why", "a.b"], prog="mmf_run")


def test_option_without_its_value():
    with pytest.raises(ConfigError, match=r"^-co takes a value\.$"):
        parse(["-co"], prog="mmf_run")


def test_settings_written_as_options_are_answered_with_the_right_form():
    with pytest.raises(ConfigError) as error:
        parse(["--config=my.yaml", "--training.batch_size", "3"], prog="mmf_run")
    assert error.value.problems == [
        "--config=my.yaml: settings are written without dashes, as config=my.yaml",
        "--training.batch_size: settings are written without dashes, as training.batch_size=...",
    ]


def test_one_text_in_place_of_a_list_is_refused():
    with pytest.raises(ConfigError, match=r"mmf_run takes a list of arguments: \['config=my.yaml', 'model=pythia'\]"):
        parse("config=my.yaml model=pythia", prog="mmf_run")
