"""What a trained network answers to the speakers that it never met, modality by modality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from mer_core.data import Example, load_corpus
from mer_core.emotions import FOUR, LABEL_SETS
from mer_core.frameworks.base import Framework
from mer_core.types import COMBINED
from train.config import Experiment
from train.data.pairs import Pair, SetKind, SetName, evaluation_sets
from train.data.tasks import half_of, source_examples
from train.evaluate.branches import BranchEvaluator, evaluator_of
from train.evaluate.encoders import labels_of, restricted_temperature
from train.evaluate.frameworks import answers
from train.evaluate.predictions import Predictions
from train.evaluate.subsets import Masks, Subset, subsets
from train.evaluate.tally import Tally


class Classes(StrEnum):
    """Among which classes an answer is chosen."""

    ALL = "all"  # that the corpus has
    FOUR = "four"


@dataclass(frozen=True)
class View:
    """One way to look at a test set.

    Attributes:
        condition: What is read: a modality, by the framework's name for it, or both.
        classes: Among which answers are chosen; items of other classes are left out.
        subset: Which items.
    """

    condition: str
    classes: Classes
    subset: Subset = Subset.EVERYTHING


@dataclass(frozen=True)
class Outcome:
    """What a run comes to.

    Attributes:
        predictions: Condition → of the test set.
        temperatures: Condition → T, from the inner speakers; 1 without any.
        tallies: View → counts.
    """

    predictions: dict[str, Predictions]
    temperatures: dict[str, float]
    tallies: dict[View, Tally]


class HeldOut:
    """The inner and the test set of one fold, read as a visitor's input.

    Args:
        experiment: Whose sources name the fold's speakers.
        corpus: The only one of every source.
        root: Folder of the corpora.
        cache: Folder for decoded clips.

    Raises:
        ValueError: There is nothing to test, such as no recording with both modalities.
    """

    def __init__(
        self, experiment: Experiment, corpus: str, root: Path, cache: Path | None = None
    ) -> None:
        self.experiment, self.cache = experiment, cache
        self.labels = LABEL_SETS[experiment.labels]
        self.pairs = {split: items(experiment, corpus, root, split) for split in ("dev", "test")}
        if not self.pairs["test"]:
            modalities = " and ".join(experiment.sources)
            raise ValueError(f"{corpus} has no recording with {modalities} to test in a fold.")
        recordings = load_corpus(corpus, root, labels=self.labels)
        self.occurring = labels_of(corpus, recordings, self.labels)
        self.subsets = self._subsets(recordings)
        self._evaluator: BranchEvaluator | None = None

    def outcome(self, framework: Framework) -> Outcome:
        """Everything, of the trained network."""
        evaluator = self._evaluator_of(framework)
        temperatures = self._temperatures(evaluator)
        predictions = self._predictions(evaluator, temperatures)
        return Outcome(predictions, temperatures, self._tallies(predictions, temperatures))

    def glance(self, framework: Framework) -> Tally:
        """Counts of the whole test set in the widest view; for the literature's figure only."""
        evaluator = self._evaluator_of(framework)
        predictions = self._predictions(evaluator, {})
        return self._seen(predictions[leading(list(predictions))], self.widest).tally()

    @property
    def widest(self) -> Classes:
        """All classes or, where there are no others, four."""
        return Classes.FOUR if set(self.occurring) == set(FOUR) else Classes.ALL

    def _evaluator_of(self, framework: Framework) -> BranchEvaluator:
        """Clips are decoded once, and features of frozen encoders computed once."""
        if self._evaluator is None:
            sets = list(self.pairs.values())
            self._evaluator = evaluator_of(framework, sets, self.experiment, self.cache)
        encoded = self._evaluator.encoded if self.experiment.freeze_encoders else {}
        self._evaluator = replace(self._evaluator, framework=framework.eval(), encoded=encoded)
        return self._evaluator

    def _temperatures(self, evaluator: BranchEvaluator) -> dict[str, float]:
        dev = self.pairs["dev"]
        if not dev:
            return {}
        truth = self._of(dev)
        return {
            condition: restricted_temperature(logits, truth.truth, truth.corpora.tolist())
            for condition, logits in evaluator.logits(dev, "inner").items()
        }

    def _predictions(
        self, evaluator: BranchEvaluator, temperatures: Mapping[str, float]
    ) -> dict[str, Predictions]:
        logits = evaluator.logits(self.pairs["test"], "test")
        scales = {condition: temperatures.get(condition, 1.0) for condition in logits}
        blank = self._of(self.pairs["test"])
        return {
            condition: replace(blank, logits=rows)
            for condition, rows in answers(logits, scales).items()
        }

    def _tallies(
        self, predictions: Mapping[str, Predictions], temperatures: Mapping[str, float]
    ) -> dict[View, Tally]:
        found = {}
        for condition, rows in predictions.items():
            for classes in dict.fromkeys((self.widest, Classes.FOUR)):
                for subset, mask in self.subsets.items():
                    seen = self._seen(rows.part(mask), classes)
                    if len(seen.truth):
                        scale = temperatures.get(condition, 1.0)
                        found[View(condition, classes, subset)] = seen.tally(scale)
        return found

    def _seen(self, predictions: Predictions, classes: Classes) -> Predictions:
        return predictions.among(FOUR if classes is Classes.FOUR else self.occurring)

    def _of(self, pairs: Sequence[Pair]) -> Predictions:
        """The table of a set, to be filled with logits."""
        return Predictions.blank([pair.first for pair in pairs], self.labels)

    def _subsets(self, recordings: Sequence[Example]) -> Masks:
        modality = next(iter(self.experiment.sources))
        whole = {half_of(recording, modality): recording for recording in recordings}
        test = [whole[pair.first] for pair in self.pairs["test"]]
        speakers = {example.group for example in test}
        return subsets(test, [e for e in recordings if e.group not in speakers])


def items(experiment: Experiment, corpus: str, root: Path, split: str) -> list[Pair]:
    """A split of one corpus: clips or texts alone or, with two sources, its natural pairs."""
    if len(experiment.sources) > 1:
        sets = evaluation_sets(experiment, root, split)
        return sets.get(SetName(SetKind.NATURAL, (corpus,)), [])
    ((modality, source),) = experiment.sources.items()
    labels = LABEL_SETS[experiment.labels]
    found = source_examples(source, root, split, labels, modality)
    return [Pair.of({modality: example}) for example in found]


def leading(conditions: Sequence[str]) -> str:
    """Both modalities together, where there are two."""
    return COMBINED if COMBINED in conditions else conditions[0]
