"""Training on natural pairs: whose halves meet, and what they teach beyond labels."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from mer_core.atlas.reference import Pairing
from mer_core.data import CORPORA, Example, collate
from mer_core.emotions import FOUR
from mer_core.metrics.alignment import recall_at
from mer_core.types import SAMPLE_RATE, Utterance
from tests.train.conftest import WORDS, write_wav
from train.config import Experiment, OptimConfig, SourceConfig
from train.data.material import Material
from train.data.paired_task import PairedTask
from train.data.pairs import Pair, SetName, evaluation_sets, natural_pairs
from train.publish.references import balanced_pairs, reference_of
from train.stages import fit_experiment, start, tokenizer_of

TOPICS = "abcd"  # letters, which the tiny tokenizer knows
TAKES = {"train": 4, "dev": 1, "test": 1}


def on_corpora(experiment: Experiment, speech: Sequence[str], text: Sequence[str]) -> Experiment:
    """The experiment, natural, on these corpora."""
    named = {"speech": speech, "text": text}
    sources = {
        modality: dataclasses.replace(source, corpora=dict.fromkeys(named[modality], 1.0))
        for modality, source in experiment.sources.items()
    }
    return dataclasses.replace(experiment, sources=sources, pairing="natural")


def drawn_pairs(experiment: Experiment, root: Path, cache: Path) -> list[Pair]:
    """What one epoch of training reads."""
    torch.manual_seed(0)
    tokenize = tokenizer_of(start(experiment))
    task = PairedTask(experiment, root, tokenize=tokenize, cache=cache)
    seen: list[Pair] = []
    for rows in task.epoch(0).plan:
        seen.extend(row.item for row in rows)
    return seen


def words_of(recorded: Path) -> dict[str, str]:
    """Recording → its words, from the transcripts themselves."""
    lines = [
        line.partition(" [")
        for path in recorded.glob("iemocap/*/dialog/transcriptions/*.txt")
        for line in path.read_text("utf-8").split("\n")
    ]
    return {name: rest.partition("]: ")[2] for name, _, rest in lines}


def test_a_voice_meets_its_own_words_and_others_meet_by_label(
    mgcma: Experiment, recorded: Path, tmp_path: Path
) -> None:
    mixed = dataclasses.replace(
        on_corpora(mgcma, ["iemocap", "ravdess"], ["iemocap", "meld"]),
        drop_modality={},
        neutral_partners={"text": 1.0},
        optim=dataclasses.replace(mgcma.optim, draws=96),
    )
    words = words_of(recorded)
    corpora = {"iemocap": 0, "ravdess": 0}
    for pair in drawn_pairs(mixed, recorded, tmp_path):
        assert pair.speech is not None
        assert pair.speech.path is not None
        assert pair.speech.split == "train"
        assert pair.text is not None
        assert pair.text.split == "train"
        corpora[pair.speech.corpus] += 1
        if pair.speech.corpus == "iemocap":
            assert pair.text.text == words[pair.speech.path.stem]
            assert pair.text.group == pair.speech.group
            assert pair.is_matched
        else:
            assert pair.text.corpus == "meld"
            assert pair.text.emotion == "neutral"  # as `neutral_partners` asks
    assert corpora == {"iemocap": 48, "ravdess": 48}


def test_a_recording_without_words_is_trained_alone(
    mgcma: Experiment, recorded: Path, tmp_path: Path
) -> None:
    # The test session has such a recording, so it trains here.
    speakers = {"train": ("iemocap_5F", "iemocap_5M"), "dev": ("iemocap_4F", "iemocap_4M")}
    natural = on_corpora(mgcma, ["iemocap"], ["iemocap"])
    sources = {m: dataclasses.replace(s, speakers=speakers) for m, s in natural.sources.items()}
    natural = dataclasses.replace(
        natural, sources=sources, drop_modality={"speech": 1.0},
        optim=dataclasses.replace(mgcma.optim, draws=24),
    )  # fmt: skip
    seen = drawn_pairs(natural, recorded, tmp_path)
    assert len(seen) == 24
    alone = [pair for pair in seen if pair.speech]
    assert [pair.text for pair in alone] == [None]  # hiding its voice would leave nothing
    assert {pair.first.group for pair in seen} == set(speakers["train"])


def test_what_cannot_be_read_is_absent(
    mgcma: Experiment, recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As of a film in which no face is found; here, of some words.
    monkeypatch.setattr(Material, "is_present", lambda _, e: e.text is None or "c" not in e.text)
    natural = dataclasses.replace(
        on_corpora(mgcma, ["iemocap"], ["iemocap"]),
        drop_modality={}, optim=dataclasses.replace(mgcma.optim, draws=72),
    )  # fmt: skip
    words = words_of(recorded)
    for pair in drawn_pairs(natural, recorded, tmp_path):
        assert pair.speech is not None
        assert pair.speech.path is not None
        said = words[pair.speech.path.stem]
        assert (pair.text is None) == ("c" in said)
    task = PairedTask(natural, recorded, tokenize=None, cache=tmp_path)
    assert not any(p.text and "c" in (p.text.text or "") for ps in task.dev.values() for p in ps)
    assert all(pairs for pairs in task.dev.values())


def test_no_partner_crosses_a_fold(mgcma: Experiment, recorded: Path) -> None:
    natural = on_corpora(mgcma, ["iemocap"], ["iemocap"])
    apart = {
        "speech": {"train": ("iemocap_1F", "iemocap_2M"), "test": ("iemocap_3F",)},
        "text": {"train": ("iemocap_1F", "iemocap_3F"), "test": ("iemocap_2M",)},
    }
    sources = {
        m: dataclasses.replace(source, speakers=apart[m]) for m, source in natural.sources.items()
    }
    split = dataclasses.replace(natural, sources=sources)
    pairs = natural_pairs("iemocap", recorded, "train", split)
    assert {pair.group for pair in pairs} == {"iemocap_1F"}
    assert natural_pairs("iemocap", recorded, "test", split) == []


def test_sets_are_of_the_pairs_that_are_trained(mgcma: Experiment, recorded: Path) -> None:
    mixed = on_corpora(mgcma, ["iemocap", "ravdess"], ["iemocap", "meld"])
    names = [str(name) for name in evaluation_sets(mixed, recorded, "dev") if name.is_paired]
    assert names == ["natural/iemocap", "paired/ravdess×meld"]


@pytest.mark.parametrize(
    ("speech", "text", "message"),
    [
        (["ravdess"], ["meld"], "needs two sources that name the same corpus"),
        (["iemocap", "ravdess"], ["iemocap"], r"ravdess would have no partners: \[sources.text\]"),
        (["iemocap"], ["iemocap", "meld"], r"meld would have no partners: \[sources.speech\]"),
    ],
)
def test_corpora_without_partners_are_refused(
    speech: list[str], text: list[str], message: str, mgcma: Experiment
) -> None:
    with pytest.raises(ValueError, match=message):
        on_corpora(mgcma, speech, text)
    with pytest.raises(ValueError, match="must be label or natural"):
        dataclasses.replace(mgcma, pairing="naturally")


def test_a_natural_reference_is_of_whole_recordings(mgcma: Experiment, recorded: Path) -> None:
    natural = on_corpora(mgcma, ["iemocap"], ["iemocap"])
    words = words_of(recorded)
    pairs = balanced_pairs(natural, recorded, "dev", 24, np.random.default_rng(0))
    assert [pair.emotion for pair in pairs] == [e for e in FOUR for _ in range(6)]
    for pair in pairs:
        assert pair.speech is not None
        assert pair.speech.path is not None
        assert pair.text is not None
        assert pair.text.text == words[pair.speech.path.stem]
    assert len({pair.first for pair in pairs}) == 24
    vectors = np.eye(24, dtype=np.float32)
    reference = reference_of(
        {"speech": vectors, "text": vectors}, pairs, {"speech": "speech", "text": "text"},
        Pairing.NATURAL,
    )  # fmt: skip
    assert reference.pairing is Pairing.NATURAL
    assert reference.groups["speech"] == reference.groups["text"]


@pytest.fixture
def topics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A corpus in which voice and words share a topic beside the emotion.

    Each recording is a chord of the emotion's and the topic's tone, with their two words.
    """
    examples = []
    for split, takes in TAKES.items():
        for emotion, topic, take in itertools.product(FOUR, TOPICS, range(takes)):
            path = tmp_path / "topics" / f"{split}_{emotion}_{topic}_{take}.wav"
            tones = 300 * 1.3 ** FOUR.index(emotion), 1200 * 1.4 ** TOPICS.index(topic)
            write_chord(path, tones, seed=len(examples))
            words = f"{WORDS[emotion].split()[0]} {topic}"
            group = f"{split}_{take}_{topic}"
            examples.append(Example("topics", split, emotion, group, path, text=words))
    monkeypatch.setitem(CORPORA, "topics", lambda root: examples)
    return tmp_path


