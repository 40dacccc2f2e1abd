"""Which moments of a recording each word attends to: a heat map below the waveform."""

from __future__ import annotations

from mer_core.demo.panels.heatmap import EVEN_NOTE, MAX_ROWS, heatmap, is_even, peaks
from mer_core.demo.panels.markup import caption, card, escape, folded_table, seconds
from mer_core.demo.panels.waveform import recording_figure
from mer_core.types import Prediction, State, TokenAttention

LISTED = 12  # words in the description for screen readers
MEANING = (
    "The stronger the colour, the more weight the model gives that moment of the recording when it "
    "reads the word (attention)."
)
TYPE_WORDS = "Type what was said and analyse again to see which moments each word attends to."


def attention_figure(prediction: Prediction) -> str:
    """The heat map, or the waveform alone with a hint, or nothing where there is no speech."""
    if prediction.emotion is None or prediction.envelope is None or not prediction.duration:
        return ""
    attention = prediction.attention
    if attention is None or not attention.words:
        return _waveform_alone(prediction)
    rows = (
        f'<tr><td dir="auto">{escape(word)}</td><td>{seconds(moment)}</td></tr>'
        for word, moment in peaks(attention)[:MAX_ROWS]
    )
    return card(
        "Which moments each word attends to",
        f"{words_over_time(prediction, attention)}"
        f"{folded_table(('Word', 'Attends most to'), rows)}",
        label="Words and moments",
    )


def words_over_time(prediction: Prediction, attention: TokenAttention) -> str:
    """The heat map with its explanation."""
    notes = [MEANING]
    if is_even(attention):
        notes.append(EVEN_NOTE)
    if len(attention.words) > MAX_ROWS:
        notes.append(f"Only the first {MAX_ROWS} of {len(attention.words)} words are drawn.")
    duration = max(prediction.duration or 0.0, float(attention.times[-1]))
    listed = "; ".join(f"{word} at {seconds(moment)}" for word, moment in peaks(attention)[:LISTED])
    label = f"Heat map of words over time. Each word attends most to: {listed}."
    return caption(" ".join(notes)) + heatmap(attention, duration, label, prediction.envelope)


def _waveform_alone(prediction: Prediction) -> str:
    if prediction.envelope is None or not prediction.duration or prediction.timeline:
        return ""  # the timeline draws the same waveform
    if not prediction.by_modality.get("speech"):
        return ""  # the recording holds no speech
    hint = caption(TYPE_WORDS) if prediction.state == State.OK else ""
    label = f"Waveform of the recording, {seconds(prediction.duration)} long"
    figure = recording_figure(prediction.envelope, prediction.duration, label)
    return card("The recording", hint + figure, label="Recording")
