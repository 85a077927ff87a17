import pytest

from mmf_like.common.errors import ConfigError
from mmf_like.config.dump import to_yaml
from mmf_like.config.load import load_layers, load_yaml, parse_text, parse_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("-1.5E+3", -1500.0),
        ("1.0_2020_05_19", "1.0_2020_05_19"),
        ("1_000", "1_000"),
        ("007", "007"),
        ("12", 12),
        ("0x1F", 31),
        ("1:30", "1:30"),
        ("2020-01-01", "2020-01-01"),
        ("true", True),
        ("yes", "yes"),
        ("null", None),
        ("~", None),
        ("'1'", "1"),
        ("[a, 1]", ["a", 1]),
    ],
)
def test_scalars_of_the_dialect(text, value):
    data, _ = parse_text(f"key: {text}", "t.yaml")
    assert data == {"key": value}
    assert type(data["key"]) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [("", ""), ("None", None), ("null", None), ("true", True), ("#tag", "#tag"), ("*", "*"), ("{a: 1}", {"a": 1})],
)
def test_values_of_the_command_line(text, value):
    assert parse_value(text, "x") == value


def test_merge_keys_and_aliases():
    data, _ = parse_text("a: &a {x: 1, y: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b, z: 3}\nd: *b", "t.yaml")
    assert data["b"] == data["d"] == {"x": 1, "y": 2}
    assert data["c"] == {"x": 1, "y": 2, "z": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "t.yaml:3: 'a' stands here twice, first in line 1."),
        ("a: 1\nb: [1", "t.yaml:2: not valid YAML: while parsing a flow sequence, did not find expected ',' or ']'."),
        (
            "a: !!python/object/apply:os.system [ls]",
            "t.yaml:1: the tag !!python/object/apply:os.system is not allowed; a config holds plain data only.",
        ),
        ("a: &a [*a]", "t.yaml:1: aliases that contain themselves or expand without end."),
        ("[a]: 1", "t.yaml:1: a key must be text."),
    ],
)
def test_bad_yaml_is_one_line_with_file_and_line(text, message):
    with pytest.raises(ConfigError) as caught:
        parse_text(text, "t.yaml")
    assert caught.value.problems == [message]


def test_aliases_that_explode_are_refused():
    rows = "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10))
    with pytest.raises(ConfigError, match="expand without end"):
        parse_text(f"a0: &a0 [x]\n{rows}", "t.yaml")


def test_includes_apply_in_order_and_the_file_wins(write):
    write("one.yaml", "a: 1\nb: 1\nc: 1\nd: {x: 1, y: 1}")
    write("two.yaml", "b: 2\nc: 2\nd: {y: 2}")
    top = write("top.yaml", "includes: [one.yaml, two.yaml]\nc: 3")
    assert load_yaml(top) == {"a": 1, "b": 2, "c": 3, "d": {"x": 1, "y": 2}}


def test_origins_name_file_line_and_includer(write):
    write("sub/one.yaml", "a: 1\nd:\n  x: 1")
    first, last = load_layers(write("top.yaml", "includes:\n- sub/one.yaml\nc: 3"))
    assert str(first.where(("d", "x"))) == "sub/one.yaml:3   (included by top.yaml)"
    assert str(last.where(("c",))) == "top.yaml:3"


def test_include_cycle_shows_the_circle(write):
    write("a.yaml", "includes: [b.yaml]")
    write("b.yaml", "includes: [a.yaml]")
    with pytest.raises(ConfigError) as caught:
        load_layers("a.yaml")
    assert caught.value.problems == ["includes go in a circle: a.yaml -> b.yaml -> a.yaml"]


def test_syntax_error_in_an_include_names_that_file(write):
    write("b.yaml", "x: 1\ny: [")
    write("a.yaml", "includes: [b.yaml]")
    with pytest.raises(ConfigError, match=r"^b.yaml:2: not valid YAML"):
        load_layers("a.yaml")


def test_a_file_that_is_a_list_is_refused(write):
    write("a.yaml", "- x")
    with pytest.raises(ConfigError, match=r"^a.yaml must hold `key: value` pairs, but holds a list.$"):
        load_layers("a.yaml")


def test_what_is_written_reads_back_equal():
    data = {
        "text": ["1e-3", "1_0", "yes", "007", "null", "", "2020-01-01", "1:30", "a\nb", "é", "true", "1.5", "0x1F"],
        "numbers": [1e-8, 1, -3.5, float("inf"), 22000],
        "other": [True, False, None, {}, []],
        "with.dots": {"a.b": "c"},
    }
    assert parse_text(to_yaml(data), "x")[0] == data
