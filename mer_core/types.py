"""Plain data passed from layer to layer, one dataclass a layer.

`Utterance` (media → data) → `Batch` (data → encoders) → `Features` (encoders → frameworks)
→ `Output` (frameworks → serving) → `Prediction` (serving → everyone else; NumPy only).
All are frozen: a layer returns a new object and never changes the one it was given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

FloatArray = NDArray[np.float32]
ByteArray = NDArray[np.uint8]

SAMPLE_RATE = 16_000  # Hz, of every waveform behind `media`
ENVELOPE_RATE = 50  # Hz, of the outline drawn of a waveform
ENGLISH = "en"  # ISO 639-1; the language that the text branch reads
COMBINED = "both"  # beside the modalities: all of them together


class State(StrEnum):
    """Whether there is a label, and if not, or of half the input only, why.

    The first reason found is a prediction's state; as a string it is what JSON and CSV hold.
    """

    OK = "ok"
    SILENCE = "silence"
    NO_SPEECH = "no_speech"  # noise, music or too few words
    NO_SOUND = "no_sound"  # a video without sound
    NO_FACE = "no_face"
    UNREADABLE_TEXT = "unreadable_text"  # another script, or no words
    REFUSED = "refused"  # input that cannot be read


@dataclass(frozen=True)
class Utterance:
    """One recording, decoded and bounded; any field may be absent.

    Attributes:
        waveform: (S,) mono float32 in [-1, 1] at `SAMPLE_RATE`, or None.
        text: What was said, stripped, or None.
        frames: (F, H, W, C) uint8 pictures in order of time, grey (C = 1) or RGB (C = 3), or None.
        name: Where it came from, for tables and messages.
    """

    waveform: FloatArray | None = None
    text: str | None = None
    frames: ByteArray | None = None
    name: str = ""


@dataclass(frozen=True)
class Batch:
    """Padded inputs of B utterances; labels travel beside it, never inside.

    An absent modality keeps one padded position, so that every tensor has at least one step, and
    is False in its presence mask. Fields of a modality that no encoder asked for are None.

    Attributes:
        waveform: (B, S) float32 at `SAMPLE_RATE`, zero-padded on the right.
        waveform_mask: (B, S) bool, True = a real sample.
        speech_present: (B,) bool, False where the utterance has no speech.
        input_ids: (B, T) int64 token ids.
        attention_mask: (B, T) bool, True = a real token.
        text_present: (B,) bool, False where the utterance has no text.
        frames: (B, F, C, H, W) uint8, grey or RGB.
        frames_mask: (B, F) bool, True = a real frame.
        video_present: (B,) bool, False where the utterance has no frames.
        cached: Features computed earlier, by modality, for heads trained on frozen encoders.
    """

    waveform: Tensor | None = None
    waveform_mask: Tensor | None = None
    speech_present: Tensor | None = None
    input_ids: Tensor | None = None
    attention_mask: Tensor | None = None
    text_present: Tensor | None = None
    frames: Tensor | None = None
    frames_mask: Tensor | None = None
    video_present: Tensor | None = None
    cached: dict[str, Features] = field(default_factory=dict)

    def to(self, device: Any, non_blocking: bool = False) -> Batch:
        """The same batch with every tensor on `device`; see `Tensor.to` on `non_blocking`."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Batch:
        """The same batch in page-locked memory, from which a GPU copies without waiting."""
        return self._each(lambda tensor: tensor.pin_memory())

    def rows(self, chosen: slice) -> Batch:
        """The same batch of some of its utterances."""
        return self._each(lambda tensor: tensor[chosen])

    def _each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        changed: dict[str, Any] = {}
        for name, value in vars(self).items():
            if name == "cached":
                changed[name] = {key: features.each(change) for key, features in value.items()}
            else:
                changed[name] = None if value is None else change(value)
        return Batch(**changed)


