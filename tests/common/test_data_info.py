"""What a dataset tells a model."""

import copy
import pickle

import pytest

from mmf_like.common.data_info import DataInfo


def test_several_datasets_tell_together_the_first_word_counts():
    merged = DataInfo.merged(
        [DataInfo("a", num_answers=3, extra={"x": 1}), DataInfo("b", 20, 5, extra={"x": 2, "y": 3})]
    )
    assert (merged.dataset, merged.text_vocab_size, merged.num_answers) == ("a,b", 20, 3)
    assert merged.extra == {"x": 1, "y": 3}


def test_what_else_a_builder_tells_is_an_attribute():
    assert DataInfo(extra={"num_regions": 36}).num_regions == 36


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(AttributeError) as error:
        DataInfo().num_answer  # noqa: B018
    assert str(error.value) == (
        "DataInfo has no 'num_answer'. Did you mean 'num_answers'? "
        "It tells: dataset, text_vocab_size, num_answers, answers, extra."
    )


def test_it_travels():
    info = DataInfo("a", 3, 4, ("yes", "no"), {"x": 1})
    assert DataInfo.from_dict(info.to_dict()) == info == pickle.loads(pickle.dumps(info)) == copy.deepcopy(info)
