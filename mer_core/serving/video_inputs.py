"""A video into a voice and a face, each with a reason where there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mer_core.media import MediaError, load_audio
from mer_core.media.speech_activity import SpeechActivity, detect_speech
from mer_core.media.video import Video, VideoSource, load_video
from mer_core.media.video_bounds import MAX_SECONDS
from mer_core.serving.inputs import envelope, explain, why_unspoken
from mer_core.types import SAMPLE_RATE, ByteArray, FaceTrack, FloatArray, Utterance

if TYPE_CHECKING:
    from mer_core.media.faces import FaceDetector


@dataclass(frozen=True)
class VideoInputs:
    """One video, read: what can be judged, and why the rest cannot.

    Attributes:
        duration: Seconds of the video.
        waveform: (S,) of its sound, or None without any.
        activity: Of the sound, or None without any.
        track: The face that was followed, or None where none was found.
        pictures: (N, size, size, 3) uint8, the pictures to judge, or None without a face.
        times: (N,) of the pictures, seconds.
        state: See `Prediction.state`.
        message: Sentences that belong to the state.
    """

    duration: float
    waveform: FloatArray | None
    activity: SpeechActivity | None
    track: FaceTrack | None
    pictures: ByteArray | None
    times: FloatArray
    state: str
    message: str

    @property
    def spoken(self) -> bool:
        """Whether there is speech to judge."""
        return self.activity is not None and self.activity.spoken

    @property
    def utterance(self) -> Utterance:
        """What goes to the encoders."""
        waveform = self.waveform if self.spoken else None
        return Utterance(waveform=waveform, frames=self.pictures)

    @property
    def envelope(self) -> FloatArray | None:
        """See `Prediction.envelope`."""
        return None if self.waveform is None else envelope(self.waveform)


class VideoReader:
    """Reads videos for a framework that judges voice and face.

    Args:
        view: `face` for crops of the tracked face, `frame` for whole frames.
        size: Side of the pictures, pixels.
        detector: File or Hub id of a YuNet model, or None for the detector inside OpenCV.

    Raises:
        ValueError: The detector cannot be had.
    """

    def __init__(self, view: str, size: int, detector: str | None = None) -> None:
        self.view = view
        self.size = size
        self._detector: FaceDetector | None = None
        if detector is not None:
            from mer_core.media.faces import YuNetDetector

            self._detector = YuNetDetector(detector)

    def read(self, source: VideoSource) -> VideoInputs:
        """Decode, listen for speech, follow the face.

        Raises:
            MediaError: The video cannot be read.
        """
        from mer_core.media.faces import track_face  # OpenCV, which sound and text do without

        video = load_video(source)
        waveform = load_sound(source, video)
        activity = None if waveform is None else detect_speech(waveform)
        track = track_face(video, self._detector)
        found = bool(track.found.any())
        pictures, times = self._pictures(video, track) if found else (None, video.times[:0])
        spoken = activity is not None and activity.spoken
        reasons = []
        if activity is None:
            reasons.append("no_sound")
        elif not spoken:
            reasons.append(why_unspoken(activity))
        if not found:
            reasons.append("no_face")
        judged = [name for name, there in (("voice", spoken), ("face", found)) if there]
        return VideoInputs(
            duration=video.duration,
            waveform=waveform,
            activity=activity,
            track=track if found else None,
            pictures=pictures,
            times=times,
            state=reasons[0] if reasons else "ok",
            message=" ".join(explain(reasons, *judged)),
        )

    def _pictures(self, video: Video, track: FaceTrack) -> tuple[ByteArray, FloatArray]:
        from mer_core.media.faces import crop_faces, whole_frames

        if self.view == "frame":
            return whole_frames(video, self.size), video.times
        return crop_faces(video, track, self.size), video.times[track.found]


def load_sound(source: VideoSource, video: Video) -> FloatArray | None:
    """(S,) of a video's sound, or None where there is nothing to hear: the face still counts."""
    if not video.has_sound:
        return None
    try:
        waveform = load_audio(source)
    except MediaError:
        return None
    return np.ascontiguousarray(waveform[: round(MAX_SECONDS * SAMPLE_RATE)])
