"""From features to probabilities: what speech with text and video have in common.

A clip is judged in segments. Its overall logits are the mean over them, each weighted by how much
evidence it holds (seconds of speech, of a face); so are its embeddings.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, softmax
from torch import Tensor

from mer_core.data.collate import Tokenize, collate
from mer_core.frameworks.base import MATCH, MATCH_LOGITS, Framework, hidden
from mer_core.serving.reuse import EncodedRows, encoded_before
from mer_core.serving.windows import Span
from mer_core.types import (
    COMBINED,
    Features,
    FloatArray,
    Output,
    Prediction,
    State,
    Transcript,
    Utterance,
    Window,
)


class Inputs(Protocol):
    """What every prediction repeats of its inputs; see `Prediction`."""

    @property
    def state(self) -> State: ...  # noqa: D102
    @property
    def message(self) -> str: ...  # noqa: D102
    @property
    def duration(self) -> float | None: ...  # noqa: D102
    @property
    def envelope(self) -> FloatArray | None: ...  # noqa: D102
    @property
    def text(self) -> str | None: ...  # noqa: D102
    @property
    def transcript(self) -> Transcript | None: ...  # noqa: D102


@dataclass(frozen=True)
class Segment:
    """What the network predicts for one span.

    Attributes:
        span: Which.
        logits: Modality that is present, and `COMBINED` where several are → (C,).
        before: Modality → (D,), pooled before alignment.
        after: Modality → (D,), after alignment.
        match: Logit of "same emotion", or None without two modalities or without matching.
        attention: Name, such as `text_to_speech` → (Tq, Tk) weights of valid tokens.
    """

    span: Span
    logits: dict[str, FloatArray]
    before: dict[str, FloatArray]
    after: dict[str, FloatArray]
    match: float | None
    attention: dict[str, FloatArray] = field(default_factory=dict)


class Scorer:
    """A framework with its temperatures, on a device; may be called from several threads.

    Attributes:
        framework: In evaluation mode.
        name: Of the framework, such as `mgcma`.
        temperatures: Condition → T; a condition is a modality, `COMBINED` or `MATCH`.
        device: Where inputs are sent.
        names: What an encoder reads (`speech`, …) → what the framework calls it.
    """

    def __init__(
        self,
        framework: Framework,
        name: str,
        temperatures: Mapping[str, float],
        device: torch.device,
    ) -> None:
        self.framework = framework.eval()
        self.name = name
        self.temperatures = temperatures
        self.device = device
        self.names = {encoder.modality: name for name, encoder in framework.encoders().items()}
        self._lock = threading.Lock()

    @property
    def conditions(self) -> tuple[str, ...]:
        """Keys of `Prediction.by_modality`."""
        return (*self.framework.encoders(), COMBINED)

    @property
    def tokenize(self) -> Tokenize | None:
        """The tokenizer of the encoder that reads text, or None without one."""
        encoder = self.framework.encoders().get("text")
        return None if encoder is None else encoder.tokenizer

    def probabilities(self, logits: FloatArray, condition: str) -> dict[str, float]:
        """Logits (C,) → calibrated probabilities by category."""
        values = softmax(logits.astype(np.float64) / self.temperatures.get(condition, 1.0))
        return {n: float(value) for n, value in zip(self.framework.labels, values, strict=True)}

    def match_probability(self, logit: float) -> float:
        """Calibrated probability that both halves carry one emotion.

        Dividing both logits by a temperature divides their difference by it.
        """
        return float(expit(logit / self.temperatures.get(MATCH, 1.0)))

    def unlabelled(self, inputs: Inputs) -> Prediction:
        """A prediction without a label, with the facts of its inputs."""
        return Prediction(
            emotion=None,
            probabilities={},
            by_modality=dict.fromkeys(self.conditions),
            state=inputs.state,
            message=inputs.message,
            framework=self.name,
            duration=inputs.duration,
            envelope=inputs.envelope,
            text=inputs.text,
            transcript=inputs.transcript,
        )

    def fuse(self, features: dict[str, Features]) -> Output:
        """What the framework makes of features of its encoders, or of changed ones."""
        with self._lock, torch.inference_mode():
            return self.framework.fuse(features)

    def segments(
        self,
        features: Mapping[str, Features],
        spans: Sequence[Span],
        attention_of: Collection[int] | None = None,
    ) -> list[Segment]:
        """Fuse all modalities of every row, and each modality alone.

        Args:
            features: One row a span.
            spans: Where the rows come from.
            attention_of: Rows whose attention is wanted; None: all.
        """
        with self._lock, torch.inference_mode():
            fused, alone = self._fuse(features)
        rows = range(len(spans)) if attention_of is None else attention_of
        segments = []
        for row, span in enumerate(spans):
            present = [name for name, f in features.items() if bool(f.present[row])]
            logits = {name: as_array(alone[name][row]) for name in present}
            several = len(present) > 1
            if several:
                logits[COMBINED] = as_array(fused.logits[row])
            segments.append(
                Segment(
                    span=span,
                    logits=logits,
                    before={m: as_array(fused.features[f"{m}_pooled"][row]) for m in present},
                    after={m: as_array(fused.features[f"{m}_embedding"][row]) for m in present},
                    match=match_logit(fused, row) if several else None,
                    attention=valid_attention(fused, features, row)
                    if several and row in rows
                    else {},
                )
            )
        return segments

    def encode_rows(
        self, utterances: Sequence[Utterance], earlier: Sequence[EncodedRows] = ()
    ) -> EncodedRows:
        """Encode a batch, but for the modalities that one of the `earlier` batches holds."""
        known = encoded_before(utterances, earlier, self.names)
        with self._lock, torch.inference_mode():
            batch = collate(utterances, self.tokenize).to(self.device)
            features = {
                name: known[name] if name in known else encoder(batch)
                for name, encoder in self.framework.encoders().items()
            }
        return EncodedRows(tuple(utterances), features)

    def _fuse(self, features: Mapping[str, Features]) -> tuple[Output, dict[str, Tensor]]:
        """The output for all modalities, and each one's logits (B, C) alone, in one pass.

        A third of the calls of `Framework.alone`, of which small heads on a CPU mostly consist.
        """
        views = [
            features,
            *({m: f if m == name else hidden(f) for m, f in features.items()} for name in features),
        ]
        stacked = {name: joined([view[name] for view in views]) for name in features}
        fused = self.framework.fuse(stacked)
        logits = fused.logits.chunk(len(views))  # each (B, C)
        return fused, dict(zip(features, logits[1:], strict=True))

    def labelled(self, prediction: Prediction, segments: Sequence[Segment]) -> Prediction:
        """`prediction` with the label of `segments`, at least one of which has logits."""
        weights = np.array([segment.span.weight for segment in segments])
        logits = weighted_mean(weights, [segment.logits for segment in segments])
        by_modality = {
            **prediction.by_modality,
            **{name: self.probabilities(values, name) for name, values in logits.items()},
        }
        decisive = overall(by_modality)
        matches = [segment.match for segment in segments if segment.match is not None]
        return replace(
            prediction,
            emotion=most_probable(decisive),
            probabilities=decisive,
            by_modality=by_modality,
            embeddings_before=unit(weighted_mean(weights, [s.before for s in segments])),
            embeddings_after=unit(weighted_mean(weights, [s.after for s in segments])),
            match=self.match_probability(float(np.mean(matches))) if matches else None,
        )


def joined(rows: Sequence[Features]) -> Features:
    """Features of one modality, below each other: (B, T, D) each → (N B, T, D)."""
    return Features(
        torch.cat([one.tokens for one in rows]),
        torch.cat([one.mask for one in rows]),
        torch.cat([one.present for one in rows]),
    )


def window(start: float, end: float, probabilities: dict[str, float] | None) -> Window:
    """A window of the timeline; without probabilities it has no category."""
    if not probabilities:
        return Window(start, end, None, {})
    return Window(start, end, most_probable(probabilities), probabilities)


def overall(by_modality: Mapping[str, dict[str, float] | None]) -> dict[str, float]:
    """The joint probabilities, or those of the one modality that is present."""
    return by_modality.get(COMBINED) or next(p for p in by_modality.values() if p)


def most_probable(probabilities: Mapping[str, float]) -> str:
    """The category of the highest probability."""
    return max(probabilities, key=lambda name: probabilities[name])


def match_logit(fused: Output, row: int) -> float | None:
    """Logit of "same emotion", averaged over both directions; None without matching."""
    if MATCH_LOGITS not in fused.features:
        return None
    different, same = as_array(fused.features[MATCH_LOGITS][row]).mean(axis=0)
    return float(same - different)


def valid_attention(
    fused: Output, features: Mapping[str, Features], row: int
) -> dict[str, FloatArray]:
    """`query_to_key` → (Tq, Tk) weights of one row, without padding."""
    weights = {}
    for query, queries in features.items():
        for key, keys in features.items():
            name = f"{query}_to_{key}"
            if name in fused.attention:
                valid = fused.attention[name][row][queries.mask[row]][:, keys.mask[row]]
                weights[name] = as_array(valid)
    return weights


def weighted_mean(
    weights: NDArray[np.float64], rows: Sequence[dict[str, FloatArray]]
) -> dict[str, FloatArray]:
    """Mean of rows of named arrays by `weights` (N,), over the rows in which a name occurs."""
    names = dict.fromkeys(name for row in rows for name in row)
    means = {}
    for name in names:
        present = [
            (weight, row[name]) for weight, row in zip(weights, rows, strict=True) if name in row
        ]
        total = sum(weight for weight, _ in present)
        means[name] = np.asarray(sum(w / total * values for w, values in present), dtype=np.float32)
    return means


def unit(vectors: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Named vectors at length 1."""
    return {m: v / max(float(np.linalg.norm(v)), 1e-12) for m, v in vectors.items()}


def as_array(tensor: torch.Tensor) -> FloatArray:
    """A float32 array of a tensor on any device."""
    return np.asarray(tensor.float().cpu().numpy(), dtype=np.float32)
