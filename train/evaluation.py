"""Test figures of a checkpoint: temperatures from development data, then every test set once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from mer_core.data import Example, collate
from mer_core.data.collate import Tokenize
from mer_core.emotions import FOUR
from mer_core.encoders.base import Encoder
from mer_core.frameworks.base import Framework
from mer_core.judging import COMBINED
from mer_core.metrics import fit_temperature, recognition_report
from mer_core.types import Features, Utterance
from train.config import Experiment
from train.paired_task import label_indices
from train.pairs import Pair, evaluation_sets
from train.recordings import Recordings

Logits = dict[str, NDArray[np.float32]]  # condition → (N, C)


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
        `protocol`, `temperatures` (condition → T) and `sets` (name → condition → report).
    """
    framework.eval()
    dev = evaluation_sets(experiment, root, "dev", seed)
    test = evaluation_sets(experiment, root, "test", seed)
    clips = [p.speech for items in (*dev.values(), *test.values()) for p in items if p.speech]
    recordings = Recordings(clips, cache)
    temperatures = calibrate(framework, dev, recordings, tokenize)
    sets: dict[str, Any] = {}
    for name, pairs in test.items():
        labels = label_indices(pairs).numpy()
        groups = [pair.group for pair in pairs]
        logits = condition_logits(framework, pairs, recordings, tokenize, name)
        sets[name] = {
            condition: recognition_report(
                labels, rows, FOUR, groups=groups, temperature=temperatures[condition], seed=seed
            )
            for condition, rows in logits.items()
        }
    return {
        "protocol": protocol(experiment, seed),
        "temperatures": temperatures,
        "sets": sets,
    }


def protocol(experiment: Experiment, seed: int) -> dict[str, Any]:
    """In words and numbers, what the figures mean."""
    return {
        "experiment": experiment.name,
        "training_seed": experiment.seed,
        "evaluation_seed": seed,
        "split": "test; temperatures and every choice from the development split",
        "labels": list(FOUR),
        "pairing": "by label within the split: fusion on labels, not naturally paired speech",
        "interval": "95 % bootstrap over speakers (clips, pairs), writers or dialogues (texts)",
    }


def calibrate(
    framework: Framework,
    dev: dict[str, list[Pair]],
    recordings: Recordings,
    tokenize: Tokenize | None,
) -> dict[str, float]:
    """One temperature a condition, every development set counting equally."""
    gathered: dict[str, list[tuple[NDArray[np.float32], NDArray[np.int64]]]] = {}
    for name, pairs in dev.items():
        wanted = COMBINED if name.startswith("paired/") else name.split("/")[0]
        logits = condition_logits(framework, pairs, recordings, tokenize, name)
        labels = label_indices(pairs).numpy()
        gathered.setdefault(wanted, []).append((logits[wanted], labels))
    temperatures = {}
    for condition, parts in gathered.items():
        size = max(len(labels) for _, labels in parts)
        chosen = [np.arange(size) % len(labels) for _, labels in parts]
        rows = np.concatenate([r[i] for (r, _), i in zip(parts, chosen, strict=True)])
        truth = np.concatenate([t[i] for (_, t), i in zip(parts, chosen, strict=True)])
        temperatures[condition] = fit_temperature(rows, truth)
    return temperatures


def condition_logits(
    framework: Framework,
    pairs: Sequence[Pair],
    recordings: Recordings,
    tokenize: Tokenize | None,
    title: str,
    batch_size: int = 32,
) -> Logits:
    """Logits (N, C) of each modality alone and, for pairs, of both; in the order of `pairs`."""
    wanted = [m for m in framework.encoders() if getattr(pairs[0], m) is not None]
    rows: dict[str, list[NDArray[np.float32]]] = {}
    with torch.inference_mode():
        for start in tqdm(range(0, len(pairs), batch_size), desc=title, mininterval=5.0):
            part = pairs[start : start + batch_size]
            features = {
                modality: encode_halves(
                    encoder, [getattr(pair, modality) for pair in part], recordings, tokenize
                )
                for modality, encoder in framework.encoders().items()
            }
            alone = framework.alone(features)
            logits = {m: alone[m].logits for m in wanted}
            if len(wanted) > 1:
                logits[COMBINED] = framework.fuse(features).logits
            for condition, values in logits.items():
                rows.setdefault(condition, []).append(values.float().cpu().numpy())
    return {condition: np.concatenate(parts) for condition, parts in rows.items()}


def encode_halves(
    encoder: Encoder,
    halves: Sequence[Example | None],
    recordings: Recordings,
    tokenize: Tokenize | None,
) -> Features:
    """Features of one modality; a clip that stands in several pairs is encoded once."""
    unique = list(dict.fromkeys(halves))
    utterances = [
        Utterance(
            waveform=recordings.waveform(half.path) if half and half.path else None,
            text=half.text if half else None,
        )
        for half in unique
    ]
    device = next(encoder.parameters()).device
    found = encoder(collate(utterances, tokenize).to(device))
    index = torch.tensor([unique.index(half) for half in halves], device=device)
    return Features(found.tokens[index], found.mask[index], found.present[index])
