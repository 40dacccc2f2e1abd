"""From videos to predictions: encoded once, then fused over stretches of time.

Whole clip, long windows and seconds are cut from the features of one pass, since every token has
its time. Clips over `LONG_SECONDS` get the mean over windows; shorter ones are judged whole.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from mer_core.data.collate import pad
from mer_core.serving.reuse import EncodedRows
from mer_core.serving.scoring import Scorer, Segment, overall, window
from mer_core.serving.video_inputs import VideoInputs
from mer_core.serving.windows import LONG_SECONDS, Span, spans
from mer_core.types import (
    SAMPLE_RATE,
    CrossAttention,
    Features,
    FloatArray,
    Prediction,
    Window,
)

CONTEXT = 0.5  # seconds on both sides that a second of the timeline is judged with


@dataclass(frozen=True)
class EncodedVideo:
    """A video behind the encoders, to be scored by any head on the same encoders.

    Attributes:
        inputs: What was encoded.
        rows: The whole clip as one row; None without anything to judge.
    """

    inputs: VideoInputs
    rows: EncodedRows | None


@dataclass(frozen=True)
class Stretch:
    """A part of a clip that is judged.

    Attributes:
        start: Seconds.
        end: Seconds.
        with_text: Whether the clip's words count in it. They have no times, so they count in the
            whole clip and in its windows, and not in single seconds.
    """

    start: float
    end: float
    with_text: bool = True


class VideoScorer(Scorer):
    """Scores one video at a time, by a framework of a face and a voice or words."""

    def score(self, inputs: VideoInputs) -> Prediction:
        """The prediction for a video; without a label if there is nothing to judge."""
        return self.score_encoded(self.encode(inputs))

    def encode(self, inputs: VideoInputs, earlier: Sequence[EncodedVideo] = ()) -> EncodedVideo:
        """Encode once what several heads will score; see `score_encoded`.

        Args:
            inputs: One video's.
            earlier: What the same encoders made; a half that is in it is not encoded again.
        """
        if inputs.empty:
            return EncodedVideo(inputs, None)
        known = [one.rows for one in earlier if one.rows is not None]
        return EncodedVideo(inputs, self.encode_rows([inputs.utterance], known))

    def score_encoded(self, encoded: EncodedVideo, *, timeline: bool = True) -> Prediction:
        """The prediction for a video, as `score` gives it.

        Args:
            encoded: By the same encoders, through whichever scorer.
            timeline: Whether to judge every second as well, which takes most of the time.
        """
        inputs = encoded.inputs
        prediction = replace(self.unlabelled(inputs), face=inputs.track)
        if encoded.rows is None:
            return prediction
        bounds = spans(inputs.duration) if inputs.duration > LONG_SECONDS else []
        long = [Stretch(start, end) for start, end in bounds]
        seconds = around_seconds(inputs.duration) if timeline else []
        stretches = [Stretch(0.0, inputs.duration), *long, *seconds]
        segments = self.segments(
            self._cut(encoded.rows.features, inputs, stretches),
            [Span(s.start, s.end, evidence(inputs, s.start, s.end)) for s in stretches],
            attention_of=range(1),  # of the whole clip
        )
        whole, windows = segments[0], segments[1 : 1 + len(long)]
        judged = [segment for segment in windows if segment.logits] or [whole]
        return replace(
            self.labelled(prediction, judged),
            timeline=self._timeline(segments[1 + len(long) :], inputs.duration),
            cross_attention=self._cross_attention(whole, inputs),
        )

    def _cut(
        self, encoded: Mapping[str, Features], inputs: VideoInputs, stretches: Sequence[Stretch]
    ) -> dict[str, Features]:
        """One row a stretch: the tokens within it; the voice is absent from one without speech."""
        cut = {}
        for modality, name in self.names.items():
            features = encoded[name]
            tokens = features.tokens[0][features.mask[0]]  # (T, D)
            rows = []
            for stretch in stretches:
                inside = within(stretch, modality, inputs, len(tokens))  # (T,)
                rows.append(tokens[torch.from_numpy(inside).to(tokens.device)])
            padded, mask = pad(rows)
            mask = mask.to(padded.device)
            cut[name] = Features(padded, mask, mask.any(dim=1))
        return cut

    def _timeline(self, segments: Sequence[Segment], duration: float) -> tuple[Window, ...]:
        """One window a second, from everything that is present in it."""
        windows = []
        for second, segment in enumerate(segments):
            named = {m: self.probabilities(logits, m) for m, logits in segment.logits.items()}
            end = min(duration, second + 1.0)
            windows.append(window(float(second), end, overall(named) if named else None))
        return tuple(windows)

    def _cross_attention(self, whole: Segment, inputs: VideoInputs) -> CrossAttention | None:
        """Of voice and face over the whole clip; None unless both are there."""
        audio, video = self.names.get("speech", ""), self.names["video"]
        to_video = whole.attention.get(f"{audio}_to_{video}")
        to_audio = whole.attention.get(f"{video}_to_{audio}")
        if to_video is None or to_audio is None:
            return None
        assert inputs.waveform is not None
        seconds = len(inputs.waveform) / SAMPLE_RATE
        return CrossAttention(
            audio_times=np.linspace(0.0, seconds, len(to_video) + 1, dtype=np.float32),
            video_times=inputs.times,
            audio_to_video=to_video,
            video_to_audio=to_audio,
        )


def within(stretch: Stretch, modality: str, inputs: VideoInputs, steps: int) -> np.ndarray:
    """(T,) bool, which of a modality's T tokens belong to a stretch."""
    if modality == "text":
        return np.full(steps, stretch.with_text)
    if modality == "speech" and not speaks(inputs, stretch.start, stretch.end):
        return np.zeros(steps, dtype=bool)
    times = inputs.times if modality == "video" else speech_times(inputs, steps)
    return (times >= stretch.start) & (times <= stretch.end)


def speech_times(inputs: VideoInputs, steps: int) -> FloatArray:
    """(T,) middles of the speech tokens, seconds."""
    seconds = 0.0 if inputs.waveform is None else len(inputs.waveform) / SAMPLE_RATE
    return ((np.arange(steps) + 0.5) * (seconds / max(1, steps))).astype(np.float32)


def around_seconds(duration: float) -> list[Stretch]:
    """What every second of the timeline is judged with."""
    return [
        Stretch(max(0.0, second - CONTEXT), min(duration, second + 1 + CONTEXT), with_text=False)
        for second in range(math.ceil(duration))
    ]


def speaks(inputs: VideoInputs, start: float, end: float) -> bool:
    """Whether there is speech between two times, in seconds."""
    return inputs.activity is not None and inputs.activity.between(start, end).spoken


def evidence(inputs: VideoInputs, start: float, end: float) -> float:
    """Seconds of speech and of visible face between two times; never 0."""
    speech = inputs.activity.between(start, end).seconds if inputs.activity else 0.0
    inside = (inputs.times >= start) & (inputs.times <= end)
    step = inputs.duration / len(inputs.track.times) if inputs.track else 0.0
    return speech + float(inside.sum()) * step + 1e-6
