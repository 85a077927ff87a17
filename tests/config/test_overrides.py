import pytest

from mmf_like.common.errors import ConfigError
from mmf_like.config.overrides import Assignment, assign, parse_items, parse_override
from mmf_like.config.provenance import Provenance, dotted, parse_key


def parsed(*items):
    assignments, problems = parse_items(items)
    assert problems == []
    return {dotted(item.path): item.value for item in assignments}


def test_both_forms_mix():
    assert parsed("a.b=1", "training.seed", "-1", "c=x=y", "d", "[1, 2]") == {
        "a.b": 1,
        "training.seed": -1,
        "c": "x=y",
        "d": [1, 2],
    }


def test_values_are_yaml():
    assert parsed("a=true", "b=null", "c=None", "d=[a, 1e-3]", "e={x: 1}", "f=", "g='1'") == {
        "a": True,
        "b": None,
        "c": None,
        "d": ["a", 0.001],
        "e": {"x": 1},
        "f": "",
        "g": "1",
    }


def test_argument_without_a_value():
    assert parse_items(["foo", "a=1", "bar"])[1] == [
        "foo (command line) has no value. Write foo=value.",
        "bar (command line) has no value. Write bar=value.",
    ]


def test_value_that_is_no_yaml():
    message = "a.b (command line):1: not valid YAML: while parsing a flow sequence, did not find expected ',' or ']'."
    assert parse_items(["a.b=[1"])[1] == [message]


@pytest.mark.parametrize("key", ["a..b", "[0]", "a[x]", ".a", "a.", "a[0]b"])
def test_a_key_that_is_none(key):
    assert parse_items([key, "1"])[1] == [
        f"{key} (command line) is not a key. Keys look like training.batch_size or a.b[0].c."
    ]


def test_keys_with_indices():
    assert parse_key("a.b[0].c[12]") == ("a", "b", 0, "c", 12)


def change(tree, key, value):
    assign(tree, Assignment(parse_key(key), value), Provenance())
    return tree


@pytest.mark.parametrize("key", ["a.b[1].c", "a.b.1.c"])
def test_existing_elements_by_index(key):
    assert change({"a": {"b": [{"c": 1}, {"c": 2}]}}, key, 3) == {"a": {"b": [{"c": 1}, {"c": 3}]}}


def test_mapping_merges_and_list_replaces():
    assert change({"a": {"x": 1, "y": [1, 2]}}, "a", {"y": [3], "z": 4}) == {"a": {"x": 1, "y": [3], "z": 4}}


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (
            "a[2]",
            "a[2] (command line): a has 2 elements, numbered from 0; give the whole list to add one: a=[...]",
        ),
        ("a.x", "a.x (command line): a is a list; name an element, as in a[0].x."),
        ("b.x", "b.x (command line): b is 5, which has no keys."),
        ("c[0]", "c[0] (command line): c is not a list."),
    ],
)
def test_a_path_that_does_not_fit(key, message):
    with pytest.raises(ConfigError) as caught:
        change({"a": [1, 2], "b": 5, "c": {"d": 1}}, key, 1)
    assert caught.value.problems == [message]


@pytest.mark.parametrize("text", ['{"a": {"b": 1}}', "{a: {b: 1}}", "a: {b: 1}"])
def test_config_override_is_json_or_yaml(text):
    assert parse_override(text).data == {"a": {"b": 1}}


def test_config_override_must_be_a_mapping():
    with pytest.raises(ConfigError) as caught:
        parse_override("[1]")
    assert caught.value.problems == [
        "--config_override must be a mapping such as '{training: {batch_size: 64}}', not '[1]'."
    ]
