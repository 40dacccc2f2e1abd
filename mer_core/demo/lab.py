"""The contradiction lab: one clip, changed by the visitor, judged anew under every strategy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.engine import INTERNAL, report
from mer_core.demo.lab_knobs import (
    LISTED,
    QUIETEST_NOISE,
    Knobs,
    describe,
    halves,
    has_pictures,
    own_words,
    reads_words,
    to_changes,
)
from mer_core.demo.panels import notes
from mer_core.demo.panels.lab import render_lab
from mer_core.demo.panels.markup import MODALITY_NOUNS
from mer_core.demo.visits import CHANGED
from mer_core.types import Prediction

GAINS = (-30, 20)  # dB
SENTENCES = (
    "I am so happy for you!",
    "That is the best news I have heard all year.",
    "Leave me alone, I hate this.",
    "How dare you talk to me like that.",
    "I miss her so much, nothing is the same.",
    "I lost everything and I can't stop crying.",
    "The meeting starts at nine on Tuesday.",
)
CHOOSE = "Choose a clip to change it. Clips that you analyse on the other pages are listed too."
JUDGING = "Judging the changed clip…"
TITLE = "Contradiction lab"
ABOUT = (
    "Change one clip and see what every strategy makes of it: do the words or the voice decide, "
    "and from which noise on?"
)
# Gradio's slider reports a drag when the pointer is let go, but not the keys that move it.
KEYS = """
const moves = /^(Arrow|Page|Home|End)/;
document.addEventListener("keyup", (event) => {
  const range = event.target;
  if (range.type !== "range" || !range.closest("#lab-controls") || !moves.test(event.key)) return;
  range.dispatchEvent(new PointerEvent("pointerup", { bubbles: true }));
});
"""


@dataclass(frozen=True, eq=False)
class LabAnswer:
    """What a change leads to.

    Attributes:
        html: Every strategy's card.
        hint: What was changed, for the line below the controls.
        clip: The changed clip for the maps, or None where there is nothing to place.
    """

    html: str
    hint: str
    clip: VisitorClip | None


@dataclass(frozen=True)
class Lab:
    """The section's parts that a page connects.

    Attributes:
        clip: Dropdown whose choices (name, id) the page keeps up to date.
        version: State: another string whenever the clip is changed otherwise; its `change` event
            is where a page redraws its stars.
    """

    clip: gr.Dropdown
    version: gr.State


class LabHandlers:
    """What the section's events call; holds nothing of any visitor.

    Args:
        judge: Framework, reading → every strategy's prediction.
        reader: Framework → what reads its words, or None for a framework of videos.
        find: Id of a clip, request → the visitor's clip or an example; a ValueError, in words for
            people, where it cannot be had.
        keep: Changed clip or None, request: where its star is drawn from.
        titles: Strategy → its name for people.
    """

    def __init__(
        self,
        judge: Callable[[str, Any], Mapping[str, Prediction]],
        reader: Callable[[str], Any],
        find: Callable[[str, gr.Request | None], VisitorClip],
        keep: Callable[[VisitorClip | None, gr.Request | None], None],
        titles: Mapping[str, str],
    ) -> None:
        self._judge = judge
        self._reader = reader
        self._find = find
        self._keep = keep
        self._titles = titles

    def answer(self, clip: VisitorClip, knobs: Knobs) -> LabAnswer:
        """The clip as changed by the knobs, under every strategy; a sentence where that fails."""
        try:
            return self._answer(clip, knobs)
        except ValueError as error:  # MediaError too: their words are for people
            said = str(error)
        except Exception as error:  # a visitor gets a sentence, never a trace
            report(error)
            said = INTERNAL
        return LabAnswer(render_lab(clip.predictions, None, self._titles, said), "", None)

    def open(
        self, chosen: str | None, version: str, request: gr.Request | None = None
    ) -> tuple[Any, ...]:
        """A chosen clip's controls and cards, unless it is open already."""
        if chosen and version.startswith(f"{chosen} "):
            return tuple(gr.skip() for _ in range(9))
        return self.reset(chosen, request)

    def reset(self, chosen: str | None, request: gr.Request | None = None) -> tuple[Any, ...]:
        """The clip unchanged and its controls at rest."""
        self._keep(None, request)
        try:
            clip = self._found(chosen, request)
        except ValueError as error:
            return (*_controls_for(None), "", notes.hint(str(error)), "")
        cards = render_lab(clip.predictions, None, self._titles)
        return (*_controls_for(clip), cards, "", f"{clip.id} ")

    def apply(
        self,
        chosen: str | None,
        words: str | None,
        swap: str | None,
        mute_lead: bool,
        mute_partner: bool,
        noise: float,
        gain: float,
        version: str,
        request: gr.Request | None = None,
    ) -> Iterator[tuple[Any, ...]]:
        """After a control was moved: (words, swap, cards, hint, version)."""
        try:
            clip = self._found(chosen, request)
        except ValueError as error:
            yield gr.skip(), None, "", notes.hint(str(error)), ""
            return
        knobs = Knobs(swap or words or "", mute_lead, mute_partner, noise or 0, gain or 0)
        now = f"{clip.id} " if knobs == Knobs(own_words(clip)) else f"{clip.id} {knobs}"
        text = swap or gr.skip()
        if now == version:  # the text box was left as it was
            yield tuple(gr.skip() for _ in range(5))
            return
        yield text, None, gr.skip(), notes.hint(JUDGING), gr.skip()
        found = self.answer(clip, knobs)
        # Once another clip was chosen, nobody asks for what follows: its star must not be kept.
        yield tuple(gr.skip() for _ in range(5))
        self._keep(found.clip, request)
        yield gr.skip(), gr.skip(), found.html, notes.hint(found.hint), now

    def _found(self, chosen: str | None, request: gr.Request | None) -> VisitorClip:
        if not chosen:
            raise ValueError(CHOOSE)
        return self._find(chosen, request)

    def _answer(self, clip: VisitorClip, knobs: Knobs) -> LabAnswer:
        from mer_core.perturbation import changed  # imports torch, which the model has done by now

        changes = to_changes(clip, knobs)
        reading = changed(clip.reading, changes, self._reader(clip.framework))
        if reading is clip.reading:
            return LabAnswer(render_lab(clip.predictions, None, self._titles), "", None)
        after = self._judge(clip.framework, reading)
        # A new object, not a copy: a clip remembers where it stands on the maps.
        found = VisitorClip(
            clip.id + CHANGED, f"{clip.name} (changed)", clip.framework, after, changed=True
        )
        cards = render_lab(clip.predictions, after, self._titles)
        return LabAnswer(cards, describe(clip, knobs), found if found.modalities else None)


