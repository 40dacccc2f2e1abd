"""Single examples: which classes an example's corpus has."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from mer_core.data import Example
from train.config import Experiment, SourceConfig
from train.data.tasks import SingleTask, classes_of_corpora


def test_an_example_may_have_the_labels_of_its_corpus() -> None:
    examples = [
        Example("a", "train", "angry", "1"), Example("a", "train", "calm", "1"),
        Example("b", "train", "angry", "2"), Example("b", "train", "happy", "2"),
    ]  # fmt: skip
    classes = classes_of_corpora(examples, ("angry", "calm", "happy", "sad"))
    of_a, of_b = [True, True, False, False], [True, False, True, False]
    assert classes.tolist() == [of_a, of_a, of_b, of_b]


def test_the_restriction_travels_beside_the_labels(
    speech_experiment: Experiment, corpora: Path
) -> None:
    restricted = dataclasses.replace(speech_experiment, restrict_classes=True)
    for item in SingleTask(restricted, corpora).epoch(0):
        assert item.classes is not None
        assert item.classes.shape == (len(item.labels), 8)
        assert item.classes.gather(1, item.labels[:, None]).all()
        assert item.classes.sum(dim=1).tolist() == [4] * len(item.labels)  # these tones have four
    assert all(item.classes is None for item in SingleTask(speech_experiment, corpora).epoch(0))


def test_a_framework_of_two_modalities_has_one_label_set() -> None:
    sources = {"speech": SourceConfig({"nemo": 1.0}), "text": SourceConfig({"meld": 1.0})}
    with pytest.raises(ValueError, match="one source"):
        Experiment(name="x", sources=sources, restrict_classes=True)
