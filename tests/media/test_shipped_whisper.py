"""The shipped Whisper model on synthesised speech and on what is no speech."""

from __future__ import annotations

import subprocess
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mer_core.checkpoints.shipped import EXAMPLES, WHISPER
from mer_core.media import load_audio
from mer_core.media.languages import language_name
from mer_core.media.transcribe import NOTHING, Transcriber
from mer_core.media.whisper import load_whisper
from mer_core.serving.word_times import fits
from mer_core.types import SAMPLE_RATE, FloatArray, Transcript

pytestmark = pytest.mark.slow

SAID = "I miss her so much nothing feels the same"
POLISH = "Nie wiem, co się stało. To jest bardzo ważne."
GERMAN = "Guten Morgen, wie geht es Ihnen? Ich habe heute viel Zeit."


@pytest.fixture(scope="module")
def transcriber() -> Transcriber:
    return Transcriber(WHISPER, "cpu")


def synthesised(folder: Path, voice: str, text: str) -> Path:
    path = folder / "speech.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-s", "140", "-w", path, text], check=True)
    return path


def tokens(transcript: Transcript) -> list[str]:
    return [word.text.strip(".,!?").lower() for word in transcript.words]


def test_an_english_example(transcriber: Transcriber) -> None:
    transcript = transcriber.transcribe(EXAMPLES / "slow_low.flac")
    assert tokens(transcript) == SAID.lower().split()
    assert (transcript.language, transcript.translation) == ("en", None)
    seconds = len(load_audio(EXAMPLES / "slow_low.flac")) / SAMPLE_RATE
    assert transcript.words[0].start >= 0.0
    assert transcript.words[-1].end <= seconds
    for before, after in pairwise(transcript.words):
        assert before.start < before.end <= after.start
    assert all(0.0 < word.probability <= 1.0 for word in transcript.words)


def test_words_move_with_the_speech(transcriber: Transcriber) -> None:
    waveform = load_audio(EXAMPLES / "loud_fast.flac")
    delayed = np.concatenate([np.zeros(2 * SAMPLE_RATE, np.float32), waveform])
    first, later = (transcriber.transcribe_waveform(clip) for clip in (waveform, delayed))
    assert tokens(first) == tokens(later)
    assert later.words[-1].end - first.words[-1].end == pytest.approx(2.0, abs=0.3)


def test_polish_is_named(transcriber: Transcriber, tmp_path: Path) -> None:
    transcript = transcriber.transcribe(synthesised(tmp_path, "pl+f3", POLISH))
    assert (transcript.language, language_name(transcript.language)) == ("pl", "Polish")
    assert "co się stało" in transcript.text.lower()
    assert transcript.translation is None


def test_another_language_is_translated(transcriber: Transcriber, tmp_path: Path) -> None:
    clip = synthesised(tmp_path, "de", GERMAN)
    transcript = transcriber.transcribe(clip, translate=True)
    assert (transcript.language, transcript.text) == ("de", GERMAN)
    assert transcript.translation is not None
    assert transcript.translation.startswith("Good morning")
    assert transcript.english == transcript.translation


@pytest.mark.parametrize("kind", ["silence", "noise", "music"])
def test_what_is_no_speech_has_no_words(transcriber: Transcriber, kind: str) -> None:
    time = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
    chord = sum(np.sin(2 * np.pi * f * time) for f in (261.6, 329.6, 392.0)) * np.exp(-time % -0.5)
    noise = np.random.default_rng(0).standard_normal(len(time))
    sounds = {"silence": 0 * time, "noise": 0.1 * noise, "music": 0.2 * chord}
    assert transcriber.transcribe_waveform(sounds[kind].astype(np.float32)) == NOTHING


def test_a_minute_without_repetition(transcriber: Transcriber) -> None:
    clips = ["loud_fast", "contradiction", "slow_low", "bright"]
    pause = np.zeros(SAMPLE_RATE, np.float32)
    once = [part for name in clips for part in (load_audio(EXAMPLES / f"{name}.flac"), pause)]
    minute: FloatArray = np.resize(np.concatenate(once), 60 * SAMPLE_RATE)
    transcript = transcriber.transcribe_waveform(minute)
    times = [time for word in transcript.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert times[-1] <= 60.0
    found = tokens(transcript)
    assert 3 <= found.count("alone") <= 4  # said in the first clip of every round
    assert 60 <= len(found) <= 130
    assert transcript.words[-1].end > 50.0


def test_two_threads_at_once(transcriber: Transcriber) -> None:
    names = ("loud_fast.flac", "bright.flac")
    alone = [transcriber.transcribe(EXAMPLES / name) for name in names]
    together: dict[str, Any] = {}

    def work(name: str) -> None:
        together[name] = transcriber.transcribe(EXAMPLES / name)

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[name] for name in names] == alone


def test_typed_words_stand_where_they_are_heard(transcriber: Transcriber) -> None:
    clip = EXAMPLES / "slow_low.flac"
    heard = transcriber.transcribe(clip).words
    placed = transcriber.align(clip, SAID)
    assert [word.text for word in placed] == SAID.split()
    for own, other in zip(placed, heard, strict=True):
        assert own.end == pytest.approx(other.end, abs=0.1)
        assert own.start <= other.start + 0.1  # without full stops, a pause is part of a word
    assert fits(SAID.split(), placed)


def test_other_words_do_not_fit(transcriber: Transcriber) -> None:
    other = "we have bought a new kitchen table for the house"
    placed = transcriber.align(EXAMPLES / "loud_fast.flac", other)
    assert [word.text for word in placed] == other.split()
    assert not fits(other.split(), placed)
    assert transcriber.align(EXAMPLES / "loud_fast.flac", f"{SAID} " * 30) == ()


def test_every_token_can_be_written() -> None:
    vocabulary = load_whisper(str(WHISPER), "cpu").hf_tokenizer
    assert vocabulary.encode(" the talk", add_special_tokens=False).tokens == ["Ġthe", "Ġtalk"]