@dataclass(frozen=True)
class Features:
    """An encoder's tokens of B utterances of one modality.

    Attributes:
        tokens: (B, T, D), zero where `mask` is False.
        mask: (B, T) bool, True = a real token. Rows of absent utterances are all False.
        present: (B,) bool, False where the modality is absent.
    """

    tokens: Tensor
    mask: Tensor
    present: Tensor

    def to(self, device: Any) -> Features:
        """The same features with every tensor on `device`."""
        return self.each(lambda tensor: tensor.to(device))

    def each(self, change: Callable[[Tensor], Tensor]) -> Features:
        """The same features with every tensor changed alike."""
        return Features(change(self.tokens), change(self.mask), change(self.present))


@dataclass(frozen=True)
class Output:
    """What a framework computes for B utterances: logits, named features, attention.

    Attributes:
        logits: (B, C) before softmax.
        features: Named tensors, such as `speech_embedding` (B, D); each framework lists its own.
            Integers are indices of rows of the same batch.
        attention: Named weights, such as `text_to_speech` (B, T_text, T_speech), rows sum to 1.
        masks: Named (B, ...) bool masks that belong to the features and the attention.
    """

    logits: Tensor
    features: dict[str, Tensor] = field(default_factory=dict)
    attention: dict[str, Tensor] = field(default_factory=dict)
    masks: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Word:
    """One word of a recording and when it was said.

    Attributes:
        text: The word with its punctuation, without surrounding white space.
        start: Seconds from the start of the recording.
        end: Seconds from the start of the recording; not before `start`.
        probability: Mean probability that the model gave to the word's tokens, 0 to 1.
    """

    text: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True)
class Transcript:
    """The words of a recording.

    Attributes:
        text: The words as they were said, or empty where none were recognised.
        language: ISO 639-1 code of their language, such as `en`; empty where there are no words.
        language_probability: Of that language, 0 to 1.
        words: In order of time; no word starts before the one ahead of it ends.
        translation: The words in English if a translation was asked for and the language is
            another one, else None.
    """

    text: str
    language: str
    language_probability: float
    words: tuple[Word, ...]
    translation: str | None = None

    @property
    def english(self) -> str | None:
        """The words in English, or None where there are none, or none that are English."""
        return (self.text if self.language == ENGLISH else self.translation) or None


@dataclass(frozen=True)
class TokenAttention:
    """How much each word attends to each moment of the speech (token alignment).

    Attributes:
        words: The W words of the text, in order.
        times: (T + 1,) edges of the T time steps, seconds.
        weights: (W, T); each row sums to 1.
    """

    words: tuple[str, ...]
    times: FloatArray
    weights: FloatArray


@dataclass(frozen=True)
class Occlusions:
    """The probability of a clip's category with a single word or moment left out.

    Conditions are those of `Prediction.by_modality` that are present: a word is missing from the
    text alone and from both, a moment from the speech alone and from both.

    Attributes:
        emotion: The category that the model assigns to the whole clip.
        whole: Condition → its probability with nothing left out.
        words: The W words of the text, in order; empty without words to leave out.
        without_word: Condition → (W,) its probability without each word.
        times: (M + 1,) edges of the moments, seconds; empty without moments to leave out.
        without_moment: Condition → (M,) its probability without each moment; NaN for speech alone
            where nothing else is said.
    """

    emotion: str
    whole: dict[str, float]
    words: tuple[str, ...]
    without_word: dict[str, FloatArray]
    times: FloatArray
    without_moment: dict[str, FloatArray]


@dataclass(frozen=True)
class Window:
    """One stretch of a long clip and the category assigned to it.

    Attributes:
        start: Seconds from the start of the clip.
        end: Seconds from the start of the clip.
        emotion: The assigned category, or None where the stretch holds no speech.
        probabilities: Category → calibrated probability; empty where `emotion` is None.
    """

    start: float
    end: float
    emotion: str | None
    probabilities: dict[str, float]


