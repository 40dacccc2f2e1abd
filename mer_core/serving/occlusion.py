"""What single words and moments change: a clip is judged again without each of them.

Occlusion (Zeiler and Fergus 2014, arXiv 1311.2901), of words also called erasure (Li et al. 2016,
arXiv 1612.08220). A word is deleted from the text, which is encoded anew. A moment is hidden from
the framework by the mask of the speech tokens, as padding is: the recording is encoded once, and no
sound is made that nobody recorded. The encoder has heard the whole recording, so other tokens may
still hold some of what was said in a hidden moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mer_core.frameworks.base import hidden
from mer_core.serving.inputs import SpeechTextInputs
from mer_core.serving.scoring import as_array, most_probable
from mer_core.serving.speech_text import Encoded, SpeechTextScorer
from mer_core.serving.windows import Span
from mer_core.types import COMBINED, SAMPLE_RATE, Features, FloatArray, Occlusions

MAX_SECONDS = 30.0  # of a longer recording, no moment changes much; its windows say more
MAX_WORDS = 40  # the first ones of a longer text
MOMENT_SECONDS = 0.5  # about a word; longer where `MAX_MOMENTS` of them do not cover the recording
MAX_MOMENTS = 24
ROWS = 64  # of a batch

Times = NDArray[np.float64]


@dataclass(frozen=True)
class Parts:
    """A clip behind the encoders, and what may be left out of it; for any head on them.

    Attributes:
        spans: P windows of the recording, or the one of text alone.
        speech: (P, Ts, D); None if no encoder reads it.
        texts: (1 + W, Tt, D) of the text, and of it without each word; None if no encoder reads it.
        words: The W words.
        times: (M + 1,) edges of the moments, seconds; empty without moments.
        moments: (1 + M, P, Ts) bool: no token, then the tokens of each moment.
    """

    spans: tuple[Span, ...]
    speech: Features | None
    texts: Features | None
    words: tuple[str, ...]
    times: Times
    moments: Tensor


@dataclass(frozen=True)
class Variant:
    """What a clip is judged with: one of its texts, and the speech less the tokens of a moment.

    Attributes:
        text: Row of `Parts.texts`.
        moment: Row of `Parts.moments`.
    """

    text: int = 0
    moment: int = 0


WHOLE = Variant()


def explained(scorer: SpeechTextScorer, encoded: Encoded) -> Occlusions | None:
    """What single words and moments of a clip change; None where nothing can be left out.

    Args:
        scorer: With any head on the encoders that encoded the clip.
        encoded: One clip.
    """
    (inputs,) = encoded.inputs
    if not explainable(inputs):
        return None
    return occlusions(scorer, encode_parts(scorer, encoded))


def explainable(inputs: SpeechTextInputs) -> bool:
    """Whether there is something to leave out and something else to judge.

    Not so of one word alone, of a recording alone that is shorter than two moments, and of any
    that is longer than `MAX_SECONDS`.
    """
    seconds = seconds_of(inputs)
    if seconds > MAX_SECONDS:
        return False
    return bool(words_to_leave_out(inputs)) or bool(edges_of_moments(seconds).size)


def encode_parts(scorer: SpeechTextScorer, encoded: Encoded) -> Parts:
    """Encode a clip's text without each of its words, beside the clip itself.

    Args:
        scorer: With any head on the encoders that encoded the clip.
        encoded: One clip that is `explainable`.
    """
    (inputs,), (batch,) = encoded.inputs, encoded.batches  # so few windows are one batch
    words, times = words_to_leave_out(inputs), edges_of_moments(seconds_of(inputs))
    spans = tuple(piece.span for piece in encoded.pieces)
    speech = batch.features.get(scorer.names.get("speech", ""))
    return Parts(
        spans,
        speech,
        scorer.encode_texts(texts_without(inputs, words)) if "text" in scorer.names else None,
        words,
        times,
        tokens_of_moments(times, spans, speech),
    )


def occlusions(scorer: SpeechTextScorer, parts: Parts) -> Occlusions:
    """The probability of the category that a head gives a clip, without each word and moment.

    Args:
        scorer: With any head on the encoders of the parts.
        parts: Of one clip.
    """
    speech, text = scorer.names.get("speech"), scorer.names.get("text")
    present = [
        name
        for name, features in ((speech, parts.speech), (text, parts.texts))
        if name is not None and features is not None and bool(features.present[0])
    ]
    words = [Variant(text=row) for row in range(1, 1 + len(parts.words))]
    moments = [Variant(moment=row) for row in range(1, len(parts.moments))]
    emotion, whole, without_word, without_moment = "", {}, {}, {}
    for condition in [COMBINED, *present] if len(present) > 1 else present:
        own_words = words if condition != speech else []
        own_moments = moments if condition != text else []
        rows = judge(scorer, parts, condition, [WHOLE, *own_words, *own_moments])
        probabilities = [scorer.probabilities(row, condition) for row in rows]
        emotion = emotion or most_probable(probabilities[0])  # the first condition decides
        chances = np.array([one[emotion] for one in probabilities], dtype=np.float32)
        whole[condition] = float(chances[0])
        if own_words:
            without_word[condition] = chances[1 : 1 + len(own_words)]
        if own_moments:
            without_moment[condition] = chances[1 + len(own_words) :]
    times = parts.times.astype(np.float32)
    return Occlusions(emotion, whole, parts.words, without_word, times, without_moment)


def judge(
    scorer: SpeechTextScorer, parts: Parts, condition: str, variants: Sequence[Variant]
) -> FloatArray:
    """(V, C) logits of a clip's variants, each the mean over its windows as `Scorer` takes it.

    A modality judged alone that is left out as a whole has no logits, but NaN.

    Args:
        scorer: With any head on the encoders of the parts.
        parts: Of the clip.
        condition: A modality as the framework names it, or `COMBINED`.
        variants: V of them.
    """
    count = len(parts.spans)
    rows = [(variant, window) for variant in variants for window in range(count)]
    logits, heard = [], []
    for start in range(0, len(rows), ROWS):
        features = _features(scorer, parts, rows[start : start + ROWS])
        if condition != COMBINED:
            heard.append(features[condition].present)
            features = {m: f if m == condition else left_out(f) for m, f in features.items()}
        logits.append(as_array(scorer.fuse(features).logits))
    of_windows = np.concatenate(logits).reshape(len(variants), count, -1)  # (V, P, C)
    weights = np.tile([span.weight for span in parts.spans], (len(variants), 1))  # (V, P)
    if heard:
        weights = weights * as_array(torch.cat(heard)).reshape(weights.shape)
    with np.errstate(invalid="ignore"):  # nothing is left
        weights = weights / weights.sum(axis=1, keepdims=True)
    return np.einsum("vp,vpc->vc", weights, of_windows).astype(np.float32)


def left_out(features: Features) -> Features:
    """A modality absent from every row, in one step: no more is computed than is needed."""
    return hidden(Features(features.tokens[:, :1], features.mask[:, :1], features.present))


def seconds_of(inputs: SpeechTextInputs) -> float:
    """Of the recording that is judged; 0 without one."""
    return 0.0 if inputs.waveform is None else len(inputs.waveform) / SAMPLE_RATE


def words_to_leave_out(inputs: SpeechTextInputs) -> tuple[str, ...]:
    """The words of a clip's text, unless one word is all that there is to judge."""
    words = inputs.tokens.words[:MAX_WORDS] if inputs.tokens else ()
    return words if len(words) > 1 or inputs.waveform is not None else ()


