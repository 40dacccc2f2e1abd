"""Test figures of a checkpoint: temperatures from development data, then every test set once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from mer_core.data import Example, collate
from mer_core.data.collate import Tokenize, collate_features
from mer_core.emotions import FOUR
from mer_core.encoders.base import Encoder
from mer_core.frameworks.base import MATCH, MATCH_LOGITS, Framework
from mer_core.metrics.calibration import fit_temperature
from mer_core.metrics.recognition import recognition_report
from mer_core.types import COMBINED, Features
from train.config import Experiment
from train.data.material import Material
from train.data.paired_task import label_indices
from train.data.pairs import Pair, evaluation_sets, is_paired, mismatched, pairing

BATCH = 32
MATCH_LABELS = ("different", "same")

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]
Report = dict[str, Any]


def evaluate(
    framework: Framework,
    experiment: Experiment,
    root: Path,
    tokenize: Tokenize | None,
    *,
    cache: Path | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Figures of each branch and of both together, and the temperatures they were made with.

    Returns:
        `protocol`, `temperatures` (condition → T), `sets` (name → condition → report) and
        `matching` (name → report), empty where the framework matches nothing.
    """
    dev = evaluation_sets(experiment, root, "dev", seed)
    test = evaluation_sets(experiment, root, "test", seed)
    parts = [part for items in (*dev.values(), *test.values()) for p in items for part in p.parts]
    material = Material([part for part in parts if part], experiment.sources, cache)
    asked = BranchEvaluator(framework.eval(), material, tokenize)
    temperatures = calibrate(asked, dev)
    matching, match_temperature = measure_matching(asked, dev, test, seed)
    if matching:
        temperatures[MATCH] = match_temperature
    sets = {
        name: {
            condition: recognition_report(
                label_indices(pairs).numpy(),
                rows,
                FOUR,
                groups=[pair.group for pair in pairs],
                temperature=temperatures[condition],
                seed=seed,
            )
            for condition, rows in asked.logits(pairs, name).items()
        }
        for name, pairs in test.items()
    }
    return {
        "protocol": protocol(experiment, seed, sets),
        "temperatures": temperatures,
        "sets": sets,
        "matching": matching,
    }


def protocol(experiment: Experiment, seed: int, sets: Iterable[str] = ()) -> dict[str, Any]:
    """In words and numbers, what the figures of these sets mean."""
    words = {
        "experiment": experiment.name,
        "training_seed": experiment.seed,
        "evaluation_seed": seed,
        "split": "test; temperatures and every choice from the development split",
        "labels": list(FOUR),
        "pairing": pairing(sets),
        "interval": "95 % bootstrap over speakers (clips, pairs), writers, dialogues or pictures",
    }
    if "video" in experiment.sources:
        frames = experiment.sources["video"].frames
        words["video"] = f"a clip is {frames} drifting crops of one picture: no facial motion"
    return words


@dataclass(frozen=True)
class BranchEvaluator:
    """A framework, and what it is asked about.

    Attributes:
        framework: In evaluation mode.
        material: Of every example that it will be asked about.
        tokenize: Where an encoder reads text.
        encoded: Modality and example → (T, D) tokens; an example stands in many pairs and sets.
    """

    framework: Framework
    material: Material
    tokenize: Tokenize | None
    encoded: dict[tuple[str, Example], torch.Tensor] = field(default_factory=dict)

    def logits(self, pairs: Sequence[Pair], title: str) -> dict[str, Floats]:
        """Condition → (N, C): each modality alone and, for pairs, both; in the order of `pairs`."""
        wanted = [
            name
            for name, encoder in self.framework.encoders().items()
            if getattr(pairs[0], encoder.modality) is not None
        ]
        rows: dict[str, list[Floats]] = {}
        for features in self._features(pairs, title):
            alone = self.framework.alone(features)
            logits = {name: alone[name].logits for name in wanted}
            if len(wanted) > 1:
                logits[COMBINED] = self.framework.fuse(features).logits
            for condition, values in logits.items():
                rows.setdefault(condition, []).append(values.float().cpu().numpy())
        return {condition: np.concatenate(parts) for condition, parts in rows.items()}

    def match_logits(self, pairs: Sequence[Pair], title: str) -> Floats | None:
        """(N, 2) for (different, same), the mean of both directions; None without matching."""
        rows = []
        for features in self._features(pairs, title):
            found = self.framework.fuse(features).features.get(MATCH_LOGITS)
            if found is None:
                return None
            rows.append(found.float().mean(dim=1).cpu().numpy())
        return np.concatenate(rows)

    def _features(self, pairs: Sequence[Pair], title: str) -> Iterator[dict[str, Features]]:
        encoders = self.framework.encoders()
        device = next(self.framework.parameters()).device
        for start in tqdm(range(0, len(pairs), BATCH), desc=title, mininterval=5.0):
            part = pairs[start : start + BATCH]
            rows: list[dict[str, torch.Tensor | None]] = [{} for _ in part]
            with torch.inference_mode():
                for name, encoder in encoders.items():
                    examples = [getattr(pair, encoder.modality) for pair in part]
                    self._encode(encoder, [e for e in examples if e is not None])
                    for row, example in zip(rows, examples, strict=True):
                        key = (encoder.modality, example)
                        row[name] = None if example is None else self.encoded[key]
                widths = {name: encoder.width for name, encoder in encoders.items()}
                yield collate_features(rows, widths).to(device).cached

    def _encode(self, encoder: Encoder, examples: Sequence[Example]) -> None:
        """Keep the tokens of examples not met before."""
        new = [e for e in dict.fromkeys(examples) if (encoder.modality, e) not in self.encoded]
        if not new:
            return
        utterances = [self.material.utterance([example]) for example in new]
        device = next(encoder.parameters()).device
        found = encoder(collate(utterances, self.tokenize).to(device)).to("cpu")
        for example, tokens, mask in zip(new, found.tokens, found.mask, strict=True):
            self.encoded[encoder.modality, example] = tokens[mask].clone()