def write_chord(path: Path, tones: Sequence[float], seed: int) -> None:
    random = np.random.default_rng(seed)
    time = np.arange(int(0.5 * SAMPLE_RATE)) / SAMPLE_RATE
    phases = random.uniform(0, 2 * np.pi, len(tones))
    sound = sum(
        0.3 * np.sin(2 * np.pi * tone * time + phase)
        for tone, phase in zip(tones, phases, strict=True)
    )
    write_wav(path, sound + 0.01 * random.standard_normal(len(time)))


def recall_of(experiment: Experiment, root: Path, folder: Path) -> float:
    """R@1, mean of both directions, of the test recordings after training."""
    framework = fit_experiment(experiment, root, folder, torch.device("cpu"), folder).eval()
    pairs = evaluation_sets(experiment, root, "test")[SetName.parse("natural/topics")]
    assert len(pairs) == len(FOUR) * len(TOPICS)
    material = Material([e for p in pairs for e in p.parts if e], experiment.sources)
    embedded = []
    for modality in ("speech", "text"):
        utterances: list[Utterance] = [material.utterance([getattr(p, modality)]) for p in pairs]
        with torch.inference_mode():
            features = framework(collate(utterances, tokenizer_of(framework))).features
        embedded.append(features[f"{modality}_embedding"].numpy())
    voices, words = embedded
    return (recall_at(voices, words, 1) + recall_at(words, voices, 1)) / 2


@pytest.mark.slow
def test_natural_pairs_teach_which_recording_it_was(
    mgcma: Experiment, topics: Path, tmp_path: Path
) -> None:
    source = {"topics": 1.0}
    speech = {"family": "compact_speech", "channels": (32, 32), "blocks": 1, "width": 48}
    natural = dataclasses.replace(
        mgcma,
        pairing="natural",
        architecture={
            **mgcma.architecture, "width": 24, "instance_targets": "pair", "speech_encoder": speech,
        },
        sources={
            "speech": SourceConfig(corpora=source, crop_seconds=0, views=1),
            "text": SourceConfig(corpora=source),
        },
        drop_modality={},
        loss_weights={"distribution": 0.1, "instance": 1.0},
        optim=OptimConfig(
            epochs=10, draws=320, batch_size=16, learning_rate=5e-3, precision="fp32", select=False
        ),
    )  # fmt: skip
    by_label = dataclasses.replace(natural, pairing="label")
    recorded = recall_of(natural, topics, tmp_path / "natural")
    labelled = recall_of(by_label, topics, tmp_path / "label")
    assert recorded > 0.5
    assert recorded > 2 * labelled  # which knows one recording of an emotion from others by chance
