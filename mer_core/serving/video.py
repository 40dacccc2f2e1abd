"""From a read video to a prediction: one look of the encoders, then fusion over stretches of it.

Encoding is done once; whole clip, long windows and seconds are cut from its features, for every
token knows its time. Clips over `LONG_SECONDS` get the mean over windows, each weighted by its
seconds of speech and of face; shorter ones are judged whole.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.special import expit

from mer_core.data.collate import collate, pad
from mer_core.frameworks.base import MATCH, MATCH_LOGITS
from mer_core.serving.speech_text import Scorer, as_array, unit, weighted_mean
from mer_core.serving.video_inputs import VideoInputs
from mer_core.serving.windows import LONG_SECONDS, spans
from mer_core.types import (
    COMBINED,
    SAMPLE_RATE,
    CrossAttention,
    Features,
    FloatArray,
    Output,
    Prediction,
    State,
    Window,
)

CONTEXT = 0.5  # seconds on both sides that a second of the timeline is judged with


@dataclass(frozen=True)
class Stretch:
    """A part of the clip and what the network said about it, by condition."""

    start: float  # seconds
    end: float
    weight: float  # seconds of speech and of face
    logits: dict[str, FloatArray]
    before: dict[str, FloatArray]
    after: dict[str, FloatArray]
    match: float | None  # logit of "same emotion"


@dataclass(frozen=True)
class EncodedVideo:
    """A video behind the encoders: what every head on the same encoders can be asked about.

    Attributes:
        reading: What was encoded.
        features: Of the whole clip, one row; None where there is neither voice nor face.
    """

    reading: VideoInputs
    features: dict[str, Features] | None


class VideoScorer(Scorer):
    """Asked about one video at a time, by a framework of voice and face."""

    @property
    def audio(self) -> str:
        """What the framework calls the voice."""
        return self.names["speech"]

    @property
    def video(self) -> str:
        """What the framework calls the face."""
        return self.names["video"]

    def score(self, reading: VideoInputs) -> Prediction:
        """The prediction for a video; without voice and face it has no label."""
        return self.score_encoded(self.encode(reading))

    def encode(self, reading: VideoInputs) -> EncodedVideo:
        """Encode once what several heads will be asked about; see `score_encoded`."""
        if not reading.spoken and reading.pictures is None:
            return EncodedVideo(reading, None)
        with self._lock, torch.inference_mode():
            batch = collate([reading.utterance]).to(self.device)
            return EncodedVideo(reading, self.framework.encode(batch))

    def score_encoded(self, encoded: EncodedVideo, *, timeline: bool = True) -> Prediction:
        """The prediction for a video, as `score` gives it.

        Args:
            encoded: By the same encoders, whichever judge they were asked through.
            timeline: Whether every second is judged, too, which takes most of the time.
        """
        reading = encoded.reading
        prediction = Prediction(
            emotion=None,
            probabilities={},
            by_modality=dict.fromkeys((self.audio, self.video, COMBINED)),
            state=State(reading.state),
            message=reading.message,
            framework=self.name,
            duration=reading.duration,
            envelope=reading.envelope,
            face=reading.track,
        )
        if encoded.features is None:
            return prediction
        long = spans(reading.duration) if reading.duration > LONG_SECONDS else []
        seconds = around_seconds(reading.duration) if timeline else []
        bounds = [(0.0, reading.duration), *long, *seconds]
        stretches, whole = self._run(encoded.features, reading, bounds)
        main, parts = stretches[: 1 + len(long)], stretches[1 + len(long) :]
        judged = [s for s in main[1:] if s.logits] or main[:1]
        weights = np.array([stretch.weight for stretch in judged])
        logits = weighted_mean(weights, [s.logits for s in judged])
        named = {**prediction.by_modality, **self._all_named(logits)}
        decisive = decide(named)
        matches = [s.match for s in judged if s.match is not None]
        return replace(
            prediction,
            emotion=max(decisive, key=lambda emotion: decisive[emotion]),
            probabilities=decisive,
            by_modality=named,
            embeddings_before=unit(weighted_mean(weights, [s.before for s in judged])),
            embeddings_after=unit(weighted_mean(weights, [s.after for s in judged])),
            timeline=self._timeline(parts, reading.duration),
            match=self._probability(float(np.mean(matches))) if matches else None,
            cross_attention=self._attention(whole, reading),
        )

    def _run(
        self,
        encoded: dict[str, Features],
        reading: VideoInputs,
        bounds: Sequence[tuple[float, float]],
    ) -> tuple[list[Stretch], Output]:
        """Fuse every stretch, with both modalities and with each alone."""
        with self._lock, torch.inference_mode():
            features = self._cut(encoded, reading, bounds)
            both = self.framework.fuse(features)
            alone = self.framework.alone(features)
        stretches = []
        for row, (start, end) in enumerate(bounds):
            present = [m for m, f in features.items() if bool(f.present[row])]
            logits = {m: as_array(alone[m].logits[row]) for m in present}
            match = None
            if len(present) > 1:
                logits[COMBINED] = as_array(both.logits[row])
                if MATCH_LOGITS in both.features:
                    different, same = as_array(both.features[MATCH_LOGITS][row]).mean(axis=0)
                    match = float(same - different)
            stretches.append(
                Stretch(
                    start=start,
                    end=end,
                    weight=evidence(reading, start, end),
                    logits=logits,
                    before={m: as_array(both.features[f"{m}_pooled"][row]) for m in present},
                    after={m: as_array(both.features[f"{m}_embedding"][row]) for m in present},
                    match=match,
                )
            )
        return stretches, both

    def _cut(
        self,
        encoded: dict[str, Features],
        reading: VideoInputs,
        bounds: Sequence[tuple[float, float]],
    ) -> dict[str, Features]:
        """One row a stretch: the tokens whose time lies in it; a silent stretch has no voice."""
        cut = {}
        for name, features in encoded.items():
            tokens = features.tokens[0][features.mask[0]]  # (T, D)
            times = self._times(name, reading, len(tokens))
            rows = []
            for start, end in bounds:
                inside = (times >= start) & (times <= end)
                if name == self.audio and not speaks(reading, start, end):
                    inside[:] = False
                rows.append(tokens[torch.from_numpy(inside).to(tokens.device)])
            padded, mask = pad(rows)
            mask = mask.to(padded.device)
            cut[name] = Features(padded, mask, mask.any(dim=1))
        return cut

    def _times(self, name: str, reading: VideoInputs, steps: int) -> FloatArray:
        """(T,) time of every token, seconds."""
        if name == self.video:
            return reading.times
        seconds = 0.0 if reading.waveform is None else len(reading.waveform) / SAMPLE_RATE
        return ((np.arange(steps) + 0.5) * (seconds / max(1, steps))).astype(np.float32)

    def _all_named(self, logits: dict[str, FloatArray]) -> dict[str, dict[str, float]]:
        return {condition: self.named(rows, condition) for condition, rows in logits.items()}

    def _probability(self, logit: float) -> float:
        """Of a match, calibrated; temperature scaling of two classes is one of their difference."""
        return float(expit(logit / self.temperatures.get(MATCH, 1.0)))

    def _timeline(self, parts: Sequence[Stretch], duration: float) -> tuple[Window, ...]:
        """One window a second, by everything that is there in it."""
        windows = []
        for second, part in enumerate(parts):
            end = min(duration, second + 1.0)
            if not part.logits:
                windows.append(Window(float(second), end, None, {}))
                continue
            named = decide(self._all_named(part.logits))
            windows.append(Window(float(second), end, max(named, key=lambda n: named[n]), named))
        return tuple(windows)

    def _attention(self, whole: Output, reading: VideoInputs) -> CrossAttention | None:
        """Of the whole clip, which is the first row."""
        a, v = self.audio, self.video
        audio, video = whole.masks[a][0], whole.masks[v][0]
        present = [whole.features[f"{name}_present"][0] for name in (a, v)]
        found = [whole.attention.get(name) for name in (f"{a}_to_{v}", f"{v}_to_{a}")]
        if not all(present) or any(weights is None for weights in found):
            return None
        assert reading.waveform is not None
        to_video, to_audio = (weights[0] for weights in found if weights is not None)
        seconds, steps = len(reading.waveform) / SAMPLE_RATE, int(audio.sum())
        return CrossAttention(
            audio_times=np.linspace(0.0, seconds, steps + 1, dtype=np.float32),
            video_times=reading.times,
            audio_to_video=as_array(to_video[audio][:, video]),
            video_to_audio=as_array(to_audio[video][:, audio]),
        )


def decide(named: Mapping[str, dict[str, float] | None]) -> dict[str, float]:
    """What both say together, or the one that is there."""
    return named.get(COMBINED) or next(found for found in named.values() if found)


def around_seconds(duration: float) -> list[tuple[float, float]]:
    """(start, end) of what every second of the timeline is judged with."""
    return [
        (max(0.0, second - CONTEXT), min(duration, second + 1 + CONTEXT))
        for second in range(math.ceil(duration))
    ]


def speaks(reading: VideoInputs, start: float, end: float) -> bool:
    """Whether there is speech between two times, in seconds."""
    return reading.activity is not None and reading.activity.between(start, end).spoken


def evidence(reading: VideoInputs, start: float, end: float) -> float:
    """Seconds of speech and of seen face between two times; never 0."""
    speech = reading.activity.between(start, end).seconds if reading.activity else 0.0
    inside = (reading.times >= start) & (reading.times <= end)
    step = reading.duration / len(reading.track.times) if reading.track else 0.0
    return speech + float(inside.sum()) * step + 1e-6
