"""Why input could not be used, in words: the one place where a reason becomes a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from mer_core.frameworks.descriptor import MODALITIES
from mer_core.types import State

SENTENCES = {
    State.SILENCE: "The recording is silent.",
    State.NO_SPEECH: "No speech was found in the recording, only noise, music or too few words.",
    State.NO_SOUND: "The video has no sound.",
    State.NO_FACE: "No face was found in the video.",
    State.UNREADABLE_TEXT: "The text holds no words that the model knows; it reads English.",
}
ADVICE = {
    State.SILENCE: "Check the microphone and its level, and record again.",
    State.NO_SPEECH: "Speak a sentence close to the microphone, and record again.",
    State.NO_SOUND: "Record it with the microphone on.",
    State.NO_FACE: "Look at the camera from the front, in even light, and record again.",
    State.UNREADABLE_TEXT: "Write it in English, or leave it out.",
}

PLURALS = {modality.noun for modality in MODALITIES.values() if modality.plural}


def explain(reasons: Sequence[State], judged: Sequence[str], words_read: int | None = None) -> str:
    """What could not be judged and why, and what was judged instead; empty if nothing is missing.

    Args:
        reasons: Keys of `SENTENCES`.
        judged: Nouns of the modalities that could be judged.
        words_read: How many words of a text too long to be read in full were read, or None.
    """
    sentences = [SENTENCES[reason] for reason in reasons]
    if reasons and not judged:
        sentences += [ADVICE[reason] for reason in reasons]
    elif reasons:
        verb = "were" if len(judged) > 1 or judged[0] in PLURALS else "was"
        sentences.append(f"Only the {' and the '.join(judged)} {verb} judged.")
    if words_read is not None:
        sentences.append(f"Only the first {words_read} words of the text were read.")
    return " ".join(sentences)
