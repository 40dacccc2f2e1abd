"""`Predictor`: a recording, a text or a video in, a `Prediction` out.

Reading (media, speech activity, text, face) comes before scoring (the framework), so that a clip
without speech, or a text in another script, is an absent modality with a reason. Recordings and
texts go to the first framework that reads no video, videos to the first one that does.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from mer_core.checkpoints.checkpoint import Checkpoint, load_checkpoints
from mer_core.checkpoints.shipped import DEFAULT_MODEL
from mer_core.checkpoints.weights import parameters
from mer_core.device import pick_device
from mer_core.frameworks.base import Framework
from mer_core.media import MediaError, MediaErrorKind
from mer_core.media.audio import AudioSource
from mer_core.media.video import VideoSource
from mer_core.serving.inputs import SpeechTextInputs, SpeechTextReader
from mer_core.serving.speech_text import SpeechTextScorer
from mer_core.serving.video import VideoScorer
from mer_core.serving.video_inputs import VideoInputs, VideoReader
from mer_core.types import SAMPLE_RATE, Prediction, State


class Predictor:
    """One loaded model. Keeps nothing of what it is given.

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
        self._speech_text: SpeechTextPipeline | None = None
        self._video: VideoPipeline | None = None
        for name, checkpoint in checkpoints.items():
            checkpoint.framework.to(device)
            if reads_video(checkpoint.framework):
                self._video = self._video or VideoPipeline(name, checkpoint, device, face_detector)
            else:
                self._speech_text = self._speech_text or SpeechTextPipeline(
                    name, checkpoint, device
                )

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
            face_detector: File or Hub id of another YuNet model; None is the one that ships.

        Raises:
            CheckpointError: There is no such model, or it is not one of ours.
            ValueError: There is no such device or face detector.
        """
        chosen = pick_device(device)
        checkpoints = load_checkpoints(DEFAULT_MODEL if source is None else source, revision)
        return cls(checkpoints, chosen, face_detector)

    @property
    def judges_video(self) -> bool:
        """Whether it judges video."""
        return self._video is not None

    @property
    def scorers(self) -> dict[str, SpeechTextScorer | VideoScorer]:
        """Framework → its scorer: at most one of speech and text, and one of video."""
        return {part.scorer.name: part.scorer for part in (self._speech_text, self._video) if part}

    @property
    def readers(self) -> dict[str, SpeechTextReader | VideoReader]:
        """Framework → its reader, of each of `scorers`."""
        return {part.scorer.name: part.reader for part in (self._speech_text, self._video) if part}

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
            video: A path or the bytes of a file. It brings its own sound: not beside `audio`.

        Returns:
            A prediction; its `state` says if there is no label, or one of half the input only.
            With video and text, `companion` judges the text with the video's sound.

        Raises:
            MediaError: The input cannot be read, or there is none. Its message is a plain sentence.
        """
        if video is None:
            return self.score(self.read(audio, text))
        inputs = self._read_video(video, audio, text)
        prediction = self.score(inputs)
        if text is None or self._speech_text is None:
            return prediction
        return replace(prediction, companion=self.score(self.read_companion(inputs, text)))

    def read(
        self,
        audio: AudioSource | None = None,
        text: str | None = None,
        video: VideoSource | None = None,
    ) -> SpeechTextInputs | VideoInputs:
        """Read one input as `predict` does, without judging it: see `score`.

        Args:
            audio: A path, the bytes of a file, or (waveform, sample rate in Hz).
            text: What was said. Beside a video it is read only by a framework of face and text;
                for its companion see `read_companion`.
            video: A path or the bytes of a file.

        Raises:
            MediaError: The input cannot be read, or there is none. Its message is a plain sentence.
            ValueError: A text beside a video whose framework reads none.
        """
        if video is None:
            return self._speech_text_or_refuse().reader.read(audio, text)
        if text is not None and self._video is not None and not self._video.reader.reads_text:
            raise ValueError("A text beside a video is read by read_companion.")
        return self._read_video(video, audio, text)

    def read_companion(self, inputs: VideoInputs, text: str) -> SpeechTextInputs:
        """A video's sound and its text, read for the framework of speech and text.

        Raises:
            MediaError: The text cannot be read, or this model judges video only.
        """
        sound = None if inputs.waveform is None else (inputs.waveform, SAMPLE_RATE)
        return self._speech_text_or_refuse().reader.read(sound, text)

    def score(self, inputs: SpeechTextInputs | VideoInputs) -> Prediction:
        """Judge what `read` has read.

        Raises:
            MediaError: This model has no framework for it.
        """
        if isinstance(inputs, VideoInputs):
            return self._video_or_refuse().scorer.score(inputs)
        return self._speech_text_or_refuse().scorer.score([inputs])[0]

    def predict_many(
        self, items: Sequence[Mapping[str, Any]], batch_size: int = 16
    ) -> list[Prediction]:
        """Judge many, with the numbers that `predict` gives one by one.

        Args:
            items: Mappings with `audio`, `text`, `video` (any may be missing) and, for tables,
                `name`.
            batch_size: Windows of speech that go through the network at once.

        Returns:
            One prediction an item, in order. An item that cannot be read has the state `REFUSED`,
            its reason in `message` and `error_kind`.
        """
        predictions: dict[int, Prediction] = {}
        batched: dict[int, SpeechTextInputs] = {}
        for index, item in enumerate(items):
            audio, text, video = (item.get(key) for key in ("audio", "text", "video"))
            try:
                if video is None and self._speech_text is not None:
                    batched[index] = self._speech_text.reader.read(audio, text)
                else:
                    predictions[index] = self.predict(audio, text, video)
            except MediaError as error:
                wanted = self._speech_text if video is None else self._video
                pipeline = wanted or self._speech_text or self._video
                predictions[index] = refusal(error, pipeline.scorer if pipeline else None)
        if self._speech_text is not None:
            scored = self._speech_text.scorer.score(list(batched.values()), batch_size)
            predictions |= zip(batched, scored, strict=True)
        return [
            replace(predictions[index], name=str(item.get("name", "")))
            for index, item in enumerate(items)
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

    def _read_video(
        self, video: VideoSource, audio: AudioSource | None, text: str | None
    ) -> VideoInputs:
        if audio is not None:
            raise MediaError(
                MediaErrorKind.TWO_SOUNDS, "Give a video or a recording, not both at once."
            )
        return self._video_or_refuse().reader.read(video, text)

    def _speech_text_or_refuse(self) -> SpeechTextPipeline:
        if self._speech_text is None:
            raise MediaError(MediaErrorKind.NO_INPUT, "This model judges video only: give one.")
        return self._speech_text

    def _video_or_refuse(self) -> VideoPipeline:
        if self._video is None:
            raise MediaError(
                MediaErrorKind.NO_FRAMEWORK,
                "This model judges no video; give the clip as a recording to judge its sound.",
            )
        return self._video


class SpeechTextPipeline:
    """Reader and scorer of a framework of speech, text or both."""

    def __init__(self, name: str, checkpoint: Checkpoint, device: torch.device) -> None:
        self.scorer = SpeechTextScorer(
            checkpoint.framework, name, checkpoint.config.get("temperatures", {}), device
        )
        encoders = checkpoint.framework.encoders().values()
        modalities = tuple(encoder.modality for encoder in encoders)
        tokenizers = [encoder.tokenizer for encoder in encoders if encoder.tokenizer]
        self.reader = SpeechTextReader(tokenizers[0] if tokenizers else None, modalities)


class VideoPipeline:
    """Reader and scorer of a framework of a face, alone or with a voice or words."""

    def __init__(
        self, name: str, checkpoint: Checkpoint, device: torch.device, detector: str | None
    ) -> None:
        self.scorer = VideoScorer(
            checkpoint.framework, name, checkpoint.config.get("temperatures", {}), device
        )
        by_modality = {e.modality: e for e in checkpoint.framework.encoders().values()}
        face, text = by_modality["video"], by_modality.get("text")
        assert face.view is not None
        assert face.picture_size is not None
        self.reader = VideoReader(
            face.view,
            face.picture_size,
            detector,
            hears="speech" in by_modality,
            tokenizer=text.tokenizer if text else None,
        )


def reads_video(framework: Framework) -> bool:
    """Whether one of its encoders does."""
    return any(encoder.modality == "video" for encoder in framework.encoders().values())


def refusal(error: MediaError, scorer: SpeechTextScorer | VideoScorer | None) -> Prediction:
    """The prediction for input that cannot be read, by the scorer it was meant for."""
    return Prediction(
        emotion=None,
        probabilities={},
        by_modality=dict.fromkeys(scorer.conditions) if scorer else {},
        state=State.REFUSED,
        message=error.message,
        error_kind=error.kind,
        framework=scorer.name if scorer else "",
    )
