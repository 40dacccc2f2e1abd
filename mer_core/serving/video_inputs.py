"""A video, read: a voice, a face and perhaps its words, or a reason why one of them is missing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mer_core.encoders.base import View
from mer_core.encoders.text_tokens import TextTokenizer, TokenizedText
from mer_core.media import MediaError, load_audio, load_text
from mer_core.media.speech_activity import SpeechActivity, detect_speech
from mer_core.media.video import Video, VideoSource, load_video
from mer_core.media.video_bounds import MAX_SECONDS
from mer_core.serving.inputs import (
    envelope,
    readable_tokens,
    readable_words,
    why_unspoken,
    words_read,
)
from mer_core.serving.messages import explain
from mer_core.types import (
    SAMPLE_RATE,
    ByteArray,
    FaceTrack,
    FloatArray,
    State,
    Transcript,
    Utterance,
)

if TYPE_CHECKING:
    from mer_core.media.face_detectors import FaceDetector


@dataclass(frozen=True)
class VideoInputs:
    """One video, ready to be judged.

    Attributes:
        duration: Seconds of the video.
        waveform: (S,) of its sound, or None without any, or if the framework reads none.
        activity: Where there is speech in the sound, or None without sound.
        track: The face that was followed, or None if none was found.
        pictures: (N, size, size, 3) uint8, the pictures to judge, or None without a face.
        times: (N,) of the pictures, seconds.
        reasons: Why the rest cannot be judged.
        text: What was said, for a framework that reads text, or None.
        tokens: Of the text, or None.
        transcript: What was said in the sound, or None unless it was transcribed.
    """

    duration: float
    waveform: FloatArray | None
    activity: SpeechActivity | None
    track: FaceTrack | None
    pictures: ByteArray | None
    times: FloatArray
    reasons: tuple[State, ...] = ()
    text: str | None = None
    tokens: TokenizedText | None = None
    transcript: Transcript | None = None

    @property
    def spoken(self) -> bool:
        """Whether there is speech to judge."""
        return self.activity is not None and self.activity.spoken

    @property
    def empty(self) -> bool:
        """Whether there is nothing to judge."""
        return not self.spoken and self.pictures is None and self.text is None

    @property
    def utterance(self) -> Utterance:
        """What goes to the encoders."""
        waveform = self.waveform if self.spoken else None
        return Utterance(waveform=waveform, text=self.text, frames=self.pictures)

    @property
    def envelope(self) -> FloatArray | None:
        """See `Prediction.envelope`."""
        return None if self.waveform is None else envelope(self.waveform)

    @property
    def state(self) -> State:
        """See `Prediction.state`."""
        return self.reasons[0] if self.reasons else State.OK

    @property
    def message(self) -> str:
        """What belongs to the state, in words."""
        parts = (("voice", self.spoken), ("words", self.text), ("face", self.pictures is not None))
        judged = [noun for noun, part in parts if part]
        return explain(self.reasons, judged, words_read(self.tokens))


class VideoReader:
    """Reads videos for a framework that judges faces.

    Args:
        view: Whether the pictures are crops of the followed face or whole frames.
        size: Side of the pictures, pixels.
        detector: File or Hub id of a YuNet model, or None for the one that ships.
        hears: Whether the framework reads the sound.
        tokenizer: Of the framework's text encoder, or None without one.

    Raises:
        ValueError: The detector cannot be loaded.
    """

    def __init__(
        self,
        view: View,
        size: int,
        detector: str | None = None,
        *,
        hears: bool = True,
        tokenizer: TextTokenizer | None = None,
    ) -> None:
        self.view = view
        self.size = size
        self.hears = hears
        self.tokenizer = tokenizer
        self._detector: FaceDetector | None = None
        if detector is not None:
            from mer_core.media.face_detectors import YuNetDetector

            self._detector = YuNetDetector(detector)

    @property
    def reads_text(self) -> bool:
        """Whether a text beside a video is judged with it."""
        return self.tokenizer is not None

    def read(self, source: VideoSource, text: str | None = None) -> VideoInputs:
        """Decode, look for speech, follow the face, tokenize.

        Raises:
            MediaError: The video or the text cannot be read.
        """
        from mer_core.media.faces import track_face  # OpenCV, which sound and text do without

        written = load_text(text) if self.reads_text else None
        video = load_video(source)
        waveform = load_sound(source, video) if self.hears else None
        activity = None if waveform is None else detect_speech(waveform)
        track = track_face(video, self._detector)
        has_face = bool(track.found.any())
        pictures, times = self._pictures(video, track) if has_face else (None, video.times[:0])
        tokens = readable_tokens(written, self.tokenizer)
        reasons = missing(activity, hears=self.hears, has_face=has_face)
        if written is not None and tokens is None:
            reasons.append(State.UNREADABLE_TEXT)
        return VideoInputs(
            duration=video.duration,
            waveform=waveform,
            activity=activity,
            track=track if has_face else None,
            pictures=pictures,
            times=times,
            reasons=tuple(reasons),
            text=written if tokens else None,
            tokens=tokens,
        )

    def with_transcript(self, inputs: VideoInputs, transcript: Transcript) -> VideoInputs:
        """`inputs` with a transcript; its English words are the text, unless there is one."""
        if inputs.text is not None or State.UNREADABLE_TEXT in inputs.reasons:
            return replace(inputs, transcript=transcript)
        text, tokens = readable_words(transcript, self.tokenizer)
        return replace(inputs, transcript=transcript, text=text, tokens=tokens)

    def _pictures(self, video: Video, track: FaceTrack) -> tuple[ByteArray, FloatArray]:
        from mer_core.media.face_crops import crop_faces, whole_frames

        if self.view == "frame":
            return whole_frames(video, self.size), video.times
        return crop_faces(video, track, self.size), video.times[track.found]


def missing(activity: SpeechActivity | None, *, hears: bool, has_face: bool) -> list[State]:
    """Why the voice or the face of a video cannot be judged.

    Args:
        activity: Of the sound, or None without any.
        hears: Whether the voice is wanted.
        has_face: Whether a face was found, or is not wanted.
    """
    reasons = []
    if hears and activity is None:
        reasons.append(State.NO_SOUND)
    elif activity is not None and not activity.spoken:
        reasons.append(why_unspoken(activity))
    if not has_face:
        reasons.append(State.NO_FACE)
    return reasons


def load_sound(source: VideoSource, video: Video) -> FloatArray | None:
    """(S,) of a video's sound; None if it has none or it cannot be read: the face still counts."""
    if not video.has_sound:
        return None
    try:
        waveform = load_audio(source)
    except MediaError:
        return None
    return np.ascontiguousarray(waveform[: round(MAX_SECONDS * SAMPLE_RATE)])
