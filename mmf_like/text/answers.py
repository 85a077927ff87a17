"""The official VQA rules for answers: their normal form, and the score that ten annotators give an answer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from mmf_like.text.tokenize import word_tokenize

_PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
_COMMA_IN_NUMBER = re.compile(r"(?<=\d)(,)+(?=\d)")
# The official expression; its look-behind is misspelt, so that it tests for nothing and must stay so.
_PERIOD = re.compile(r"(?!<=\d)(\.)(?!\d)")
_NUM_PERIODS = 32  # the official script passes re.UNICODE (32) where the number of replacements belongs
_ARTICLES = {"a", "an", "the"}
_NUMBERS = {
    word: str(number)
    for number, word in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    )
} | {"none": "0"}
_CONTRACTIONS = """
ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't
he'd he'd've he's how'd how'll how's I'd've I'm I've isn't it'd it'd've it'll ma'am mightn't mightn't've
might've mustn't must've needn't not've o'clock oughtn't 'ow's'at shan't she'd've should've shouldn't
shouldn't've somebody'd've somebody'll somebody's someone'd someone'd've someone'll someone's something'd
something'd've something'll that's there'd there'd've there're there's they'd they'd've they'll they're
they've 'twas wasn't we'd've we've weren't what'll what're what's what've when's where'd where's where've
who'd who'd've who'll who's who've why'll why're why's won't would've wouldn't wouldn't've y'all y'all'll
y'all'd've you'd you'd've you'll you're you've
"""


def _without_one_apostrophe(words: Sequence[str]) -> dict[str, str]:
    """Each spelling that lacks one apostrophe -> the right one."""
    return {word[:i] + word[i + 1 :]: word for word in words for i, letter in enumerate(word) if letter == "'"}


# `somebody'd` is the wrong way round in the official table; scores compared with others depend on it.
_SPELLING = _without_one_apostrophe(_CONTRACTIONS.split()) | {"somebody'd": "somebodyd"}


def normalize_answer(answer: str) -> str:
    """The form in which answers are compared: lower case, digits, apostrophes, no punctuation or articles."""
    answer = word_tokenize(answer).replace("\n", " ").replace("\t", " ").strip()
    return _digits_and_articles(_punctuation(answer))


def _punctuation(text: str) -> str:
    # A mark becomes a blank, or nothing when it touches a blank anywhere or some number has commas.
    comma_in_number = _COMMA_IN_NUMBER.search(text) is not None
    cleaned = text
    for mark in _PUNCTUATION:
        touches_blank = f"{mark} " in text or f" {mark}" in text
        cleaned = cleaned.replace(mark, "" if touches_blank or comma_in_number else " ")
    return _PERIOD.sub("", cleaned, count=_NUM_PERIODS)


def _digits_and_articles(text: str) -> str:
    words = [_NUMBERS.get(word, word) for word in text.lower().split()]
    return " ".join(_SPELLING.get(word, word) for word in words if word not in _ARTICLES)


def soft_scores(answers: Sequence[str]) -> dict[str, float]:
    """Score of each distinct answer: mean over the annotators of min(1, equal answers of the others / 3).

    With ten annotators 1, 2, 3 and 4 or more equal answers give 0.3, 0.6, 0.9 and 1.
    """
    scores = {}
    for answer, count in Counter(answers).items():
        # For each annotator who gave it the others hold count - 1, for the rest of them count.
        gave, did_not = min(1.0, (count - 1) / 3), min(1.0, count / 3)
        scores[answer] = (count * gave + (len(answers) - count) * did_not) / len(answers)
    return scores
