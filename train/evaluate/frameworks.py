"""Test figures of a framework: temperatures from development data, then every test set once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from mer_core.data import Example, collate
from mer_core.data.collate import Tokenize, collate_features
from mer_core.emotions import FOUR
from mer_core.encoders.base import Encoder
from mer_core.frameworks.base import MATCH, Framework
from mer_core.metrics.recognition import recognition_report
from mer_core.types import COMBINED, Features, Output
from train.config import Experiment
from train.data.material import Material
from train.data.paired_task import label_indices
from train.data.pairs import Pair, SetName, evaluation_sets
from train.evaluate.matching import measure_matching
from train.evaluate.protocol import Floats, common_temperatures, protocol
from train.stages import tokenizer_of

BATCH = 32


def evaluate(
    framework: Framework,
    experiment: Experiment,
    root: Path,
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
    evaluator = BranchEvaluator(framework.eval(), material, tokenizer_of(framework))
    temperatures = calibrate(evaluator, dev)
    matching, match_temperature = measure_matching(
        evaluator.outputs,
        [pairs for name, pairs in dev.items() if name.is_paired],
        {str(name): pairs for name, pairs in test.items() if name.is_paired},
        seed,
    )
    if matching:
        temperatures[MATCH] = match_temperature
    return {
        "protocol": protocol(experiment, seed, FOUR, test),
        "temperatures": temperatures,
        "sets": {
            str(name): _reports(evaluator.logits(pairs, str(name)), pairs, temperatures, seed)
            for name, pairs in test.items()
        },
        "matching": matching,
    }


def _reports(
    logits: Mapping[str, Floats],
    pairs: Sequence[Pair],
    temperatures: Mapping[str, float],
    seed: int,
) -> dict[str, dict[str, Any]]:
    """Condition → report of one set."""
    labels, groups = label_indices(pairs).numpy(), [pair.group for pair in pairs]
    return {
        condition: recognition_report(
            labels, rows, FOUR, groups=groups, temperature=temperatures[condition], seed=seed
        )
        for condition, rows in logits.items()
    }


@dataclass(frozen=True)
class BranchEvaluator:
    """A framework and the material to evaluate it on.

    Attributes:
        framework: In evaluation mode.
        material: Of every example that will be encoded.
        tokenize: Needed if an encoder reads text.
        encoded: Modality and example → (T, D) tokens; an example occurs in many pairs and sets.
    """

    framework: Framework
    material: Material
    tokenize: Tokenize | None
    encoded: dict[tuple[str, Example], torch.Tensor] = field(default_factory=dict)

    def logits(self, pairs: Sequence[Pair], title: str = "") -> dict[str, Floats]:
        """Condition → (N, C): each modality alone and, for pairs, both; in the order of `pairs`."""
        present = [
            name
            for name, encoder in self.framework.encoders().items()
            if getattr(pairs[0], encoder.modality) is not None
        ]
        rows: dict[str, list[Floats]] = {}
        for features in self._features(pairs, title):
            alone = self.framework.alone(features)
            logits = {name: alone[name].logits for name in present}
            if len(present) > 1:
                logits[COMBINED] = self.framework.fuse(features).logits
            for condition, values in logits.items():
                rows.setdefault(condition, []).append(values.float().cpu().numpy())
        return {condition: np.concatenate(parts) for condition, parts in rows.items()}

    def outputs(self, pairs: Sequence[Pair]) -> Iterator[Output]:
        """The framework's outputs, batch by batch in the order of `pairs`."""
        for features in self._features(pairs, "matching"):
            yield self.framework.fuse(features)

    def _features(self, pairs: Sequence[Pair], title: str) -> Iterator[dict[str, Features]]:
        encoders = self.framework.encoders()
        widths = {name: encoder.width for name, encoder in encoders.items()}
        device = next(self.framework.parameters()).device
        for start in tqdm(range(0, len(pairs), BATCH), desc=title, mininterval=5.0):
            batch = pairs[start : start + BATCH]
            rows: list[dict[str, torch.Tensor | None]] = [{} for _ in batch]
            with torch.inference_mode():
                for name, encoder in encoders.items():
                    examples = [getattr(pair, encoder.modality) for pair in batch]
                    self._encode(encoder, [e for e in examples if e is not None])
                    for row, example in zip(rows, examples, strict=True):
                        key = (encoder.modality, example)
                        row[name] = None if example is None else self.encoded[key]
                yield collate_features(rows, widths).to(device).cached

    def _encode(self, encoder: Encoder, examples: Sequence[Example]) -> None:
        """Store the tokens of examples that have not been encoded yet."""
        new = [e for e in dict.fromkeys(examples) if (encoder.modality, e) not in self.encoded]
        if not new:
            return
        utterances = [self.material.utterance([example]) for example in new]
        device = next(encoder.parameters()).device
        features = encoder(collate(utterances, self.tokenize).to(device)).to("cpu")
        for example, tokens, mask in zip(new, features.tokens, features.mask, strict=True):
            self.encoded[encoder.modality, example] = tokens[mask].clone()


def calibrate(
    evaluator: BranchEvaluator, dev: Mapping[SetName, Sequence[Pair]]
) -> dict[str, float]:
    """Condition → T, every development set counting equally."""
    paper_names = {e.modality: name for name, e in evaluator.framework.encoders().items()}

    def labelled(name: SetName, condition: str) -> tuple[str, tuple[Floats, Any]]:
        logits = evaluator.logits(dev[name], str(name))[condition]
        return condition, (logits, label_indices(dev[name]).numpy())

    return common_temperatures(
        labelled(name, paper_names.get(name.modality, COMBINED)) for name in dev
    )
