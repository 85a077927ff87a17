import json

import pytest

from mmf_like.common.errors import DataError
from mmf_like.text.answers import normalize_answer, soft_scores
from mmf_like.text.tokenize import ngrams, ngrams_range, tokenize, word_tokenize
from mmf_like.text.vocab import Vocab, read_words
from tests.reference_cases import VALUES, cases

CORE = cases("core.pt", "text")


def test_sentences_are_split_as_upstream_splits_them():
    case = CORE["text/tokenize"]
    assert [tokenize(sentence) for sentence in case["input"]] == case["output"]
    case = CORE["text/tokenize_custom"]
    keep, remove = case["input"]["keep"], case["input"]["remove"]
    assert [tokenize(s, keep=keep, remove=remove) for s in case["input"]["sentences"]] == case["output"]


def test_words_have_upstreams_form():
    case = CORE["text/word_tokenize"]
    assert [word_tokenize(word) for word in case["input"]] == case["output"]
    case = CORE["text/word_tokenize_remove"]
    assert [word_tokenize(word, case["input"]["remove"]) for word in case["input"]["words"]] == case["output"]


def test_ngrams():
    tokens = CORE["text/ngrams"]["input"]
    assert [ngrams(tokens, n) for n in (1, 2, 3, 5)] == CORE["text/ngrams"]["output"]
    expected = CORE["text/ngrams_range"]["output"]
    assert [ngrams_range(tokens, limits) for limits in ((1, 3), (2, 3), (1, 4))] == expected
    with pytest.raises(ValueError, match="ngram_range is a pair"):
        ngrams_range(tokens, (1,))


@pytest.mark.parametrize("name", ["default", "min_count", "only_unk_extra", "keep_remove"])
def test_vocabularies_from_sentences_are_upstreams(name):
    case = CORE[f"text/vocab_from_text/{name}"]
    vocab = Vocab.from_sentences(case["input"]["sentences"], **case["input"]["params"])
    expected = case["output"]
    assert vocab.words == expected["word_list"]
    assert (len(vocab), vocab.unk_index, vocab.pad_index) == (
        expected["size"],
        expected["unk"],
        expected["pad"],
    )
    assert vocab.tokenize_and_index(case["input"]["sentences"][0]) == expected["tokenize_and_index"]


def test_a_vocabulary_travels_as_plain_containers():
    vocab = Vocab.for_text(["x", "<unk>", "x"])
    again = Vocab.from_dict(json.loads(json.dumps(vocab.to_dict())))
    assert again.indices(["x", "<unk>", "y", "<pad>"]) == [6, 3, 3, 0]
    assert (again.get_start_index(), again.get_end_index(), again.get_size()) == (1, 2, 7)


def test_answers_get_unk_in_front_only_when_it_is_missing():
    assert Vocab.for_answers(["red"]).words == ["<unk>", "red"]
    assert Vocab.for_answers(["red", "<unk>"]).words == ["red", "<unk>"]


def test_errors_of_vocabularies(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as error:
        read_words("words.txt")
    assert str(error.value) == f"There is no vocabulary file words.txt (working directory: {tmp_path})."
    (tmp_path / "words.txt").write_bytes(b"ok\n\xff\n")
    with pytest.raises(DataError, match=r"words.txt is not UTF-8 text: invalid start byte at byte 3"):
        read_words("words.txt")
    with pytest.raises(DataError, match=r"'y' is not in the vocabulary of 1 words, which has no '<unk>'"):
        Vocab(["x"]).index("y")


@pytest.mark.parametrize(("raw", "normal"), json.loads((VALUES / "evalai_answers.json").read_text()))
def test_answers_have_the_official_form(raw, normal):
    assert normalize_answer(raw) == normal


def test_soft_scores_of_ten_annotators():
    scores = soft_scores(["red"] * 4 + ["blue"] * 3 + ["yes"] * 2 + ["dog"])
    assert scores == pytest.approx({"red": 1.0, "blue": 0.9, "yes": 0.6, "dog": 0.3})
