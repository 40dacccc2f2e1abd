"""Small pieces that every panel shares: escaping, numbers, names."""

from __future__ import annotations

import html
import re

MODALITY_TITLES = {
    "speech": "Speech alone",
    "audio": "Voice alone",
    "text": "Text alone",
    "video": "Face alone",
    "both": "Both together",
}

# How data sets write their own names.
CORPUS_TITLES = {
    "ravdess": "RAVDESS",
    "nemo": "nEMO",
    "fer2013": "FER2013",
    "goemotions": "GoEmotions",
    "meld": "MELD",
    "emorynlp": "EmoryNLP",
    "isear": "ISEAR",
    "iemocap": "IEMOCAP",
}


def escape(value: object) -> str:
    """`value` as text that is safe inside elements and quoted attributes."""
    return html.escape(str(value), quote=True)


def percent(probability: float) -> str:
    """A probability in whole percent; never a rounded 0% or 100%."""
    if probability < 0.005:
        return "<1%"
    if probability >= 0.995:
        return ">99%"
    return f"{max(1, round(100 * probability))}%"


def seconds(value: float) -> str:
    """A moment: `2.5 s` below a minute, `1:05` from there on."""
    if value < 59.95:
        return f"{value:.1f} s"
    whole = round(value)
    return f"{whole // 60}:{whole % 60:02d}"


def emotion_style(emotion: str) -> str:
    """Inline style that hands an emotion's colours to the element and what is inside it."""
    slug = re.sub(r"[^a-z0-9]+", "-", emotion.lower()).strip("-")
    return (
        f"--fill:var(--emotion-{slug},var(--emotion-other));"
        f"--ink:var(--emotion-{slug}-ink,var(--emotion-other-ink))"
    )


def ranked(probabilities: dict[str, float]) -> list[tuple[str, float]]:
    """Categories from most to least probable; ties keep the model's order."""
    return sorted(probabilities.items(), key=lambda pair: -pair[1])
