"""A prediction in one sentence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mer_core.demo.panels.summary import is_sure, summary
from mer_core.types import Prediction, State
from tests.demo.conftest import chances


def test_agreement(agreeing: Prediction) -> None:
    assert summary(agreeing) == (
        "Voice and words agree: the model assigns happy with 81% confidence."
    )


def test_disagreement(disagreeing: Prediction) -> None:
    assert summary(disagreeing) == (
        "Voice and words disagree: the voice alone suggests angry (62%), the words alone suggest "
        "happy (70%). Together, the model assigns angry with 58% confidence."
    )


def test_together_otherwise_than_each_alone(agreeing: Prediction) -> None:
    other = replace(agreeing, emotion="sad", probabilities=chances("sad", 0.6))
    assert summary(other) == (
        "Voice and words each suggest happy, yet together the model assigns sad "
        "with 60% confidence."
    )


def test_one_modality(words_only: Prediction, voice_only: Prediction) -> None:
    assert summary(words_only).startswith("From the words alone, the model assigns sad with 64%")
    assert summary(voice_only).startswith("From the voice alone, the model assigns happy with 81%")


def test_not_sure_between_two(words_only: Prediction) -> None:
    close = {"angry": 0.36, "happy": 0.31, "neutral": 0.2, "sad": 0.13}
    sentence = summary(replace(words_only, emotion="angry", probabilities=close))
    assert sentence == (
        "From the words alone, the model is not sure: angry (36%) is just ahead of happy (31%)."
    )


def test_not_sure_although_ahead(words_only: Prediction) -> None:
    low = {"angry": 0.46, "happy": 0.2, "neutral": 0.2, "sad": 0.14}
    sentence = summary(replace(words_only, emotion="angry", probabilities=low))
    assert "not sure: angry leads with only 46%." in sentence


@pytest.mark.parametrize("state", sorted(set(State) - {State.OK}))
def test_without_a_label_the_message_is_the_sentence(state: State) -> None:
    assert summary(Prediction(None, {}, {}, state, "Why there is none.")) == "Why there is none."
    assert "no category" in summary(Prediction(None, {}, {}, state))


def test_a_message_comes_before_a_label(words_only: Prediction) -> None:
    heard = replace(words_only, state=State.SILENCE, message="The recording is silent.")
    assert summary(heard) == ("The recording is silent. The model assigns sad with 64% confidence.")


def test_no_sentence_speaks_of_the_visitors_feelings(
    agreeing: Prediction, disagreeing: Prediction, words_only: Prediction
) -> None:
    for prediction in (agreeing, disagreeing, words_only):
        assert "feel" not in summary(prediction)
        assert " you " not in summary(prediction)


def test_sure_needs_half_and_a_lead() -> None:
    assert is_sure({"a": 0.6, "b": 0.4})
    assert not is_sure({"a": 0.54, "b": 0.46})
    assert not is_sure({"a": 0.4, "b": 0.2, "c": 0.2, "d": 0.2})
    assert is_sure({"a": 1.0})


def test_a_note_on_good_input_comes_after_the_label(agreeing: Prediction) -> None:
    cut = summary(replace(agreeing, message="Only the first 3 words of the text were read."))
    assert cut == f"{summary(agreeing)} Only the first 3 words of the text were read."


def test_agreement_without_certainty(agreeing: Prediction) -> None:
    unsure = {"angry": 0.25, "happy": 0.28, "neutral": 0.24, "sad": 0.23}
    assert summary(replace(agreeing, probabilities=unsure)) == (
        "Voice and words both lean towards happy, but the model is not sure: "
        "happy (28%) is just ahead of angry (25%)."
    )


def test_only_the_meter_speaks_of_agreement(watched: Prediction) -> None:
    assert summary(watched) == (
        "Voice and face each suggest happy: the model assigns happy with 81% confidence."
    )
    angry = {**watched.by_modality, "audio": chances("angry", 0.6)}
    assert summary(replace(watched, by_modality=angry)) == (
        "The voice alone suggests angry (60%), the face alone suggests happy (76%). Together, "
        "the model assigns happy with 81% confidence."
    )
