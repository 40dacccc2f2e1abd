"""What is near a visitor's clips, in sentences and in tables."""

from __future__ import annotations

import pytest

from mer_core.atlas.analysis.neighbours import HalvesDistance, Movement, Surroundings, nearest
from mer_core.atlas.collection import Atlas
from mer_core.demo.panels.neighbours import movement_sentence, neighbours_panel
from tests.demo.markup_page import Page
from tests.demo.panels.conftest import NASTY, clip_of

CALM = Surroundings("angry", 0.8, ("speech",))


def test_the_sentence_describes_the_move() -> None:
    after = Surroundings("angry", 0.9, ("text", "speech"))
    moved = Movement({"speech": (CALM, after), "text": (CALM, CALM)}, (
        HalvesDistance(0.92, 0.12), HalvesDistance(0.31, 0.8),
    ))  # fmt: skip
    assert movement_sentence(moved, "token") == (
        "Your voice moved from angry voices to angry words and voices. "
        "Your words stay near angry voices. "
        "Your voice and your words are now closer together (cosine distance 0.92 → 0.31; closer "
        "than 80% of pairs of one emotion, before: 12%)."
    )


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            HalvesDistance(0.9, 0.5),
            HalvesDistance(0.2, 0.1),
            "but other pairs of one emotion came even closer",
        ),
        (HalvesDistance(0.2, 0.5), HalvesDistance(0.9, 0.1), "are now further apart (cosine"),
        (
            HalvesDistance(0.2, 0.5),
            HalvesDistance(0.9, 0.8),
            "further apart, but less so than other pairs",
        ),
        (HalvesDistance(0.2, 0.5), HalvesDistance(0.2, 0.5), "are as far apart as before"),
    ],
)
def test_distances_of_two_spaces_are_compared_by_rank(
    before: HalvesDistance, after: HalvesDistance, expected: str
) -> None:
    stages = {"audio": (CALM, CALM), "video": (CALM, CALM)}
    assert expected in movement_sentence(Movement(stages, (before, after)), "avel")


def test_mixed_neighbours_are_called_mixed_and_none_has_no_movement() -> None:
    mixed = Surroundings("angry", 0.4, ("speech", "text"))
    alone = Movement({"speech": (mixed, mixed)}, None)
    assert movement_sentence(alone, "token") == (
        "Your voice stays near voices and words of mixed emotions."
    )
    assert movement_sentence(Movement({"text": (CALM, CALM)}, None), "none") == (
        "Without alignment, your words are near angry voices."
    )


def test_neighbours_are_listed_before_and_after_the_latest_clip_first(atlas: Atlas) -> None:
    clips = [clip_of(atlas, 3, "first"), clip_of(atlas, 20, NASTY, "speech")]
    markup = neighbours_panel(atlas, "token", clips)
    page = Page(markup)
    assert [a["data-clip"] for _, a in page.tags if a.get("data-clip")] == ["c20", "c3"]
    assert len(page.having(class_="at-nearest")) == 1 + 2
    assert markup.count('<details class="at-details" open>') == 1
    assert "<script" not in markup
    own = atlas.charts["token"].reference
    third = nearest(own, own.embeddings["speech"][20])[2]
    noun = {"speech": "voice", "text": "words"}[third.modality]
    assert f"{third.emotion} {noun} {third.corpus}, {third.distance:.2f}" in page.text
    assert len(Page(neighbours_panel(atlas, "none", clips)).having(class_="at-nearest")) == 3
    assert "None of your clips" in Page(neighbours_panel(atlas, "token", [])).text
