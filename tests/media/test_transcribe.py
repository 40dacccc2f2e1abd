"""Words from segments, with a fake model that returns what the test wants to hear."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mer_core.media import MediaError
from mer_core.media.speech_activity import STEP, SpeechActivity
from mer_core.media.transcribe import NOTHING, Transcriber, TranscriberError
from mer_core.types import SAMPLE_RATE, Transcript, Word

SECONDS = 4
WAVEFORM = np.zeros(SECONDS * SAMPLE_RATE, np.float32)


def activity(*spoken: tuple[float, float]) -> SpeechActivity:
    """Speech from and to these seconds, and none elsewhere."""
    probability = np.zeros(len(WAVEFORM) // STEP, np.float32)
    for start, end in spoken:
        probability[int(start * SAMPLE_RATE / STEP) : int(end * SAMPLE_RATE / STEP)] = 1.0
    return SpeechActivity(probability, silent=False)


SPOKEN = activity((0.0, SECONDS))


def segment(text: str, start: float, end: float, **quality: float) -> SimpleNamespace:
    """One of faster-whisper's segments, its words equally long."""
    parts = text.split()
    edges = np.linspace(start, end, len(parts) + 1)
    words = [
        SimpleNamespace(word=f" {part}", start=a, end=b, probability=0.9)
        for part, a, b in zip(parts, edges, edges[1:], strict=False)
    ]
    facts = {"avg_logprob": -0.3, "compression_ratio": 1.0, "no_speech_prob": 0.0} | quality
    return SimpleNamespace(text=f" {text}", start=start, end=end, words=words, **facts)


class FakeModel:
    """Gives the answer prepared for a task; records how it was asked.

    Args:
        language: Code and probability to be detected.
        answers: Task → segments, or task → function of the options → segments.
    """

    def __init__(self, language: tuple[str, float] = ("en", 0.9), **answers: Any) -> None:
        self.language = language
        self.answers = answers
        self.aligned: list[tuple[str, str]] = []
        self.asked: list[dict[str, Any]] = []

    def language_of(self, waveform: Any) -> tuple[str, float]:
        return self.language

    def transcribe(self, audio: Any, **options: Any) -> tuple[Sequence[Any], None]:
        self.asked.append(options)
        answer = self.answers[options["task"]]
        return (answer(options) if callable(answer) else answer), None

    def align(self, waveform: Any, text: str, language: str) -> list[dict[str, Any]]:
        self.aligned.append((text, language))
        return [
            {"word": f" {word}", "start": float(i), "end": i + 1.0, "probability": 0.5}
            for i, word in enumerate(text.split())
        ]


def transcriber(model: FakeModel) -> Transcriber:
    return Transcriber("fake", load=lambda name, device: lambda: model)


def heard(model: FakeModel, speech: SpeechActivity = SPOKEN, **options: Any) -> Transcript:
    return transcriber(model).transcribe_waveform(WAVEFORM, speech, **options)


def test_text_language_and_words() -> None:
    model = FakeModel(transcribe=[segment("We won!", 0.5, 1.5), segment("At last.", 2.0, 3.0)])
    assert heard(model) == Transcript(
        "We won! At last.",
        "en",
        0.9,
        (
            Word("We", 0.5, 1.0, 0.9),
            Word("won!", 1.0, 1.5, 0.9),
            Word("At", 2.0, 2.5, 0.9),
            Word("last.", 2.5, 3.0, 0.9),
        ),
    )


def test_decoding_is_greedy_and_independent_of_what_came_before() -> None:
    model = FakeModel(transcribe=[segment("We won!", 0.5, 1.5)])
    heard(model)
    (options,) = model.asked
    assert (options["beam_size"], options["temperature"]) == (1, 0.0)
    assert options["condition_on_previous_text"] is False
    assert options["word_timestamps"] is True


def test_nothing_is_asked_about_silence() -> None:
    model = FakeModel(transcribe=[segment("Thank you.", 0.0, 1.0)])
    assert transcriber(model).transcribe((WAVEFORM, SAMPLE_RATE)) == NOTHING
    assert heard(model, activity((1.0, 1.1))) == NOTHING
    assert not model.asked


@pytest.mark.parametrize(
    ("unheard", "speech"),
    [
        (segment("thank you", 2.5, 4.0), activity((0.0, 2.0))),
        (segment("mumble", 2.5, 4.0, avg_logprob=-1.2), SPOKEN),
        (segment("so so so so so", 2.5, 4.0, compression_ratio=3.0), SPOKEN),
    ],
    ids=["said in a pause", "improbable", "repeating"],
)
def test_segments_that_nobody_said_are_dropped(unheard: Any, speech: SpeechActivity) -> None:
    kept = segment("We won!", 0.5, 1.5)
    transcript = heard(FakeModel(transcribe=[kept, unheard]), speech)
    assert transcript.text == "We won!"
    assert len(transcript.words) == 2
    alone = heard(FakeModel(transcribe=[unheard]), speech)
    assert alone == NOTHING


