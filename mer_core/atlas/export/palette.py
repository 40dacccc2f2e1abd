"""Colours of emotions on maps: the hue is the emotion, the shade is the modality."""

from __future__ import annotations

# Okabe & Ito (2008), distinct to colour-blind readers; a mid grey replaces their black, so that it
# is visible on a dark page too.
EMOTION_COLOURS = {
    "angry": "#D55E00",
    "happy": "#E69F00",
    "neutral": "#8C8C8C",
    "sad": "#0072B2",
    "calm": "#F0E442",
    "disgust": "#009E73",
    "fearful": "#CC79A7",
    "surprised": "#56B4E9",
    "other": "#A39B8F",
}
DARKEN = 0.30  # towards black, for speech and audio
LIGHTEN = 0.45  # towards white, for text and video


def shade(emotion: str, leading: bool) -> str:
    """`#RRGGBB`: dark for the leading modality (speech, audio), light for its partner."""
    colour = EMOTION_COLOURS.get(emotion, EMOTION_COLOURS["other"])
    target, share = (0, DARKEN) if leading else (255, LIGHTEN)
    channels = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    mixed = (round(channel + (target - channel) * share) for channel in channels)
    return "#" + "".join(f"{channel:02X}" for channel in mixed)
