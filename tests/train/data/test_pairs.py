"""Corpora whose recordings have both halves: which pairs they make, and who reads which half."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from mer_core.data import collate, load_corpus
from mer_core.emotions import FOUR
from train.config import Experiment, SourceConfig
from train.data.features import frozen_features
from train.data.material import Material
from train.data.paired_task import PairedTask
from train.data.pairs import Pair, SetName, evaluation_sets, pairing_sentence, spoken_sets
from train.data.tasks import half_of, source_examples
from train.evaluate.frameworks import evaluate
from train.stages import detach_encoders, start, tokenizer_of

WAYS = ("speech", "text")


def of_corpora(experiment: Experiment, speech: list[str], text: list[str]) -> Experiment:
    chosen = {"speech": dict.fromkeys(speech, 1.0), "text": dict.fromkeys(text, 1.0)}
    sources = {
        modality: dataclasses.replace(source, corpora=chosen[modality])
        for modality, source in experiment.sources.items()
    }
    return dataclasses.replace(experiment, sources=sources)


@pytest.fixture(scope="module")
def natural(mgcma: Experiment) -> Experiment:
    return of_corpora(mgcma, ["iemocap"], ["iemocap"])


@pytest.mark.parametrize(("split", "session"), [("train", 3), ("dev", 4), ("test", 5)])
def test_both_halves_of_every_recording_make_the_set(
    split: str, session: int, natural: Experiment, recorded: Path
) -> None:
    sets = evaluation_sets(natural, recorded, split)
    assert [str(name) for name in sets] == ["speech/iemocap", "text/iemocap", "natural/iemocap"]
    folder = recorded / "iemocap" / f"Session{session}" / "dialog" / "transcriptions"
    (transcript,) = folder.glob("*.txt")
    words = {
        line.split()[0]: line.partition(": ")[2] for line in transcript.read_text().split("\n")
    }
    matched = 0
    for pair in sets[SetName.parse("natural/iemocap")]:
        speech, text = pair.speech, pair.text
        assert speech is not None
        assert text is not None
        assert speech.path is not None
        assert (speech.text, text.path) == (None, None)
        for field in ("corpus", "split", "emotion", "group"):
            assert getattr(speech, field) == getattr(text, field)
        if speech.path.stem in words:
            assert text.text == words[speech.path.stem]
            matched += 1
    assert matched == len([text for text in words.values() if text])


def test_a_recording_without_words_is_speech_alone(natural: Experiment, recorded: Path) -> None:
    sets = evaluation_sets(natural, recorded, "test")
    assert {str(name): len(pairs) for name, pairs in sets.items()} == {
        "speech/iemocap": 24, "text/iemocap": 23, "natural/iemocap": 23,
    }  # fmt: skip


def test_a_corpus_is_paired_with_others_by_label_and_with_itself_by_recording(
    mgcma: Experiment, recorded: Path
) -> None:
    mixed = of_corpora(mgcma, ["ravdess", "iemocap"], ["meld", "iemocap"])
    sets = evaluation_sets(mixed, recorded, "dev")
    assert [str(name) for name in sets if name.is_paired] == [
        "paired/ravdess×meld", "paired/ravdess×iemocap", "paired/iemocap×meld", "natural/iemocap",
    ]  # fmt: skip
    for pairs in sets.values():
        for pair in pairs:
            assert pair.speech is None or (pair.speech.path and pair.speech.text is None)
            assert pair.text is None or (pair.text.text and pair.text.path is None)
    apart = of_corpora(mgcma, ["ravdess"], ["iemocap"])
    *_, last = evaluation_sets(apart, recorded, "dev")
    assert str(last) == "paired/ravdess×iemocap"


def test_halves_are_read_as_what_they_are(natural: Experiment, recorded: Path) -> None:
    recording = load_corpus("iemocap", recorded, split="dev", labels=FOUR)[0]
    halves = [half_of(recording, modality) for modality in WAYS]
    assert half_of(recording, "video") is None
    material = Material([recording], natural.sources)
    speech, text = (material.utterance([half]) for half in halves)
    assert speech.waveform is not None
    assert speech.text is None
    assert text.waveform is None
    assert text.text == recording.text
    both = material.utterance(halves)
    np.testing.assert_array_equal(both.waveform, speech.waveform)
    assert both.text == recording.text
    contents = [material.content(half) for half in halves if half]
    assert contents[0] != contents[1] == recording.text
    assert [material.size(half) for half in halves if half] == [
        len(speech.waveform), len(recording.text or ""),
    ]  # fmt: skip


@pytest.mark.parametrize("corpus", ["ravdess", "meld", "fer2013"])
def test_examples_of_one_modality_are_their_own_half(corpus: str, corpora: Path) -> None:
    modality = {"ravdess": "speech", "meld": "text", "fer2013": "video"}[corpus]
    source = SourceConfig(corpora={corpus: 1.0})
    examples = load_corpus(corpus, corpora, split="train", labels=FOUR)
    assert examples == source_examples(source, corpora, "train", FOUR, modality) != []
    other = "text" if modality == "speech" else "speech"
    assert source_examples(source, corpora, "train", FOUR, other) == []


def test_training_uses_both_halves(natural: Experiment, recorded: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    framework = start(natural)
    tokenize = tokenizer_of(framework)
    encoders = {e.modality: e for e in detach_encoders(framework).values()}
    task = PairedTask(natural, recorded, tokenize=tokenize, encoders=encoders, cache=tmp_path)
    assert {m: len(examples) for m, examples in task.train.items()} == {"speech": 72, "text": 72}
    texts = list(dict.fromkeys(task.train["text"]))
    expected = frozen_features(
        encoders["text"], len(texts),
        lambda i: Material([], natural.sources).utterance([texts[i]]),
        key=[], title="", tokenize=tokenize,
    )  # fmt: skip
    for text, tokens in zip(texts, expected, strict=True):
        assert tokenize is not None
        assert text.text is not None
        assert len(tokens) == len(tokenize(text.text))
        torch.testing.assert_close(task.cached[text][0], tokens, rtol=1e-2, atol=5e-3)
    clip = task.train["speech"][0]
    heard = encoders["speech"](collate([task.material.utterance([clip])]))
    torch.testing.assert_close(
        task.cached[clip][0].float(), heard.tokens[0][heard.mask[0]], rtol=1e-2, atol=5e-3
    )
    batch = task.epoch(0)[0].batch
    assert {m: bool(f.present.any()) for m, f in batch.cached.items()} == dict.fromkeys(WAYS, True)
    with torch.inference_mode():
        figures = task.validate(framework)
    score = figures.pop("score")
    assert list(figures) == ["speech/iemocap", "text/iemocap", "natural/iemocap"]
    assert score == pytest.approx(sum(figures.values()) / 3)


def test_development_pairs_of_one_length_are_neighbours(
    mgcma: Experiment, corpora: Path, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    framework = start(mgcma)
    tokenize = tokenizer_of(framework)
    task = PairedTask(mgcma, corpora, tokenize=tokenize, cache=tmp_path)
    texts = {
        str(name): [len(pair.text.text or "") for pair in pairs if pair.text]
        for name, pairs in task.dev.items()
    }
    assert all(lengths == sorted(lengths) for lengths in texts.values())
    assert len(set(texts["text/meld"])) > 1
    with torch.inference_mode():
        ordered = task.validate(framework.eval())
        task.dev = {name: pairs[::-1] for name, pairs in task.dev.items()}
        assert task.validate(framework) == pytest.approx(ordered)


def test_natural_sets_are_evaluated_under_their_names(
    mgcma: Experiment, natural: Experiment, recorded: Path
) -> None:
    torch.manual_seed(0)
    framework = start(natural)
    found = evaluate(framework, natural, recorded)
    assert set(found["sets"]["natural/iemocap"]) == {"speech", "text", "both"}
    assert set(found["temperatures"]) == {"speech", "text", "both"}
    assert found["sets"]["natural/iemocap"]["both"]["n"] == 23
    assert found["protocol"]["pairing"] == "as they were recorded: both halves of one recording"


def test_acted_voices_meet_their_own_neutral_words(
    mgcma: Experiment, foal_net: Experiment, corpora: Path
) -> None:
    ((name, pairs),) = spoken_sets(mgcma, corpora, "dev").items()
    assert str(name) == "spoken/ravdess"
    assert SetName.parse("spoken/ravdess") == name
    clips = load_corpus("ravdess", corpora, split="dev", labels=FOUR)
    assert [pair.speech for pair in pairs] == clips
    for pair, clip in zip(pairs, clips, strict=True):
        assert pair.emotion == clip.emotion
        assert pair.group == clip.group
        assert pair.text is not None
        assert pair.text.text == "Kids are talking by the door"
        assert (pair.text.path, pair.text.emotion) == (None, "neutral")
        assert pair.is_matched == (clip.emotion == "neutral")
    assert name not in evaluation_sets(mgcma, corpora, "dev")
    assert spoken_sets(foal_net, corpora, "dev") == {}


def names(*texts: str) -> list[SetName]:
    return [SetName.parse(text) for text in texts]


def test_the_sentence_on_pairing_is_true_of_the_sets() -> None:
    label = pairing_sentence(names("text/meld", "paired/a×b"))
    recording = pairing_sentence(names("text/a", "natural/a"))
    assert label.startswith("by label within the split")
    assert "both halves of one recording" in recording
    assert "label" not in recording
    mixed = pairing_sentence(names("natural/a", "paired/a×b"))
    assert mixed == f"in natural/… {recording}; in paired/… {label}"


@pytest.mark.parametrize(
    ("text", "paired", "natural", "lead"),
    [
        ("speech/ravdess", False, False, "speech/ravdess"),
        ("paired/ravdess×meld", True, False, "paired/ravdess"),
        ("natural/iemocap", True, True, "natural/iemocap"),
    ],
)
def test_names_of_sets_are_read_as_they_are_written(
    text: str, paired: bool, natural: bool, lead: str
) -> None:
    name = SetName.parse(text)
    assert (str(name), name.is_paired, name.is_natural, name.lead) == (text, paired, natural, lead)


def test_neutral_partners_leave_the_label_to_the_other_half(
    mgcma: Experiment, corpora: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = {"speech": 0.3, "text": 0.7}
    experiment = dataclasses.replace(mgcma, neutral_partners=shares, drop_modality={})
    task = PairedTask(experiment, corpora, tokenize=tokenizer_of(start(experiment)))
    pairs: list[Pair] = []
    monkeypatch.setattr(task, "_collate", lambda chosen, _: pairs.extend(chosen))
    items = list(task.epoch(0))
    assert len(pairs) == task.draws
    neutral_halves = {"speech": 0, "text": 0}
    for pair in pairs:
        emotions = {m: getattr(pair, m).emotion for m in WAYS}
        assert set(emotions.values()) <= {"neutral", pair.emotion}
        assert "neutral" in emotions.values()
        assert pair.emotion in emotions.values()  # never neutral beside neutral, called otherwise
        for modality, emotion in emotions.items():
            neutral_halves[modality] += emotion == "neutral" != pair.emotion
        assert pair.is_matched == (pair.emotion == "neutral")
    assert 0.1 < neutral_halves["speech"] / sum(neutral_halves.values()) < 0.5
    matched = [item.matched for item in items]
    assert torch.cat(matched).tolist() == [pair.is_matched for pair in pairs]  # type: ignore[arg-type]
    assert {pair.emotion for pair in pairs} == set(FOUR)


def test_a_half_alone_is_never_made_neutral(
    mgcma: Experiment, corpora: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else most texts that train the text branch would be neutral."""
    experiment = dataclasses.replace(
        mgcma, neutral_partners={"text": 1.0}, drop_modality={"speech": 1.0}
    )
    task = PairedTask(experiment, corpora, tokenize=tokenizer_of(start(experiment)))
    pairs: list[Pair] = []
    monkeypatch.setattr(task, "_collate", lambda chosen, _: pairs.extend(chosen))
    list(task.epoch(0))
    assert all(pair.speech is None and pair.is_matched for pair in pairs)
    assert {pair.emotion for pair in pairs} == set(FOUR)


def test_without_neutral_partners_every_pair_is_matched(mgcma: Experiment, corpora: Path) -> None:
    task = PairedTask(mgcma, corpora, tokenize=tokenizer_of(start(mgcma)))
    assert all(bool(item.matched.all()) for item in task.epoch(0))  # type: ignore[union-attr]