def _controls_for(clip: VisitorClip | None) -> tuple[Any, ...]:
    """(words, swap, mute_lead, mute_partner, noise, gain) at rest, as this clip needs them."""
    reads = clip is None or reads_words(clip)
    lead, partner = ("voice", "words")
    if clip is not None:
        lead, partner = (MODALITY_NOUNS.get(name, name) for name in halves(clip))
    heard = clip is not None and clip.reading.waveform is not None
    there = clip is not None
    seen = clip is not None and bool(own_words(clip) or has_pictures(clip))
    return (
        gr.update(value=own_words(clip) if clip else "", visible=reads, interactive=there),
        gr.update(value=None, visible=reads, interactive=there),
        gr.update(value=False, label=f"Mute the {lead}", interactive=heard),
        gr.update(value=False, label=f"Mute the {partner}", interactive=seen),
        gr.update(value=0, interactive=heard),
        gr.update(value=0, interactive=heard),
    )


def build_lab(
    handlers: LabHandlers,
    choices: Sequence[tuple[str, str]] = (),
    concurrency_id: str = "model",
) -> Lab:
    """Lay the section out where it is called and connect it.

    Args:
        handlers: What its events call.
        choices: (name, id) of the clips to begin with.
        concurrency_id: Queue that its judging waits in; the model's, by default.
    """
    intro = f'<h2 class="at-title">{TITLE}</h2><p class="at-caption">{ABOUT}</p>'
    with gr.Column(elem_id="lab"):
        gr.HTML(intro, elem_id="lab-title", apply_default_css=False)
        with gr.Row(equal_height=False):
            with gr.Column(scale=3, min_width=300, elem_id="lab-controls"):
                clip, controls, reset = _controls(choices)
            with gr.Column(scale=8, min_width=300):
                hint = gr.HTML(
                    notes.hint(CHOOSE), elem_id="lab-hint", apply_default_css=False, js_on_load=KEYS
                )
                cards = gr.HTML("", elem_id="lab-out", apply_default_css=False)
    version = gr.State("")
    words, swap, mute_lead, mute_partner, noise, gain = controls
    answers = [cards, hint, version]
    shared: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    applying = gr.on(
        [words.submit, words.blur, swap.input, mute_lead.input, mute_partner.input,
         noise.release, gain.release],
        handlers.apply,
        [clip, *controls, version],
        [words, swap, *answers],
        trigger_mode="always_last",
        concurrency_id=concurrency_id,
        **shared,
    )  # fmt: skip
    # In the queue, for only there a changed state is told to who listens. What is still being
    # judged is no longer asked for, and would come back as the answer to another question.
    fresh: dict[str, Any] = {**shared, "cancels": [applying], "concurrency_limit": None}
    clip.change(
        handlers.open, [clip, version], [*controls, *answers], trigger_mode="always_last", **fresh
    )
    reset.click(handlers.reset, clip, [*controls, *answers], **fresh)
    return Lab(clip, version)


def _controls(
    choices: Sequence[tuple[str, str]],
) -> tuple[gr.Dropdown, list[Any], gr.Button]:
    clip = gr.Dropdown(
        list(choices), value=None, label="Clip", info=LISTED, elem_id="lab-clip", interactive=True
    )
    words = gr.Textbox(
        "", label="Words", info="Enter judges them.", max_lines=3, elem_id="lab-words",
        interactive=False,
    )  # fmt: skip
    swap = gr.Dropdown(
        list(SENTENCES), value=None, label="Or take other words", elem_id="lab-swap",
        interactive=False,
    )  # fmt: skip
    with gr.Row():
        mute_lead = gr.Checkbox(
            False, label="Mute the voice", interactive=False, min_width=120, elem_id="lab-mute-lead"
        )
        mute_partner = gr.Checkbox(
            False, label="Mute the words", interactive=False, min_width=120,
            elem_id="lab-mute-partner",
        )  # fmt: skip
    noise = gr.Slider(
        0, QUIETEST_NOISE, 0, step=1, label="Noise", elem_id="lab-noise", interactive=False,
        info=f"0 is off, {QUIETEST_NOISE} is as loud as the voice.", buttons=[],
    )  # fmt: skip
    gain = gr.Slider(
        *GAINS, 0, step=1, label="Loudness, dB", elem_id="lab-gain", interactive=False,
        info="0 is as recorded.", buttons=[],
    )  # fmt: skip
    reset = gr.Button("Reset", elem_id="lab-reset")
    return clip, [words, swap, mute_lead, mute_partner, noise, gain], reset
