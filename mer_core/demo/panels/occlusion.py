"""What an answer rests on: its probability without each word and without each moment."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from mer_core.demo.panels.effect_bars import Bar, effect_bars, effect_list, points_of
from mer_core.demo.panels.markup import (
    caption,
    card,
    emotion_style,
    escape,
    folded_table,
    percent,
    seconds,
)
from mer_core.demo.panels.nouns import noun
from mer_core.demo.panels.waveform import recording_figure
from mer_core.serving.effects import (
    Effect,
    moment_effects,
    strongest,
    word_effects,
)
from mer_core.serving.word_times import Moment, fits
from mer_core.serving.word_times import moments as moments_of
from mer_core.types import COMBINED, Occlusions, Prediction, Word

LISTED = 12  # words in the description for screen readers
PUNCTUATION = ".,;:!?…\"'“”‘’()"
NO_TIMES = "When each word was said is not known, so the words stand in order."
UNFIT = "These words do not fit what is said in the recording, so they stand at no moment of it."
NOT_ALL = "Only the first {count} words were left out."


def occlusion_figure(prediction: Prediction) -> str:
    """What the answer rests on; before that is known, the waveform of a recording alone."""
    found = prediction.occlusions
    if prediction.emotion is None:
        return ""
    if found is None:
        return _waveform_alone(prediction)
    inside = f"{sentences(found)}{explanation(prediction, found)}{drawn(prediction, found)}"
    return card("What the answer rests on", inside, label="Words and moments")


def drawn(prediction: Prediction, found: Occlusions) -> str:
    """All words and moments: over time, those without a time in order, and as a table."""
    when = word_moments(prediction, found)
    words = list(zip(found.words, word_effects(found), when, strict=True))
    timed = [Bar(effect, own, word) for word, effect, own in words if own]
    untimed = [(word, effect) for word, effect, own in words if not own]
    moments = [
        Bar(effect, (float(start), float(end)))
        for effect, (start, end) in zip(moment_effects(found), pairwise(found.times), strict=True)
    ]
    over_time = ""
    if moments:
        duration = max(prediction.duration or 0.0, float(found.times[-1]))
        over_time = effect_bars(moments, timed, duration, description(found), prediction.envelope)
    return (
        f'<div style="{emotion_style(found.emotion)}">{over_time}{effect_list(untimed)}'
        f"{_table(found, when)}</div>"
    )


def word_moments(prediction: Prediction, found: Occlusions) -> tuple[Moment | None, ...]:
    """When the words were said; None of those without a time."""
    said = _said(prediction)
    return moments_of(found.words, said if fits(found.words, said) else ())


def sentences(found: Occlusions) -> str:
    """The strongest word and the strongest moment, or that none changes more than noise."""
    words, parts = word_effects(found), moment_effects(found)
    lines = []
    for effects, what in ((words, "word"), (parts, "moment")):
        most = strongest(effects)
        if most is not None and most.clear:
            name = _quoted(found.words[most.part]) if what == "word" else _voice_from(found, most)
            lines.append(f"Without {name}: {fall(most)} {escape(found.emotion)}.")
    unclear = [
        (effects, what)
        for effects, what in ((words, "word"), (parts, "moment"))
        if effects and not any(effect.clear for effect in effects)
    ]
    if unclear:
        points = points_of([effect for effects, _ in unclear for effect in effects])
        kinds = " or ".join(what for _, what in unclear)
        lines.append(f"No single {kinds} changes the answer by more than {points}.")
    inside = " ".join(lines)
    return f'<p class="at-sentence at-rests-on" data-testid="occlusion">{inside}</p>'


def fall(effect: Effect) -> str:
    """Before and after: `88 → 31%`."""
    return f"{percent(effect.before).rstrip('%')} → {percent(effect.after)}"


def explanation(prediction: Prediction, found: Occlusions) -> str:
    """How to read the drawing."""
    when = word_moments(prediction, found)
    kinds = ["each word"] if found.words else []
    if found.times.size:
        kinds.append(f"each {found.times[1] - found.times[0]:.1f} s of the voice")
    lines = [f"The clip was judged again without {' and without '.join(kinds)}."]
    if found.times.size:
        lines.append(
            "A bar up: without this part the category is less probable, so the part speaks for "
            "it. A bar down: more probable."
        )
        if found.words and not any(when):
            lines.append(UNFIT if _said(prediction) else NO_TIMES)
    if not all(when):
        lines.append("Beside a word: how the category's probability changes, in points.")
    if len(found.words) < len((prediction.text or "").split()):
        lines.append(NOT_ALL.format(count=len(found.words)))
    return caption(" ".join(lines))


def description(found: Occlusions) -> str:
    """What the drawing shows, for screen readers; the table has every number."""
    ordered = sorted(word_effects(found), key=lambda effect: -abs(effect.change))[:LISTED]
    listed = "; ".join(f"{_bare(found.words[e.part])}: {fall(e)}" for e in ordered)
    most = strongest(moment_effects(found))
    told = [f"Bars over time: how probable {found.emotion} is without each part of the clip."]
    if listed:
        told.append(f"Without these words: {listed}.")
    if most is not None:
        start, end = _bounds(found, most.part)
        told.append(f"Without the voice from {start} to {end}: {fall(most)}.")
    return " ".join(told)


def _table(found: Occlusions, when: Sequence[Moment | None]) -> str:
    """Every part with the probability without it, together and alone."""
    conditions = list(found.whole)
    heads = ("Without", "When", *(_heading(name) for name in conditions))
    rows = [_row("nothing", "–", [found.whole[c] for c in conditions])]
    for index, (word, own) in enumerate(zip(found.words, when, strict=True)):
        chances = [found.without_word.get(c) for c in conditions]
        shown = f'<span dir="auto">{escape(word)}</span>'
        values = [None if v is None else float(v[index]) for v in chances]
        rows.append(_row(shown, "–" if own is None else seconds(own[0]), values))
    for index in range(max(0, found.times.size - 1)):
        chances = [found.without_moment.get(c) for c in conditions]
        values = [None if v is None else float(v[index]) for v in chances]
        rows.append(_row("the voice", " to ".join(_bounds(found, index)), values))
    return folded_table(heads, rows)


def _row(name: str, when: str, chances: Sequence[float | None]) -> str:
    cells = "".join(
        f"<td>{'–' if chance is None or math.isnan(chance) else escape(percent(chance))}</td>"
        for chance in chances
    )
    return f"<tr><td>{name}</td><td>{when}</td>{cells}</tr>"


def _heading(condition: str) -> str:
    return "Together" if condition == COMBINED else f"{noun(condition)} alone".capitalize()


def _voice_from(found: Occlusions, effect: Effect) -> str:
    start, end = _bounds(found, effect.part)
    return f"the voice from {start} to {end}"


def _bounds(found: Occlusions, moment: int) -> tuple[str, str]:
    return seconds(float(found.times[moment])), seconds(float(found.times[moment + 1]))


def _quoted(word: str) -> str:
    return f'“<span dir="auto">{escape(_bare(word))}</span>”'


def _bare(word: str) -> str:
    """Without the punctuation around it, unless it is nothing else."""
    return word.strip(PUNCTUATION) or word


def _said(prediction: Prediction) -> Sequence[Word]:
    return prediction.transcript.words if prediction.transcript else ()


def _waveform_alone(prediction: Prediction) -> str:
    if prediction.envelope is None or not prediction.duration or prediction.timeline:
        return ""  # the timeline draws the same waveform
    if not prediction.by_modality.get("speech"):
        return ""  # the recording holds no speech
    label = f"Waveform of the recording, {seconds(prediction.duration)} long"
    figure = recording_figure(prediction.envelope, prediction.duration, label)
    return card("The recording", figure, label="Recording")