def calibrate(asked: BranchEvaluator, dev: Mapping[str, Sequence[Pair]]) -> dict[str, float]:
    """One temperature a condition, every development set counting equally."""
    name_of = {encoder.modality: name for name, encoder in asked.framework.encoders().items()}
    gathered: dict[str, list[tuple[Floats, Labels]]] = {}
    for name, pairs in dev.items():
        wanted = COMBINED if is_paired(name) else name_of[name.split("/")[0]]
        labels = label_indices(pairs).numpy()
        gathered.setdefault(wanted, []).append((asked.logits(pairs, name)[wanted], labels))
    return {condition: common_temperature(parts) for condition, parts in gathered.items()}


def common_temperature(parts: Sequence[tuple[Floats, Labels]]) -> float:
    """One temperature for several sets of (logits, labels); smaller sets are repeated."""
    size = max(len(labels) for _, labels in parts)
    chosen = [np.arange(size) % len(labels) for _, labels in parts]
    rows = np.concatenate([r[i] for (r, _), i in zip(parts, chosen, strict=True)])
    truth = np.concatenate([t[i] for (_, t), i in zip(parts, chosen, strict=True)])
    return fit_temperature(rows, truth)


def measure_matching(
    asked: BranchEvaluator,
    dev: Mapping[str, Sequence[Pair]],
    test: Mapping[str, Sequence[Pair]],
    seed: int,
) -> tuple[dict[str, Report], float]:
    """How well matched pairs are told from mismatched ones, as many of each.

    Returns:
        Set → report with the labels `MATCH_LABELS`, and the temperature it was made with.
    """
    found = {name: asked_matching(asked, name, pairs, seed) for name, pairs in dev.items()}
    known = [(rows.logits, rows.labels) for rows in found.values() if rows]
    if not known:
        return {}, 1.0
    temperature = common_temperature(known)
    reports = {}
    for name, pairs in test.items():
        if rows := asked_matching(asked, name, pairs, seed):
            reports[name] = recognition_report(
                rows.labels,
                rows.logits,
                MATCH_LABELS,
                groups=rows.groups,
                temperature=temperature,
                seed=seed,
            )
    return reports, temperature


@dataclass(frozen=True)
class Matching:
    """Logits (2N, 2) of N matched and N mismatched pairs, their truth and groups."""

    logits: Floats
    labels: Labels
    groups: list[str]


def asked_matching(
    asked: BranchEvaluator, name: str, pairs: Sequence[Pair], seed: int
) -> Matching | None:
    """What the framework says of `pairs` and of as many mismatched ones; None if it cannot."""
    if not is_paired(name):
        return None
    others = mismatched(pairs, np.random.default_rng(seed))
    logits = asked.match_logits([*pairs, *others], f"{name}, matching")
    if logits is None:
        return None
    labels = np.repeat(np.array([1, 0], dtype=np.int64), len(pairs))
    return Matching(logits, labels, [pair.group for pair in pairs] * 2)
