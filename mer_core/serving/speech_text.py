"""From readings to predictions: one batch for all windows, calibration, and what surrounds a label.

The overall logits of a long recording are the mean over its windows that hold speech, each
weighted by its seconds of speech; so are its embeddings.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax

from mer_core.data.collate import Tokenize, collate
from mer_core.frameworks.base import Framework
from mer_core.serving.inputs import SpeechTextInputs
from mer_core.serving.windows import Piece, cut, is_long, spans
from mer_core.serving.word_attention import word_attention
from mer_core.types import (
    COMBINED,
    SAMPLE_RATE,
    Features,
    FloatArray,
    Output,
    Prediction,
    State,
    Window,
)


@dataclass(frozen=True)
class Judgement:
    """What the network said about one piece, under each condition that applies to it."""

    logits: dict[str, FloatArray]
    before: dict[str, FloatArray]
    after: dict[str, FloatArray]
    attention: FloatArray | None  # (T_text, T_speech)


@dataclass(frozen=True)
class Encoded:
    """Readings behind the encoders: what every head on the same encoders can be asked about.

    Attributes:
        readings: What was encoded.
        pieces: Windows of all readings, in order.
        features: The pieces' features, batch by batch.
    """

    readings: tuple[SpeechTextInputs, ...]
    pieces: tuple[Piece, ...]
    features: tuple[dict[str, Features], ...]


class Scorer:
    """A framework with its temperatures, on a device, for one caller at a time.

    Attributes:
        framework: In evaluation mode.
        name: Of the framework, such as `mgcma`.
        temperatures: Condition → T.
        device: Where inputs are sent.
        names: What an encoder reads (`speech`, …) → what the framework calls it.
    """

    def __init__(
        self,
        framework: Framework,
        name: str,
        temperatures: dict[str, float],
        device: torch.device,
    ) -> None:
        self.framework = framework.eval()
        self.name = name
        self.temperatures = temperatures
        self.device = device
        self.names = {encoder.modality: name for name, encoder in framework.encoders().items()}
        self._lock = threading.Lock()

    def named(self, logits: FloatArray, condition: str) -> dict[str, float]:
        """Logits (C,) → calibrated probabilities by category."""
        values = softmax(logits.astype(np.float64) / self.temperatures.get(condition, 1.0))
        return {n: float(value) for n, value in zip(self.framework.labels, values, strict=True)}


class SpeechTextScorer(Scorer):
    """Asked about many readings of sound and text at once."""

    @property
    def speech(self) -> str:
        """What the framework calls speech."""
        return self.names.get("speech", "speech")

    @property
    def tokenize(self) -> Tokenize | None:
        """The tokenizer of the encoder that reads text, if there is one."""
        return getattr(self.framework.encoders().get("text"), "tokenizer", None)

    def score(self, readings: Sequence[SpeechTextInputs], batch_size: int = 16) -> list[Prediction]:
        """One prediction a reading, in order.

        Args:
            readings: Any number.
            batch_size: Pieces that go through the network at once; features of one such batch
                are gone before the next one is encoded.
        """
        pieces = _pieces(readings)
        judgements = [
            judgement
            for features in self._encode(pieces, batch_size)
            for judgement in self._fuse(features)
        ]
        return self._predictions(readings, pieces, judgements)

    def encode(self, readings: Sequence[SpeechTextInputs], batch_size: int = 16) -> Encoded:
        """Encode once what several heads will be asked about; see `score_encoded`."""
        pieces = _pieces(readings)
        return Encoded(tuple(readings), tuple(pieces), tuple(self._encode(pieces, batch_size)))

    def score_encoded(self, encoded: Encoded) -> list[Prediction]:
        """One prediction a reading, in order, as `score` gives it.

        Args:
            encoded: By the same encoders, whichever judge they were asked through.
        """
        judgements = [j for features in encoded.features for j in self._fuse(features)]
        return self._predictions(encoded.readings, encoded.pieces, judgements)

    def _encode(self, pieces: Sequence[Piece], batch_size: int) -> Iterator[dict[str, Features]]:
        for start in range(0, len(pieces), batch_size):
            utterances = [p.utterance for p in pieces[start : start + batch_size]]
            with self._lock, torch.inference_mode():
                batch = collate(utterances, self.tokenize).to(self.device)
                features = self.framework.encode(batch)
            yield features

    def _fuse(self, features: dict[str, Features]) -> list[Judgement]:
        """Fuse with everything, and with each modality alone; one judgement a row."""
        with self._lock, torch.inference_mode():
            both = self.framework.fuse(features)
            alone = self.framework.alone(features)
        rows = range(len(both.logits))
        return [judgement(row, features, both, alone, self.speech) for row in rows]

    def _predictions(
        self,
        readings: Sequence[SpeechTextInputs],
        pieces: Sequence[Piece],
        judgements: Sequence[Judgement],
    ) -> list[Prediction]:
        judged: list[list[tuple[Piece, Judgement]]] = [[] for _ in readings]
        for piece, judgement in zip(pieces, judgements, strict=True):
            judged[piece.item].append((piece, judgement))
        return [self._predict(reading, j) for reading, j in zip(readings, judged, strict=True)]

    def _predict(
        self, reading: SpeechTextInputs, judged: list[tuple[Piece, Judgement]]
    ) -> Prediction:
        empty: dict[str, dict[str, float] | None] = dict.fromkeys(
            (*self.framework.encoders(), COMBINED)
        )
        prediction = Prediction(
            emotion=None,
            probabilities={},
            by_modality=empty,
            state=State(reading.state),
            message=reading.message,
            framework=self.name,
            duration=reading.duration,
            envelope=reading.envelope,
            text=reading.text,
        )
        if not judged:
            return prediction
        weights = np.array([piece.weight for piece, _ in judged])
        logits = weighted_mean(weights, [j.logits for _, j in judged])
        by_modality = {**empty, **{key: self.named(value, key) for key, value in logits.items()}}
        decisive = by_modality[COMBINED] or next(p for p in by_modality.values() if p)
        return replace(
            prediction,
            emotion=max(decisive, key=lambda name: decisive[name]),
            probabilities=decisive,
            by_modality=by_modality,
            attention=word_attention(reading, [(p, j.attention) for p, j in judged]),
            embeddings_before=unit(weighted_mean(weights, [j.before for _, j in judged])),
            embeddings_after=unit(weighted_mean(weights, [j.after for _, j in judged])),
            timeline=self._timeline(reading, judged),
        )

    def _timeline(
        self, reading: SpeechTextInputs, judged: list[tuple[Piece, Judgement]]
    ) -> tuple[Window, ...]:
        """Every window of a long clip, by what the speech alone says there."""
        if reading.waveform is None or not is_long(reading):
            return ()
        found = {(piece.start, piece.end): judgement for piece, judgement in judged}
        windows = []
        for start, end in spans(len(reading.waveform) / SAMPLE_RATE):
            if (start, end) not in found:
                windows.append(Window(start, end, None, {}))
                continue
            named = self.named(found[start, end].logits[self.speech], self.speech)
            windows.append(Window(start, end, max(named, key=lambda n: named[n]), named))
        return tuple(windows)


def _pieces(readings: Sequence[SpeechTextInputs]) -> list[Piece]:
    return [piece for i, reading in enumerate(readings) for piece in cut(i, reading)]


def judgement(
    row: int,
    features: dict[str, Features],
    both: Output,
    alone: dict[str, Output],
    speech_name: str,
) -> Judgement:
    """One row of what the network said; `speech_name` is what the framework calls speech."""
    present = [m for m, f in features.items() if bool(f.present[row])]
    logits = {m: as_array(alone[m].logits[row]) for m in present}
    weights = None
    if len(present) > 1:
        logits[COMBINED] = as_array(both.logits[row])
        found = both.attention.get(f"text_to_{speech_name}")
        if found is not None:
            text, speech = (features[m].mask[row] for m in ("text", speech_name))
            weights = as_array(found[row][text][:, speech])
    return Judgement(
        logits=logits,
        before={m: as_array(both.features[f"{m}_pooled"][row]) for m in present},
        after={m: as_array(both.features[f"{m}_embedding"][row]) for m in present},
        attention=weights,
    )


def weighted_mean(
    weights: NDArray[np.float64], rows: Sequence[dict[str, FloatArray]]
) -> dict[str, FloatArray]:
    """Mean of rows of named arrays by `weights` (N,); a name counts where it is there."""
    names = dict.fromkeys(name for row in rows for name in row)
    means = {}
    for name in names:
        here = [
            (weight, row[name]) for weight, row in zip(weights, rows, strict=True) if name in row
        ]
        total = sum(weight for weight, _ in here)
        means[name] = np.asarray(sum(w / total * values for w, values in here), dtype=np.float32)
    return means


def unit(vectors: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Named vectors at length 1."""
    return {m: v / max(float(np.linalg.norm(v)), 1e-12) for m, v in vectors.items()}


def as_array(tensor: torch.Tensor) -> FloatArray:
    """A float32 array of a tensor on any device."""
    return np.asarray(tensor.float().cpu().numpy(), dtype=np.float32)