def texts_without(inputs: SpeechTextInputs, words: Sequence[str]) -> list[str | None]:
    """The text of a clip as the encoder reads it, and without each of its first words."""
    if inputs.text is None or inputs.tokens is None:
        return [inputs.text]
    read = inputs.tokens.words  # of a text that was cut, without the rest
    shorter = (" ".join((*read[:i], *read[i + 1 :])) for i in range(len(words)))
    return [" ".join(read), *(text or None for text in shorter)]


def edges_of_moments(seconds: float) -> Times:
    """(M + 1,) edges of equal moments of a recording; empty if it is shorter than two."""
    count = min(MAX_MOMENTS, round(seconds / MOMENT_SECONDS))
    return np.linspace(0.0, seconds, count + 1) if count > 1 else np.empty(0)


def tokens_of_moments(times: Times, spans: Sequence[Span], speech: Features | None) -> Tensor:
    """(1 + M, P, Ts) bool: no token, then those whose middle lies in each moment.

    Args:
        times: (M + 1,) edges, seconds; or none.
        spans: P windows of the recording.
        speech: (P, Ts, D) of the windows; a window's tokens are spread evenly over it.
    """
    count = max(0, times.size - 1)
    if speech is None:
        return torch.zeros(1 + count, len(spans), 1, dtype=torch.bool)
    steps = speech.mask.shape[1]
    inside = np.zeros((1 + count, len(spans), steps), dtype=bool)
    lengths = speech.mask.sum(dim=1).tolist()
    for window, (span, valid) in enumerate(zip(spans, lengths, strict=True)):
        middles = span.start + (np.arange(valid) + 0.5) * (span.end - span.start) / max(1, valid)
        moment = np.digitize(middles, times)  # 1 in the first one
        for row in range(1, 1 + count):
            inside[row, window, :valid] = moment == row
    return torch.from_numpy(inside).to(speech.mask.device)


def _features(
    scorer: SpeechTextScorer, parts: Parts, rows: Sequence[tuple[Variant, int]]
) -> dict[str, Features]:
    """Of rows (variant, window), by modality as the framework names it."""
    features = {}
    if parts.speech is not None:
        windows = torch.tensor([window for _, window in rows])
        moments = torch.tensor([variant.moment for variant, _ in rows])
        mask = parts.speech.mask[windows] & ~parts.moments[moments, windows]  # (R, Ts)
        tokens = parts.speech.tokens[windows] * mask[:, :, None]
        heard = parts.speech.present[windows] & mask.any(dim=1)
        features[scorer.names["speech"]] = Features(tokens, mask, heard)
    if parts.texts is not None:
        chosen = torch.tensor([variant.text for variant, _ in rows])
        features[scorer.names["text"]] = parts.texts.each(lambda tensor: tensor[chosen])
    return features
