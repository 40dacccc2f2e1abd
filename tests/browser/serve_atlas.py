"""`python -m tests.browser.serve_atlas PORT [FOLDER]`: the map of the atlas page, alone.

Shows a made-up atlas of 1000 pairs, or one on disk, with three clips of a visitor.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from mer_core.atlas.collection import Atlas, Chart
from mer_core.atlas.control import random_reference
from mer_core.atlas.maps import AtlasMap
from mer_core.atlas.visitor import VisitorClip, stars
from mer_core.demo import theme
from mer_core.demo.components import atlas_map
from mer_core.demo.components.map_story import named_places, story
from mer_core.demo.panels.neighbours import neighbours_panel
from mer_core.frameworks.descriptor import BEFORE
from mer_core.types import Prediction
from tests.atlas.conftest import EMOTIONS, make_map, make_reference
from tests.demo.clip_ids import recorded

EACH = 250  # pairs of an emotion
# How far the two modalities are apart under each strategy.
GAPS = {
    "none": 1.3, "distribution": 0.7, "token": 1.0, "instance": 0.45, "distribution+token": 0.5,
    "distribution+instance": 0.3, "token+instance": 0.35, "distribution+token+instance": 0.1,
    "sharp": 0.9,
}  # fmt: skip
SPOKEN = (
    ("happy", "We won, I can't believe it!"), ("sad", "I miss her <b>so</b> much"), ("angry", ""),
)  # fmt: skip


def made_up(pairing: str = "label") -> Atlas:
    """Two clouds that come together as alignment is added."""
    charts = {}
    for number, (name, gap) in enumerate(GAPS.items()):
        reference = make_reference(EACH, 16, gap, pairing, seed=number)
        charts[name] = Chart(reference, with_counts(make_map(reference, 1.0)))
    random = random_reference(charts["none"].reference)
    control = Chart(random, with_counts(make_map(random, 1.0)))
    return Atlas("mgcma", charts, {}, control=control)


def with_counts(atlas_map: AtlasMap) -> AtlasMap:
    """The map as if it kept 0, 1, 2 … 15 neighbours of its points, over and over."""
    return replace(atlas_map, kept=np.arange(len(atlas_map.points)) % 16)


def visitors(atlas: Atlas) -> list[VisitorClip]:
    """Clips close to a reference pair of their emotion; the last one has no text."""
    clips = []
    for number, (emotion, words) in enumerate(SPOKEN, 1):
        row = EMOTIONS.index(emotion) * (len(atlas.charts["none"].reference) // 4) + number
        predictions = {}
        for name, chart in atlas.charts.items():
            embeddings = {m: v[row] for m, v in chart.reference.embeddings.items()}
            if not words:
                del embeddings["text"]
            judged = "neutral" if name == "none" else emotion
            alone = {"speech": chances("angry"), "text": chances(emotion) if words else None}
            predictions[name] = Prediction(
                judged, chances(judged), alone, embeddings_after=embeddings
            )
        name = f"Clip {number}: {words or 'without words'}"
        clips.append(
            VisitorClip(
                recorded(f"clip{number}"), name, atlas.framework, predictions, number=number
            )
        )
    return clips


def chances(first: str) -> dict[str, float]:
    """Probabilities with one category ahead."""
    return {emotion: 0.7 if emotion == first else 0.1 for emotion in EMOTIONS}


def build(atlas: Atlas) -> gr.Blocks:
    """The map, buttons for strategies, and a text box with what the map sent."""
    clips = visitors(atlas)
    places = stars(atlas, clips)
    last = atlas.strategies[-2]

    def shown_view(name: str, redrawn: Any = None, left: str = BEFORE) -> dict[str, Any]:
        told = story(atlas, name, clips, clips[0], left=left)
        return atlas_map.view(name, clips, places, redrawn, atlas, told, left)

    with gr.Blocks() as demo:
        gr.HTML("The map is on another page.", elem_id="first")
    with demo.route("Atlas", "/atlas"):
        shown = atlas_map.atlas_map(atlas_map.payload(atlas), shown_view(last), elem_id="atlas-map")
        chosen = gr.Textbox(label="Chosen", elem_id="chosen")
        with gr.Row():
            for name in ("none", "distribution", "instance"):
                gr.Button(name, elem_id=f"show-{name}").click(
                    lambda name=name: atlas_map.update(view=shown_view(name)),
                    outputs=shown, show_progress="hidden",
                )  # fmt: skip
            gr.Button("natural pairs", elem_id="natural").click(
                lambda: atlas_map.update(reference=atlas_map.payload(made_up("natural"))),
                outputs=shown, show_progress="hidden",
            )  # fmt: skip
            gr.Button("refit", elem_id="refit").click(
                lambda: atlas_map.update(view=refitted(atlas, last, clips, places)),
                outputs=shown, show_progress="hidden",
            )  # fmt: skip
            gr.Button("no clips", elem_id="empty").click(
                lambda: atlas_map.update(view=atlas_map.view(last)),
                outputs=shown, show_progress="hidden",
            )  # fmt: skip

        panel = gr.HTML(folding(atlas, clips[:2]), elem_id="panel")
        for number, (note, some) in enumerate((("", clips[:2]), ("<p>New.</p>", clips[::2])), 1):
            gr.Button(f"panel {number}", elem_id=f"panel-{number}").click(
                lambda note=note, some=some: note + folding(atlas, some),
                outputs=panel, show_progress="hidden",
            )  # fmt: skip

        def pick(event: gr.EventData) -> object:
            return atlas_map.update(view=shown_view(event.strategy, left=event.left))

        def note(event: gr.EventData) -> str:
            return f"{event.count} pairs: {event.pairs}"

        shown.click(pick, outputs=shown, show_progress="hidden")
        shown.select(note, outputs=chosen, show_progress="hidden")
    return demo


def folding(atlas: Atlas, clips: list[VisitorClip]) -> str:
    """Panels with details to unfold: one for each clip, and one that is always there."""
    return (
        f"{neighbours_panel(atlas, 'none', clips)}"
        '<details><summary data-fold="metrics">All metrics</summary><p>Folded.</p></details>'
    )


def refitted(
    atlas: Atlas, strategy: str, clips: list[VisitorClip], places: atlas_map.Places
) -> dict[str, Any]:
    """The right side, rotated by a quarter turn and larger than any map."""
    turn = np.array([[0, -1.4], [1.4, 0]], dtype=np.float32)
    points = atlas.charts[strategy].map.points @ turn
    turned = {
        clip: {m: tuple(np.array(at, dtype=np.float32) @ turn) for m, at in halves.items()}
        for clip, halves in places[strategy].items()
    }
    named = named_places(atlas.charts[strategy].reference, points)
    redrawn = atlas_map.Redrawn(points, turned, "Refitted, 30 neighbours", places=named)
    return atlas_map.view(strategy, clips, places, {"after": redrawn}, atlas)


def main() -> None:
    """Serve on the port given."""
    atlas = Atlas.load(Path(sys.argv[2])) if len(sys.argv) > 2 else made_up()
    build(atlas).launch(
        server_name="127.0.0.1", server_port=int(sys.argv[1]), theme=theme.build_theme(),
        css=theme.css(), head=theme.head(), run_history=False, ssr_mode=False, quiet=True,
    )  # fmt: skip


if __name__ == "__main__":
    main()
