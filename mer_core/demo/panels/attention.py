"""Which moments of a recording each word attends to: a heat map below the waveform."""

from __future__ import annotations

from collections.abc import Sequence

from mer_core.demo.panels.heatmap import (
    EVEN_NOTE,
    MAX_ROWS,
    heatmap,
    is_even,
    peaks,
    spoken_heatmap,
)
from mer_core.demo.panels.markup import caption, card, escape, folded_table, percent, seconds
from mer_core.demo.panels.waveform import recording_figure
from mer_core.serving.word_times import Following, Moment, fits, following, moments
from mer_core.types import Prediction, State, TokenAttention, Word

LISTED = 12  # words in the description for screen readers
MEANING = (
    "The stronger the colour, the more weight the model gives that moment of the recording when it "
    "reads the word (attention)."
)
SPOKEN = "Each word is written at the moment in which it was said, which its row outlines."
NO_TIMES = "When each word was said is not known."
UNFIT = "These words do not fit what is said in the recording, so they stand at no moment of it."
NEEDS_WORDS = "With its words, you see here which moments each word attends to."


def attention_figure(prediction: Prediction) -> str:
    """The heat map, or the waveform alone with a hint, or nothing where there is no speech."""
    if prediction.emotion is None or prediction.envelope is None or not prediction.duration:
        return ""
    attention = prediction.attention
    if attention is None or not attention.words:
        return _waveform_alone(prediction)
    return card(
        "Which moments each word attends to",
        f"{words_over_time(prediction, attention)}{_table(prediction, attention)}",
        label="Words and moments",
    )


def words_over_time(prediction: Prediction, attention: TokenAttention) -> str:
    """The heat map with its explanation, and whether attention follows the words."""
    when = word_moments(prediction, attention)
    result = following(attention, when)
    duration = max(prediction.duration or 0.0, float(attention.times[-1]))
    listed = "; ".join(f"{word} at {seconds(moment)}" for word, moment in peaks(attention)[:LISTED])
    label = f"Heat map of words over time. Each word attends most to: {listed}."
    when_said = SPOKEN if result else UNFIT if _said(prediction) else NO_TIMES
    explained = caption(" ".join([MEANING, when_said, *_notes(attention)]))
    if result is None:
        return explained + heatmap(attention, duration, label, prediction.envelope)
    drawing = spoken_heatmap(attention, when, duration, label, prediction.envelope)
    return explained + follows_sentence(result) + drawing


def word_moments(prediction: Prediction, attention: TokenAttention) -> tuple[Moment | None, ...]:
    """When the attention's words were said; None of those without a time."""
    said = _said(prediction)
    return moments(attention.words, said if fits(attention.words, said) else ())


def follows_sentence(result: Following) -> str:
    """Whether attention follows the words, and by how much."""
    verdict = "follows" if result.follows else "does not follow"
    return (
        f'<p class="at-follows" data-testid="follows"><strong>Attention {verdict} the words here:'
        f"</strong> {percent(result.own)} of it is on the moment of the word itself; by chance, "
        f"{percent(result.chance)} would be.</p>"
    )


def _said(prediction: Prediction) -> Sequence[Word]:
    return prediction.transcript.words if prediction.transcript else ()


def _notes(attention: TokenAttention) -> list[str]:
    notes = []
    if is_even(attention):
        notes.append(EVEN_NOTE)
    if len(attention.words) > MAX_ROWS:
        notes.append(f"Only the first {MAX_ROWS} of {len(attention.words)} words are drawn.")
    return notes


def _table(prediction: Prediction, attention: TokenAttention) -> str:
    """Each word with its moment, where that is known, and the one it attends to most."""
    when: Sequence[Moment | None] = word_moments(prediction, attention)
    timed = any(when)
    rows = (
        f'<tr><td dir="auto">{escape(word)}</td>{_said_at(own) if timed else ""}'
        f"<td>{seconds(moment)}</td></tr>"
        for (word, moment), own in zip(peaks(attention)[:MAX_ROWS], when, strict=False)
    )
    heads = ("Word", "Said at", "Attends most to") if timed else ("Word", "Attends most to")
    return folded_table(heads, rows)


def _said_at(moment: Moment | None) -> str:
    return f"<td>{'–' if moment is None else seconds(moment[0])}</td>"


def _waveform_alone(prediction: Prediction) -> str:
    if prediction.envelope is None or not prediction.duration or prediction.timeline:
        return ""  # the timeline draws the same waveform
    if not prediction.by_modality.get("speech"):
        return ""  # the recording holds no speech
    hint = caption(NEEDS_WORDS) if prediction.state == State.OK else ""
    label = f"Waveform of the recording, {seconds(prediction.duration)} long"
    figure = recording_figure(prediction.envelope, prediction.duration, label)
    return card("The recording", hint + figure, label="Recording")
