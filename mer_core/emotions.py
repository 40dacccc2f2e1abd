"""The label sets, and every corpus' map onto them.

Both papers use four classes (angry, happy, sad, neutral). Encoders are trained on the full label
sets of their corpora; four-class work leaves every other label out and never folds it in.
"""

from __future__ import annotations

FOUR = ("angry", "happy", "neutral", "sad")

# What the speech corpora distinguish (RAVDESS' eight; nEMO has six of them).
SPEECH = ("angry", "calm", "disgust", "fearful", "happy", "neutral", "sad", "surprised")

# What the text corpora distinguish, taken together.
TEXT = (
    "angry", "disgust", "fearful", "guilt", "happy", "neutral", "peaceful", "powerful", "sad",
    "shame", "surprised",
)  # fmt: skip

# What FER2013 distinguishes.
FACE = ("angry", "disgust", "fearful", "happy", "neutral", "sad", "surprised")

LABEL_SETS = {"four": FOUR, "speech": SPEECH, "text": TEXT, "face": FACE}

# Corpus spelling → ours. Spellings that already are ours need no entry.
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
    """Our name for a corpus' label, whatever its case; unknown labels come back lower-cased."""
    lowered = label.strip().lower()
    return SYNONYMS.get(lowered, lowered)
