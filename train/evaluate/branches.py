"""The branches of a framework on pairs: logits of each modality alone and of both together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from mer_core.data import Example, collate
from mer_core.data.collate import Tokenize, collate_features
from mer_core.encoders.base import Encoder
from mer_core.frameworks.base import MATCH_LOGITS, Framework
from mer_core.types import COMBINED, Features, Output
from train.config import Experiment
from train.data.material import Material
from train.data.pairs import Pair
from train.evaluate.protocol import Floats
from train.evaluate.reading import VisitorReader
from train.stages import tokenizer_of

BATCH = 32


@dataclass(frozen=True)
class EncodedPiece:
    """One window of an example.

    Attributes:
        weight: Evidence in it, see `Span.weight`.
        tokens: (T, D).
    """

    weight: float
    tokens: torch.Tensor


@dataclass(frozen=True)
class WindowRows:
    """Which rows of a batch are windows of which pair.

    Attributes:
        index: (R,) of the pair.
        weights: (R,) of the windows.
        count: N pairs.
    """

    index: NDArray[np.int64]
    weights: NDArray[np.float64]
    count: int

    def mean(self, values: torch.Tensor, valid: torch.Tensor) -> Floats:
        """(R, ...) → (N, ...), the weighted mean over `valid` (R,) windows; NaN without any."""
        rows = values.float().cpu().numpy()
        weights = self.weights * valid.cpu().numpy()  # (R,)
        sums = np.zeros((self.count, *rows.shape[1:]))
        totals = np.zeros(self.count)
        np.add.at(totals, self.index, weights)
        np.add.at(sums, self.index, rows * weights.reshape(-1, *[1] * (rows.ndim - 1)))
        totals[totals == 0] = np.nan
        return (sums / totals.reshape(-1, *[1] * (rows.ndim - 1))).astype(np.float32)


@dataclass(frozen=True)
class BranchEvaluator:
    """A framework, and the reader of what it is evaluated on.

    Attributes:
        framework: In evaluation mode.
        reader: Of every example that will be encoded.
        tokenize: Needed if an encoder reads text.
        encoded: Modality and example → windows of it, encoded, none if it is refused; an example
            occurs in many pairs and sets.
    """

    framework: Framework
    reader: VisitorReader
    tokenize: Tokenize | None
    encoded: dict[tuple[str, Example], list[EncodedPiece]] = field(default_factory=dict)

    def logits(self, pairs: Sequence[Pair], title: str = "") -> dict[str, Floats]:
        """Condition → (N, C): each modality alone and, for pairs, both; in the order of `pairs`.

        A row is the mean over the windows of a long clip, and NaN where something is refused.
        """
        present = self._asked(pairs)
        rows: dict[str, list[Floats]] = {}
        for rows_of, features in self._features(pairs, title):
            alone = self.framework.alone(features)
            logits = {name: (alone[name], features[name].present) for name in present}
            if len(present) > 1:
                complete = torch.stack([features[name].present for name in present]).all(dim=0)
                logits[COMBINED] = (self.framework.fuse(features), complete)
            for condition, (output, valid) in logits.items():
                rows.setdefault(condition, []).append(rows_of.mean(output.logits, valid))
        return {condition: np.concatenate(parts) for condition, parts in rows.items()}

    def outputs(self, pairs: Sequence[Pair]) -> Iterator[Output]:
        """Logits and match logits, batch by batch in the order of `pairs`; NaN where refused."""
        for rows_of, features in self._features(pairs, "matching"):
            output = self.framework.fuse(features)
            complete = torch.stack([f.present for f in features.values()]).all(dim=0)
            named = {
                name: torch.from_numpy(rows_of.mean(value, complete))
                for name, value in output.features.items()
                if name == MATCH_LOGITS
            }
            yield Output(torch.from_numpy(rows_of.mean(output.logits, complete)), named)

    def _asked(self, pairs: Sequence[Pair]) -> list[str]:
        """The paper's names of the modalities of these pairs."""
        encoders = self.framework.encoders().items()
        return [name for name, e in encoders if getattr(pairs[0], e.modality) is not None]

    def _features(
        self, pairs: Sequence[Pair], title: str
    ) -> Iterator[tuple[WindowRows, dict[str, Features]]]:
        """Batch by batch: the features, a row for each window, and which rows are of which pair."""
        encoders = self.framework.encoders()
        widths = {name: encoder.width for name, encoder in encoders.items()}
        device = next(self.framework.parameters()).device
        for start in tqdm(range(0, len(pairs), BATCH), desc=title, mininterval=5.0):
            batch = pairs[start : start + BATCH]
            with torch.inference_mode():
                for encoder in encoders.values():
                    examples = [getattr(pair, encoder.modality) for pair in batch]
                    self._encode(encoder, [e for e in examples if e is not None])
                windows = [self._windows(pair) for pair in batch]
                rows_of = WindowRows(
                    np.repeat(np.arange(len(batch)), [len(rows) for rows in windows]),
                    np.array([weight for rows in windows for weight, _ in rows]),
                    len(batch),
                )
                tokens = [row for rows in windows for _, row in rows]
                yield rows_of, collate_features(tokens, widths).to(device).cached

    def _windows(self, pair: Pair) -> list[tuple[float, dict[str, torch.Tensor | None]]]:
        """Weight and tokens by modality of every window of a pair; at least one.

        The windows are those of the half that has several; the other half is in all of them.
        """
        parts: dict[str, list[EncodedPiece]] = {}
        for name, encoder in self.framework.encoders().items():
            example = getattr(pair, encoder.modality)
            parts[name] = [] if example is None else self.encoded[encoder.modality, example]
        count = max(1, *(len(pieces) for pieces in parts.values()))
        leading = next((pieces for pieces in parts.values() if len(pieces) == count), None)
        return [
            (
                leading[i].weight if leading else 1.0,
                {
                    name: pieces[min(i, len(pieces) - 1)].tokens if pieces else None
                    for name, pieces in parts.items()
                },
            )
            for i in range(count)
        ]

    def _encode(self, encoder: Encoder, examples: Sequence[Example]) -> None:
        """Store the tokens of examples that have not been encoded yet."""
        new = [e for e in dict.fromkeys(examples) if (encoder.modality, e) not in self.encoded]
        for example in new:
            self.encoded[encoder.modality, example] = []
        read = [(example, piece) for example in new for piece in self.reader.pieces(example)]
        device = next(encoder.parameters()).device
        for start in range(0, len(read), BATCH):
            part = read[start : start + BATCH]
            batch = collate([piece.utterance for _, piece in part], self.tokenize).to(device)
            features = encoder(batch).to("cpu")
            for (example, piece), tokens, mask in zip(
                part, features.tokens, features.mask, strict=True
            ):
                own = self.encoded[encoder.modality, example]
                own.append(EncodedPiece(piece.span.weight, tokens[mask].clone()))


def evaluator_of(
    framework: Framework,
    sets: Iterable[Sequence[Pair]],
    experiment: Experiment,
    cache: Path | None = None,
) -> BranchEvaluator:
    """An evaluator that can read every pair of some sets."""
    parts = [part for pairs in sets for pair in pairs for part in pair.parts]
    examples = list(dict.fromkeys(part for part in parts if part))
    material = Material(examples, experiment.sources, cache)
    tokenizer = tokenizer_of(framework)
    return BranchEvaluator(
        framework.eval(), VisitorReader.of(examples, material, tokenizer, cache), tokenizer
    )
