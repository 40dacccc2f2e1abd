"""The label sets, and how the corpora's labels map onto them.

Both papers use four classes (angry, happy, sad, neutral). Encoders are trained on the full label
sets of their corpora; four-class training and evaluation leave out every other label instead of
merging it.
"""

from __future__ import annotations

NEUTRAL = "neutral"
FOUR = ("angry", "happy", NEUTRAL, "sad")

# Labels of the speech corpora (RAVDESS has all eight, nEMO six).
SPEECH = ("angry", "calm", "disgust", "fearful", "happy", "neutral", "sad", "surprised")

# Labels of all text corpora together.
TEXT = (
    "angry", "disgust", "fearful", "guilt", "happy", "neutral", "peaceful", "powerful", "sad",
    "shame", "surprised",
)  # fmt: skip

# Labels of FER2013.
FACE = ("angry", "disgust", "fearful", "happy", "neutral", "sad", "surprised")

LABEL_SETS = {"four": FOUR, "speech": SPEECH, "text": TEXT, "face": FACE}
KNOWN = frozenset(label for labels in LABEL_SETS.values() for label in labels)

# Corpus spelling → ours, where they differ.
SYNONYMS = {
    "anger": "angry",
    "ang": "angry",
    "mad": "angry",
    "joy": "happy",
    "joyful": "happy",
    "happiness": "happy",
    "excitement": "happy",
    "excited": "happy",
    "exc": "happy",
    "hap": "happy",
    "sadness": "sad",
    "neu": "neutral",
    "fear": "fearful",
    "scared": "fearful",
    "surprise": "surprised",
}


def canonical(label: str) -> str:
    """Our name of a corpus' label in any case; unknown labels are returned in lower case."""
    lowered = label.strip().lower()
    return SYNONYMS.get(lowered, lowered)