@dataclass(frozen=True)
class CrossAttention:
    """How two sequences of one clip attend to each other (cross-attention fusion).

    Attributes:
        audio_times: (Ta + 1,) edges of the audio steps, seconds.
        video_times: (Tv,) times of the frames that were judged, seconds.
        audio_to_video: (Ta, Tv); each row sums to 1.
        video_to_audio: (Tv, Ta); each row sums to 1.
    """

    audio_times: FloatArray
    video_times: FloatArray
    audio_to_video: FloatArray
    video_to_audio: FloatArray


@dataclass(frozen=True)
class FaceTrack:
    """The one face that was followed through a clip, frame by frame.

    Attributes:
        times: (F,) of every frame that was read, seconds from the start of the clip.
        boxes: (F, 4) left, top, width, height as shares of the upright frame's width and height;
            all zero where `found` is False. They are the whole crop: close to the edge of the
            frame they reach beyond 0 and 1.
        found: (F,) bool, True where the face was seen, or bridged over a short gap.
        thumbnails: (F, S, S, 3) uint8 RGB crops, black where `found` is False.
        preview: (H, W, 3) uint8 RGB, the frame at `preview_index`, upright.
        preview_index: Index into the F frames.
    """

    times: FloatArray
    boxes: FloatArray
    found: NDArray[np.bool_]
    thumbnails: ByteArray
    preview: ByteArray
    preview_index: int


@dataclass(frozen=True)
class Prediction:
    """The result for one clip; NumPy and plain types only.

    Attributes:
        emotion: The category that the model assigns, or None where no honest label exists.
        probabilities: Category → calibrated probability; empty where `emotion` is None.
        by_modality: Modality as the framework names it, and `both` → such a map, or None where the
            modality is absent.
        state: `OK`, or why there is no label or only half of one. With a silent clip and a good
            text, `emotion` comes from the text and says so here.
        message: One or two plain sentences on `state`, empty when it is `ok`.
        error_kind: `MediaError.kind` when `state` is `refused`, else empty.
        framework: Name of the framework that answered, such as `mgcma`.
        duration: Length of the speech in seconds, or None.
        attention: Words × time, or None unless speech and text are both there.
        embeddings_before: `speech`, `text` → (D,) L2-normalised, pooled before alignment.
        embeddings_after: `speech`, `text` → (D,) L2-normalised, after alignment.
        timeline: Overlapping windows of clips over 8 s, empty for shorter ones; of video, one
            window a second, however short.
        envelope: (N,) loudest sample of each 1/`ENVELOPE_RATE` s of the speech, 0 to 1, or None.
        text: The text as the model read it, or None.
        name: Name of the file or entry, as given.
        face: The face that was followed, of video; None if none was found in any frame.
        match: Probability that voice and face carry the same emotion, or None unless both are
            there.
        cross_attention: Time × time, or None unless voice and face are both there.
        companion: The other framework's prediction for the video's sound and the text that came
            with it, or None without a text.
        transcript: What was said, or None unless it was to be transcribed.
        occlusions: What single words and moments change, or None unless asked for.
    """

    emotion: str | None
    probabilities: dict[str, float]
    by_modality: dict[str, dict[str, float] | None]
    state: State = State.OK
    message: str = ""
    error_kind: str = ""
    framework: str = ""
    duration: float | None = None
    attention: TokenAttention | None = None
    embeddings_before: dict[str, FloatArray] = field(default_factory=dict)
    embeddings_after: dict[str, FloatArray] = field(default_factory=dict)
    timeline: tuple[Window, ...] = ()
    envelope: FloatArray | None = None
    text: str | None = None
    name: str = ""
    face: FaceTrack | None = None
    match: float | None = None
    cross_attention: CrossAttention | None = None
    companion: Prediction | None = None
    transcript: Transcript | None = None
    occlusions: Occlusions | None = None
