"""From recordings and texts to predictions: all windows of all clips in shared batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from mer_core.data.collate import collate
from mer_core.serving.inputs import SpeechTextInputs
from mer_core.serving.reuse import EncodedRows
from mer_core.serving.scoring import Scorer, Segment, window
from mer_core.serving.windows import Piece, cut, is_long, spans
from mer_core.serving.word_attention import word_attention
from mer_core.types import SAMPLE_RATE, Features, Prediction, Utterance, Window


@dataclass(frozen=True)
class Encoded:
    """Inputs behind the encoders, to be scored by any head on the same encoders.

    Attributes:
        inputs: What was encoded.
        pieces: Windows of all inputs, in order.
        batches: The pieces behind the encoders, batch by batch.
    """

    inputs: tuple[SpeechTextInputs, ...]
    pieces: tuple[Piece, ...]
    batches: tuple[EncodedRows, ...]


class SpeechTextScorer(Scorer):
    """Scores many recordings and texts at once."""

    @property
    def speech(self) -> str:
        """What the framework calls speech."""
        return self.names.get("speech", "speech")

    def score(self, inputs: Sequence[SpeechTextInputs], batch_size: int = 16) -> list[Prediction]:
        """One prediction for each of `inputs`, in order.

        Args:
            inputs: Any number.
            batch_size: Pieces that go through the network at once; a batch's features are freed
                before the next one is encoded.
        """
        pieces = _pieces(inputs)
        segments = [
            segment
            for batch, encoded in self._encode(pieces, batch_size)
            for segment in self._segments(batch, encoded.features)
        ]
        return self._predictions(inputs, pieces, segments)

    def encode(
        self,
        inputs: Sequence[SpeechTextInputs],
        batch_size: int = 16,
        earlier: Sequence[Encoded] = (),
    ) -> Encoded:
        """Encode once what several heads will score; see `score_encoded`.

        Args:
            inputs: Any number.
            batch_size: Pieces that go through the network at once.
            earlier: What the same encoders made; a half that is in it is not encoded again.
        """
        pieces, known = _pieces(inputs), [batch for one in earlier for batch in one.batches]
        batches = tuple(batch for _, batch in self._encode(pieces, batch_size, known))
        return Encoded(tuple(inputs), tuple(pieces), batches)

    def encode_texts(self, texts: Sequence[str | None]) -> Features:
        """Texts without a recording → (N, Tt, D); absent where there is none."""
        encoder = self.framework.encoders()[self.names["text"]]
        batch = collate([Utterance(text=text) for text in texts], self.tokenize)
        with self._lock, torch.inference_mode():
            features: Features = encoder(batch.to(self.device))
        return features

    def score_encoded(self, encoded: Encoded) -> list[Prediction]:
        """One prediction for each of the inputs, in order, as `score` gives it.

        Args:
            encoded: By the same encoders, through whichever scorer.
        """
        segments: list[Segment] = []
        for batch in encoded.batches:
            pieces = encoded.pieces[len(segments) : len(segments) + len(batch.utterances)]
            segments += self._segments(pieces, batch.features)
        return self._predictions(encoded.inputs, encoded.pieces, segments)

    def _encode(
        self, pieces: Sequence[Piece], batch_size: int, known: Sequence[EncodedRows] = ()
    ) -> Iterator[tuple[Sequence[Piece], EncodedRows]]:
        for start in range(0, len(pieces), batch_size):
            batch = pieces[start : start + batch_size]
            yield batch, self.encode_rows([piece.utterance for piece in batch], known)

    def _segments(self, batch: Sequence[Piece], features: Mapping[str, Features]) -> list[Segment]:
        return self.segments(features, [piece.span for piece in batch])

    def _predictions(
        self,
        inputs: Sequence[SpeechTextInputs],
        pieces: Sequence[Piece],
        segments: Sequence[Segment],
    ) -> list[Prediction]:
        by_item: list[list[Segment]] = [[] for _ in inputs]
        for piece, segment in zip(pieces, segments, strict=True):
            by_item[piece.item].append(segment)
        return [self._predict(one, own) for one, own in zip(inputs, by_item, strict=True)]

    def _predict(self, inputs: SpeechTextInputs, segments: list[Segment]) -> Prediction:
        prediction = self.unlabelled(inputs)
        if not segments:
            return prediction
        name = f"text_to_{self.speech}"
        attention = [(segment.span, segment.attention.get(name)) for segment in segments]
        return replace(
            self.labelled(prediction, segments),
            attention=word_attention(inputs, attention),
            timeline=self._timeline(inputs, segments),
        )

    def _timeline(self, inputs: SpeechTextInputs, segments: list[Segment]) -> tuple[Window, ...]:
        """Every window of a long clip, from the speech in it alone."""
        if inputs.waveform is None or not is_long(inputs):
            return ()
        by_bounds = {(s.span.start, s.span.end): s.logits[self.speech] for s in segments}
        return tuple(
            window(start, end, self.probabilities(by_bounds[start, end], self.speech))
            if (start, end) in by_bounds
            else window(start, end, None)
            for start, end in spans(len(inputs.waveform) / SAMPLE_RATE)
        )


def _pieces(inputs: Sequence[SpeechTextInputs]) -> list[Piece]:
    return [piece for index, one in enumerate(inputs) for piece in cut(index, one)]
