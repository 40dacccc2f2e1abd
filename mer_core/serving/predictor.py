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
from mer_core.checkpoints.shipped import DEFAULT_MODEL, WHISPER
from mer_core.device import pick_device
from mer_core.media import MediaError, MediaErrorKind
from mer_core.media.audio import AudioSource
from mer_core.media.text import is_blank
from mer_core.media.transcribe import NOTHING, Transcriber
from mer_core.media.video import VideoSource
from mer_core.serving.inputs import SpeechTextInputs, SpeechTextReader
from mer_core.serving.occlusion import explained
from mer_core.serving.pipelines import (
    SpeechTextPipeline,
    VideoPipeline,
    facts,
    reads_video,
    refusal,
)
from mer_core.serving.speech_text import Encoded, SpeechTextScorer
from mer_core.serving.video import EncodedVideo, VideoScorer
from mer_core.serving.video_inputs import VideoInputs, VideoReader
from mer_core.types import SAMPLE_RATE, Occlusions, Prediction, Transcript

ReadInputs = SpeechTextInputs | VideoInputs


class Predictor:
    """One loaded model. Keeps nothing of what it is given.

    Attributes:
        labels: The categories it can assign.
        frameworks: Names of its frameworks, such as `mgcma` and `foal_net`.
        transcriber: Writes down what is said, where that is asked for; loads at its first use.
    """

    def __init__(
        self,
        checkpoints: Mapping[str, Checkpoint],
        device: torch.device,
        face_detector: str | None = None,
        transcriber: Transcriber | None = None,
    ) -> None:
        self._checkpoints = checkpoints
        self.transcriber = transcriber or Transcriber(WHISPER, str(device))
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
        whisper: str | os.PathLike[str] | None = None,
        subfolder: str = "",
    ) -> Predictor:
        """Load a model.

        Args:
            source: A checkpoint, a folder of several, or a Hub id; None is the default that ships
                with Attune.
            device: `auto` (a GPU where there is one), `cpu`, `cuda` or `cuda:N`.
            revision: Branch, tag or commit of a Hub id.
            face_detector: File or Hub id of another YuNet model; None is the one that ships.
            whisper: Speech-to-text model: a folder in CTranslate2's format, a size such as `small`,
                or a Hub id; None is the one that ships with Attune. See `Transcriber`.
            subfolder: One checkpoint of a folder of several, such as `mgcma`; empty is all of them.

        Raises:
            CheckpointError: There is no such model, it is not one of ours, or it is damaged.
            ValueError: There is no such device or face detector.
        """
        chosen = pick_device(device)
        source = DEFAULT_MODEL if source is None else source
        transcriber = Transcriber(WHISPER if whisper is None else whisper, device)
        checkpoints = load_checkpoints(source, revision, subfolder)
        return cls(checkpoints, chosen, face_detector, transcriber)

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
        *,
        transcribe: bool = False,
        explain: bool = False,
    ) -> Prediction:
        """Judge one recording, one text, both; or one video, optionally with its text.

        Args:
            audio: A path, the bytes of a file, or (waveform, sample rate in Hz).
            text: What was said.
            video: A path or the bytes of a file. It brings its own sound: not beside `audio`.
            transcribe: Whether to write down what is said and judge it as the text, in English
                translation where it is another language. With a `text`, nothing is transcribed.
            explain: Whether to find out what single words and moments change (`occlusions` of the
                result, or of its companion); it takes about as long again.

        Returns:
            A prediction; its `state` says if there is no label, or one of half the input only.
            With video and text, `companion` judges the text with the video's sound.

        Raises:
            MediaError: The input cannot be read, or there is none. Its message is a plain sentence.
            TranscriberError: The speech-to-text model cannot be loaded.
        """
        inputs = self.read(audio, text) if video is None else self._read_video(video, audio, text)
        if transcribe and is_blank(text):
            inputs = self.with_transcript(inputs, self.transcribe(inputs))
        prediction = self._score(inputs, explain=explain)
        said = text is not None or (inputs.transcript and inputs.transcript.english)
        if isinstance(inputs, SpeechTextInputs) or not said or self._speech_text is None:
            return prediction
        companion = self._score(self.read_companion(inputs, text), explain=explain)
        return replace(prediction, companion=companion)

    def read(
        self,
        audio: AudioSource | None = None,
        text: str | None = None,
        video: VideoSource | None = None,
    ) -> ReadInputs:
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

    def read_companion(self, inputs: VideoInputs, text: str | None) -> SpeechTextInputs:
        """A video's sound and its text, read for the framework of speech and text.

        Args:
            inputs: The video, read.
            text: What was said, or None for the words that were transcribed.

        Raises:
            MediaError: The text cannot be read, or this model judges video only.
        """
        reader = self._speech_text_or_refuse().reader
        sound = None if inputs.waveform is None else (inputs.waveform, SAMPLE_RATE)
        read = reader.read(sound, text)
        if text is None and inputs.transcript is not None:
            return reader.with_transcript(read, inputs.transcript)
        return read

    def transcribe(self, inputs: ReadInputs) -> Transcript:
        """What is said in a recording or video that `read` has read, in English too.

        Without sound, and in a video whose framework does not read it, that is nothing.

        Raises:
            TranscriberError: The speech-to-text model cannot be loaded.
        """
        if inputs.waveform is None:
            return NOTHING
        waveform, activity = inputs.waveform, inputs.activity
        return self.transcriber.transcribe_waveform(waveform, activity, translate=True)

    def with_transcript(self, inputs: ReadInputs, transcript: Transcript) -> ReadInputs:
        """`inputs` with a transcript, to be judged by its English words; see `score`.

        A text that was read counts instead. A framework of voice and face judges no words: see
        `read_companion`.

        Raises:
            MediaError: This model has no framework for it.
        """
        if isinstance(inputs, VideoInputs):
            return self._video_or_refuse().reader.with_transcript(inputs, transcript)
        return self._speech_text_or_refuse().reader.with_transcript(inputs, transcript)

    def score(self, inputs: ReadInputs) -> Prediction:
        """Judge what `read` has read.

        Raises:
            MediaError: This model has no framework for it.
        """
        return self.judge(inputs)[0]

    def judge(self, inputs: ReadInputs) -> tuple[Prediction, Encoded | EncodedVideo]:
        """`score`, and the inputs behind the encoders: for `occlusions`, and for other heads.

        Raises:
            MediaError: This model has no framework for it.
        """
        if isinstance(inputs, VideoInputs):
            video = self._video_or_refuse().scorer
            film = video.encode(inputs)
            return video.score_encoded(film), film
        scorer = self._speech_text_or_refuse().scorer
        encoded = scorer.encode([inputs])
        return scorer.score_encoded(encoded)[0], encoded

    def occlusions(self, encoded: Encoded | EncodedVideo) -> Occlusions | None:
        """What single words and moments change of a recording and its words; None of a video.

        Also None where there is nothing to leave out; see `serving.occlusion.explainable`.

        Args:
            encoded: From `judge`.
        """
        if isinstance(encoded, EncodedVideo):
            return None
        return explained(self._speech_text_or_refuse().scorer, encoded)

    def predict_many(
        self,
        items: Sequence[Mapping[str, Any]],
        batch_size: int = 16,
        *,
        transcribe: bool = False,
        explain: bool = False,
    ) -> list[Prediction]:
        """Judge many, with the numbers that `predict` gives one by one.

        Args:
            items: Mappings with `audio`, `text`, `video` (any may be missing) and, for tables,
                `name`.
            batch_size: Windows of speech that go through the network at once.
            transcribe: See `predict`; for the items without a text.
            explain: See `predict`; each recording is judged by itself then.

        Returns:
            One prediction an item, in order. An item that cannot be read has the state `REFUSED`,
            its reason in `message` and `error_kind`.
        """
        predictions: dict[int, Prediction] = {}
        batched: dict[int, SpeechTextInputs] = {}
        for index, item in enumerate(items):
            audio, text, video = (item.get(key) for key in ("audio", "text", "video"))
            try:
                if video is None and self._speech_text is not None and not explain:
                    inputs = self._speech_text.reader.read(audio, text)
                    if transcribe and is_blank(text):
                        transcript = self.transcribe(inputs)
                        inputs = self._speech_text.reader.with_transcript(inputs, transcript)
                    batched[index] = inputs
                else:
                    predictions[index] = self.predict(
                        audio, text, video, transcribe=transcribe, explain=explain
                    )
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
            "frameworks": {name: facts(each) for name, each in self._checkpoints.items()},
        }

    def _score(self, inputs: ReadInputs, *, explain: bool) -> Prediction:
        prediction, encoded = self.judge(inputs)
        return replace(prediction, occlusions=self.occlusions(encoded)) if explain else prediction

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