def test_a_loop_is_decoded_again_without_repetition() -> None:
    def answer(options: dict[str, Any]) -> list[Any]:
        if options["no_repeat_ngram_size"]:
            return [segment("We won!", 0.5, 1.5)]
        return [segment("We won! " * 20, 0.5, 1.5, compression_ratio=9.0)]

    model = FakeModel(transcribe=answer)
    assert heard(model).text == "We won!"
    assert len(model.asked) == 2


def test_the_number_of_tokens_is_bounded_by_the_length() -> None:
    model = FakeModel(transcribe=[])
    heard(model)
    long = np.zeros(60 * SAMPLE_RATE, np.float32)
    transcriber(model).transcribe_waveform(long, SPOKEN)
    assert [options["max_new_tokens"] for options in model.asked] == [100, 220]


def test_times_stay_inside_the_recording_and_in_order() -> None:
    first, second = segment("one two", 0.5, 2.0), segment("three four", 1.0, 9.0)
    words = heard(FakeModel(transcribe=[first, second])).words
    times = [time for word in words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert times[-1] == SECONDS


def test_pauses_beside_a_word_are_not_part_of_it() -> None:
    model = FakeModel(transcribe=[segment("one two", 0.0, 4.0)])
    first, second = heard(model, activity((0.64, 1.28), (2.56, 3.2))).words
    assert (first.start, first.end) == pytest.approx((0.54, 1.38))
    assert (second.start, second.end) == pytest.approx((2.46, 3.3))


@pytest.fixture
def everything_is_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    def detect(waveform: Any) -> SpeechActivity:
        return SpeechActivity(np.ones(len(waveform) // STEP, np.float32), silent=False)

    monkeypatch.setattr("mer_core.media.transcribe.detect_speech", detect)


@pytest.mark.usefixtures("everything_is_speech")
def test_words_that_are_given_are_placed() -> None:
    model = FakeModel(("pl", 0.8))
    words = transcriber(model).align((WAVEFORM, SAMPLE_RATE), " We\nwon! ")
    assert words == (Word("We", 0.0, 1.0, 0.5), Word("won!", 1.0, 2.0, 0.5))
    assert model.aligned == [("We won!", "pl")]
    assert transcriber(model).align((WAVEFORM, SAMPLE_RATE), " \n") == ()


@pytest.mark.usefixtures("everything_is_speech")
def test_of_a_long_recording_the_words_that_are_heard_are_given() -> None:
    model = FakeModel(transcribe=[segment("We won!", 32.0, 34.0)])
    long = np.zeros(40 * SAMPLE_RATE, np.float32)
    words = transcriber(model).align((long, SAMPLE_RATE), "At last we won!")
    assert [word.text for word in words] == ["We", "won!"]
    assert not model.aligned


def test_nothing_is_placed_in_silence() -> None:
    model = FakeModel()
    assert transcriber(model).align((WAVEFORM, SAMPLE_RATE), "We won!") == ()
    assert not model.aligned


def test_another_language_is_translated_only_on_demand() -> None:
    polish, english = segment("Dzień dobry.", 0.5, 1.5), segment("Good morning.", 0.5, 1.5)
    model = FakeModel(("pl", 0.8), transcribe=[polish], translate=[english])
    plain = heard(model)
    assert (plain.text, plain.language, plain.translation) == ("Dzień dobry.", "pl", None)
    assert plain.english is None
    translated = heard(model, translate=True)
    assert translated.text == "Dzień dobry."
    assert translated.translation == translated.english == "Good morning."
    assert [word.text for word in translated.words] == ["Dzień", "dobry."]


def test_english_is_never_translated() -> None:
    model = FakeModel(transcribe=[segment("We won!", 0.5, 1.5)])
    transcript = heard(model, translate=True)
    assert (transcript.translation, transcript.english) == (None, "We won!")
    assert [options["task"] for options in model.asked] == ["transcribe"]


def test_a_given_language_is_not_detected() -> None:
    model = FakeModel(("en", 0.3), transcribe=[segment("Dzień dobry.", 0.5, 1.5)])
    transcript = heard(model, language="pl")
    assert (transcript.language, transcript.language_probability) == ("pl", 1.0)
    assert model.asked[0]["language"] == "pl"


def test_what_cannot_be_read_is_refused_before_the_model_loads() -> None:
    def load(*_: str) -> Any:
        pytest.fail("no need to load")

    with pytest.raises(MediaError):
        Transcriber("fake", load=load).transcribe(b"no sound" * 99)


def test_a_model_that_is_not_there_gives_a_sentence(tmp_path: Any) -> None:
    with pytest.raises(TranscriberError, match="cannot be loaded"):
        Transcriber(tmp_path, "cpu").load()
    with pytest.raises(TranscriberError, match="Invalid model size"):
        Transcriber("no-such-size", "cpu").load()


def test_threads_load_the_model_once() -> None:
    model = FakeModel(transcribe=[segment("We won!", 0.5, 1.5)])
    loads = []

    def load(*arguments: str) -> Any:
        loads.append(arguments)
        time.sleep(0.05)
        return lambda: model

    shared = Transcriber("fake", load=load)
    texts: list[str] = []
    threads = [
        threading.Thread(
            target=lambda: texts.append(shared.transcribe_waveform(WAVEFORM, SPOKEN).text)
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == ["We won!"] * 4
    assert loads == [("fake", "auto")]
