"""`Predictor`: a recording, a text or a video in, a `Prediction` out.

Reading (media, speech activity, text, face) is apart from judging (the framework), so that a clip
without speech or a text in another script is simply an absent modality with a reason. Sound and
text go to the framework that reads them (MGCMA), video to the one that sees (Foal-Net).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from mer_core.checkpoints.checkpoint import Checkpoint, load_checkpoints, parameters
from mer_core.checkpoints.shipped import DEFAULT_MODEL
from mer_core.device import pick_device
from mer_core.media import MediaError
from mer_core.media.audio import AudioSource
from mer_core.media.video import VideoSource
from mer_core.serving.inputs import SpeechTextInputs, SpeechTextReader
from mer_core.serving.speech_text import SpeechTextScorer
from mer_core.serving.video import VideoScorer
from mer_core.serving.video_inputs import VideoInputs, VideoReader
from mer_core.types import COMBINED, SAMPLE_RATE, Prediction, State


class Predictor:
    """One loaded model, ready to be asked. Keeps nothing of what it is given.

    Attributes:
        labels: The categories it can assign.
        frameworks: Names of its frameworks, such as `mgcma` and `foal_net`.
    """

    def __init__(
        self,
        checkpoints: Mapping[str, Checkpoint],
        device: torch.device,
        face_detector: str | None = None,
    ) -> None:
        self._checkpoints = checkpoints
        self.frameworks = tuple(checkpoints)
        self.labels = next(iter(checkpoints.values())).framework.labels
        self._sound: SpeechTextPipeline | None = None
        self._sight: VideoPipeline | None = None
        for name, checkpoint in checkpoints.items():
            checkpoint.framework.to(device)
            read = {e.modality for e in checkpoint.framework.encoders().values()}
            if read == {"speech", "video"}:
                self._sight = self._sight or VideoPipeline(name, checkpoint, device, face_detector)
            elif "video" not in read:
                self._sound = self._sound or SpeechTextPipeline(name, checkpoint, device)

    @classmethod
    def load(
        cls,
        source: str | os.PathLike[str] | None = None,
        device: str = "auto",
        revision: str | None = None,
        face_detector: str | None = None,
    ) -> Predictor:
        """Load a model.

        Args:
            source: A checkpoint, a folder of several, or a Hub id; None is the default that ships
                with Attune.
            device: `auto` (a GPU where there is one), `cpu`, `cuda` or `cuda:N`.
            revision: Branch, tag or commit of a Hub id.
            face_detector: File or Hub id of a YuNet model, which finds tilted and turned faces
                too; None is the detector that comes with OpenCV.

        Raises:
            CheckpointError: There is no such model, or it is not one of ours.
            ValueError: There is no such device or face detector.
        """
        chosen = pick_device(device)
        checkpoints = load_checkpoints(DEFAULT_MODEL if source is None else source, revision)
        return cls(checkpoints, chosen, face_detector)

    @property
    def sees(self) -> bool:
        """Whether it judges video."""
        return self._sight is not None

    @property
    def scorers(self) -> dict[str, SpeechTextScorer | VideoScorer]:
        """What judges, by framework: at most one for sound and text, and one for video."""
        return {part.scorer.name: part.scorer for part in (self._sound, self._sight) if part}

    @property
    def readers(self) -> dict[str, SpeechTextReader | VideoReader]:
        """What reads for each of `scorers`."""
        return {part.scorer.name: part.reader for part in (self._sound, self._sight) if part}

    def predict(
        self,
        audio: AudioSource | None = None,
        text: str | None = None,
        video: VideoSource | None = None,
    ) -> Prediction:
        """Judge one recording, one text, both; or one video, optionally with its text.

        Args:
            audio: A path, the bytes of a file, or (waveform, sample rate in Hz).
            text: What was said.
            video: A path or the bytes of a file; its sound is its own, so not beside `audio`.

        Returns:
            A prediction; its `state` says if there is no label, or one of half the input only.
            With video and text, the text is judged with the video's sound: see `companion`.

        Raises:
            MediaError: The input cannot be read, or there is none. Its text is for people.
        """
        if video is None:
            return self.score(self.read(audio, text))
        reading = self._watch(video, audio)
        prediction = self.score(reading)
        if text is None or self._sound is None:
            return prediction
        return replace(prediction, companion=self.score(self.read_companion(reading, text)))

    def read(
        self,
        audio: AudioSource | None = None,
        text: str | None = None,
        video: VideoSource | None = None,
    ) -> SpeechTextInputs | VideoInputs:
        """Read one input as `predict` does, without judging it: see `score`.

        Args:
            audio: A path, the bytes of a file, or (waveform, sample rate in Hz).
            text: What was said; not beside `video`: see `read_companion`.
            video: A path or the bytes of a file.

        Raises:
            MediaError: The input cannot be read, or there is none. Its text is for people.
            ValueError: A text beside a video, which are two readings.
        """
        if video is not None:
            if text is not None:
                raise ValueError("A text beside a video is read by read_companion.")
            return self._watch(video, audio)
        return self._hears().reader.read(audio, text)

    def read_companion(self, reading: VideoInputs, text: str) -> SpeechTextInputs:
        """A video's sound and its text, read for the framework that hears and reads.

        Raises:
            MediaError: The text cannot be read, or this model judges video only.
        """
        heard = None if reading.waveform is None else (reading.waveform, SAMPLE_RATE)
        return self._hears().reader.read(heard, text)

    def score(self, reading: SpeechTextInputs | VideoInputs) -> Prediction:
        """Judge what `read` has read.

        Raises:
            MediaError: This model has no framework for it.
        """
        if isinstance(reading, VideoInputs):
            return self._sees().scorer.score(reading)
        return self._hears().scorer.score([reading])[0]

    def predict_many(
        self, items: Sequence[Mapping[str, Any]], batch_size: int = 16
    ) -> list[Prediction]:
        """Judge many, with the numbers that `predict` gives one by one.

        Args:
            items: Mappings with `audio`, `text`, `video` (any may be missing) and, for tables,
                `name`.
            batch_size: Windows of speech that go through the network at once.

        Returns:
            One prediction an item, in order. An item that cannot be read has the state `refused`,
            its reason in `message` and `error_kind`.
        """
        results: list[Prediction | None] = [None] * len(items)
        readings: list[SpeechTextInputs] = []
        places: list[int] = []
        for place, item in enumerate(items):
            try:
                if item.get("video") is not None or self._sound is None:
                    results[place] = self.predict(
                        item.get("audio"), item.get("text"), item.get("video")
                    )
                else:
                    readings.append(self._sound.reader.read(item.get("audio"), item.get("text")))
                    places.append(place)
            except MediaError as error:
                asked = self._sound if item.get("video") is None else self._sight
                results[place] = refusal(error, asked or self._sound or self._sight)
        if self._sound is not None:
            judged = self._sound.scorer.score(readings, batch_size)
            for place, prediction in zip(places, judged, strict=True):
                results[place] = prediction
        return [
            replace(result, name=str(item.get("name", "")))
            for result, item in zip(results, items, strict=True)
            if result is not None
        ]

    def info(self) -> dict[str, Any]:
        """What is loaded: names, sizes, labels, temperatures and the measured figures."""
        return {
            "model": next(iter(self._checkpoints.values())).source,
            "labels": list(self.labels),
            "frameworks": {
                name: {
                    "modalities": list(checkpoint.framework.encoders()),
                    "parameters": parameters(checkpoint.framework),
                    "encoders": {
                        modality: encoder.architecture()["family"]
                        for modality, encoder in checkpoint.framework.encoders().items()
                    },
                    "temperatures": checkpoint.config.get("temperatures", {}),
                    "metrics": checkpoint.metrics,
                }
                for name, checkpoint in self._checkpoints.items()
            },
        }

    def _watch(self, video: VideoSource, audio: AudioSource | None) -> VideoInputs:
        if audio is not None:
            raise MediaError("two_sounds", "Give a video or a recording, not both at once.")
        return self._sees().reader.read(video)

    def _hears(self) -> SpeechTextPipeline:
        if self._sound is None:
            raise MediaError("no_input", "This model judges video only: give one.")
        return self._sound

    def _sees(self) -> VideoPipeline:
        if self._sight is None:
            raise MediaError(
                "no_framework",
                "This model judges no video; give the clip as a recording to judge its sound.",
            )
        return self._sight


class SpeechTextPipeline:
    """A framework that hears and reads, and what reads for it."""

    def __init__(self, name: str, checkpoint: Checkpoint, device: torch.device) -> None:
        encoders = checkpoint.framework.encoders()
        modalities = tuple(encoder.modality for encoder in encoders.values())
        self.reader = SpeechTextReader(getattr(encoders.get("text"), "tokenizer", None), modalities)
        temperatures = checkpoint.config.get("temperatures", {})
        self.scorer = SpeechTextScorer(checkpoint.framework, name, temperatures, device)


class VideoPipeline:
    """A framework that hears and sees, and what reads for it."""

    def __init__(
        self, name: str, checkpoint: Checkpoint, device: torch.device, detector: str | None
    ) -> None:
        encoder: Any = next(
            e for e in checkpoint.framework.encoders().values() if e.modality == "video"
        )
        self.reader = VideoReader(encoder.view, encoder.picture_size, detector)
        temperatures = checkpoint.config.get("temperatures", {})
        self.scorer = VideoScorer(checkpoint.framework, name, temperatures, device)


def refusal(error: MediaError, asked: SpeechTextPipeline | VideoPipeline | None) -> Prediction:
    """The prediction that stands for input which cannot be read."""
    scorer = asked.scorer if asked else None
    return Prediction(
        emotion=None,
        probabilities={},
        by_modality=dict.fromkeys((*scorer.framework.encoders(), COMBINED)) if scorer else {},
        state=State.REFUSED,
        message=error.message,
        error_kind=error.kind,
        framework=scorer.name if scorer else "",
    )
