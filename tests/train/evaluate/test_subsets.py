"""Which recordings of a test session are improvised, scripted, or say words of their own."""

from __future__ import annotations

import pytest

from mer_core.data import Example
from train.evaluate.subsets import Subset, normalised, subsets


def recording(dialogue: str, text: str | None, corpus: str = "iemocap") -> Example:
    return Example(corpus, "test", "sad", "iemocap_5F", text=text, dialogue=dialogue)


def test_parts_of_iemocap() -> None:
    test = [
        recording("Ses05F_impro01", "Excuse me."),
        recording("Ses05F_script01_1", "Did you get the mail?"),
        recording("Ses05M_script02_2", "[LAUGHTER]"),
        recording("Ses05F_impro02", "I'm sorry..."),
    ]
    others = [
        recording("Ses01F_script01_1", "did you get the mail"),
        recording("Ses01F_impro02", "I’m sorry"),  # another apostrophe
        recording("Ses02F_impro03", None),
    ]
    found = {subset: mask.tolist() for subset, mask in subsets(test, others).items()}
    assert found == {
        Subset.EVERYTHING: [True] * 4,
        Subset.IMPROVISED: [True, False, False, True],
        Subset.SCRIPTED: [False, True, True, False],
        Subset.NEW_WORDS: [True, False, True, False],
    }


def test_words_that_were_heard_do_not_change_the_scenes() -> None:
    heard = [recording("Ses05F_impro01", "excuse me", "transcribed:iemocap")]
    assert list(subsets(heard, [])) == [
        Subset.EVERYTHING, Subset.IMPROVISED, Subset.NEW_WORDS
    ]  # fmt: skip


def test_acted_voices_without_words_have_no_parts() -> None:
    clips = [recording("", None, "ravdess"), recording("a_script", None, "ravdess")]
    assert list(subsets(clips, clips)) == [Subset.EVERYTHING]


@pytest.mark.parametrize(
    ("text", "words"),
    [("Well, YES!  I do--", "well yes i do"), ("[BREATHING]", "breathing"), ("", ""), (None, "")],
)
def test_words_without_marks(text: str | None, words: str) -> None:
    assert normalised(text) == words
