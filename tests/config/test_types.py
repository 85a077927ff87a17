from typing import Any, Literal

import pytest

from mmf_like.config.types import conform, parse_annotation


@pytest.mark.parametrize(
    ("value", "annotation", "fitted"),
    [
        (22e3, int, 22000),
        (1, float, 1.0),
        (2023, str, "2023"),
        (None, int | None, None),
        (0, int | None, 0),
        ("a", str | list, "a"),
        (["a"], str | list, ["a"]),
        ([1], list[float], [1.0]),
        ("json", Literal["simple", "json"], "json"),
        (object, Any, object),
    ],
)
def test_values_that_fit(value, annotation, fitted):
    assert conform(value, annotation) == (fitted, "")
    assert type(conform(value, annotation)[0]) is type(fitted)


@pytest.mark.parametrize(
    ("value", "annotation", "complaint"),
    [
        ("many", int, "'many' is not a whole number."),
        (1.5, int, "1.5 is not a whole number."),
        (True, int, "true is not a whole number."),
        (None, int, "null is not a whole number."),
        ("many", int | None, "'many' is not a whole number."),
        ("fast", float, "'fast' is not a number."),
        ("yes", bool, "'yes' is not true or false."),
        (1, bool, "1 is not true or false."),
        ([1], str, "[1] is not text."),
        ("a", list, "'a' is not a list."),
        (["a"], list[int], "'a' is not a whole number."),
        ("a", dict, "'a' is not a mapping (key: value)."),
        ("jsn", Literal["simple", "json"], "'jsn' is not one of: simple, json. Did you mean 'json'?"),
        (1, str | list | None, ""),
        (True, str | list | None, "true is not text or a list."),
    ],
)
def test_values_that_do_not_fit(value, annotation, complaint):
    assert conform(value, annotation)[1] == complaint


@pytest.mark.parametrize(
    ("text", "annotation"),
    [
        ("int", int),
        ("Optional[int]", int | None),
        ("typing.Optional[str]", str | None),
        ("int | None", int | None),
        ("List[str]", list[str]),
        ("Dict[str, Any]", dict),
        ("'float'", float),
        ("Union[int, str]", int | str),
        ("Literal['a', 'b']", Literal["a", "b"]),
        ("Optional[EncoderConfig]", Any),
        ("EncoderConfig", Any),
        ("1 +", Any),
    ],
)
def test_annotations_from_source_text(text, annotation):
    assert parse_annotation(text) == annotation
