"""Figures and tables: complete, the same bytes each time, without external references."""

from __future__ import annotations

import csv
import io
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex

from mer_core.atlas.analysis.density import LEVELS
from mer_core.atlas.analysis.spread import ellipse_of, groups_of, pair_lines
from mer_core.atlas.export.figures import FORMATS, draw, export
from mer_core.atlas.export.look import Look
from mer_core.atlas.export.palette import EMOTION_COLOURS, shade
from mer_core.atlas.export.table import COLUMNS, can_write_parquet, columns, to_csv, to_parquet
from mer_core.atlas.maps import AtlasMap, MapParams
from mer_core.atlas.plotted import Plotted, Stage, Visitor
from mer_core.atlas.reference import Reference
from mer_core.frameworks.descriptor import strategy_title
from tests.atlas.conftest import EMOTIONS, make_map, make_reference

OPENINGS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@pytest.fixture
def shown(reference: Reference, linear_map: AtlasMap) -> list[Plotted]:
    clip = Visitor("Clip 1: =now", "happy", {"speech": (0.1, 0.2), "text": (0.3, 0.1)}, 0.25)
    words = Visitor("Clip 2", "sad", {"text": (0.0, 0.0)})
    return [
        Plotted(reference, linear_map, "none", Stage.BEFORE),
        Plotted(reference, linear_map, "instance", Stage.AFTER, (clip, words)),
    ]


@pytest.mark.parametrize("kind", FORMATS)
def test_files_have_their_format_and_the_same_bytes_again(kind: str, shown: list[Plotted]) -> None:
    data = export(shown, kind, dots_per_inch=60)
    assert data.startswith(OPENINGS[kind])
    assert len(data) > 5_000
    assert export(shown, kind, dots_per_inch=60) == data


def test_modalities_are_named_as_on_the_page(shown: list[Plotted]) -> None:
    (legend,) = draw(shown).legends
    assert [text.get_text() for text in legend.get_texts()] == [*EMOTIONS, "voices", "words"]


def test_svg_has_no_external_references(shown: list[Plotted]) -> None:
    text = export(shown, "svg").decode()
    ElementTree.fromstring(text)
    found = re.findall(r"""(?:href|src)\s*=\s*["']([^"']*)|url\(([^)]*)\)|@import""", text)
    assert found, "matplotlib's own markers are internal references"
    assert all((first or second).startswith("#") for first, second in found)
    assert "<image" not in text
    assert "<script" not in text


def test_stars_are_above_the_points_and_within_the_axes() -> None:
    reference = make_reference(each=4)
    far = Visitor("far away", "sad", {"speech": (50.0, 0.0), "text": (0.0, 0.0)})
    bare = draw([Plotted(reference, make_map(reference), "a", Stage.AFTER)]).axes[0]
    starred = draw([Plotted(reference, make_map(reference), "a", Stage.AFTER, (far,))]).axes[0]
    assert len(starred.collections) == len(bare.collections) + 2
    assert len(starred.lines) == len(bare.lines) + 1
    assert starred.get_xlim()[1] > 50 > bare.get_xlim()[1]
    points = max(c.get_zorder() for c in bare.collections)
    assert all(c.get_zorder() > points for c in starred.collections[-2:])


def test_stars_have_the_number_of_their_clip(shown: list[Plotted]) -> None:
    places = {"speech": (0.0, 0.0)}
    clips = [Visitor("Clip 9", "sad", places, number=number) for number in (2, 11, None)]
    (panel,) = draw([replace(shown[1], visitors=tuple(clips))]).axes
    assert [text.get_text() for text in panel.texts] == ["2", "11", ""]


def test_a_changed_clip_is_hollow_with_a_trail_from_where_it_was(shown: list[Plotted]) -> None:
    here, there = {"speech": (0.0, 0.0)}, {"speech": (0.2, -0.1)}
    clip = Visitor("Clip 2", "sad", here, number=2, changed=True, origin=there)
    (panel,) = draw([replace(shown[1], visitors=(clip,))], look=Look(lines=False)).axes
    assert [text.get_text() for text in panel.texts] == ["2′"]
    (trail,) = [line for line in panel.lines if line.get_linestyle() == "--"]
    np.testing.assert_allclose(trail.get_xydata(), [[0.2, -0.1], [0.0, 0.0]])
    star = panel.collections[-1]
    np.testing.assert_allclose(star.get_facecolor()[0], (1, 1, 1, 1))


def test_a_figure_shows_what_the_switches_say(shown: list[Plotted]) -> None:
    bare = Look(lines=False)

    def parts(look: Look) -> tuple[int, int, int]:
        (axes,) = draw([replace(shown[1], visitors=())], look=look).axes
        kinds = [type(one).__name__ for one in axes.collections]
        return kinds.count("PathCollection"), len(axes.patches), kinds.count("LineCollection")

    assert parts(bare) == (8, 0, 0)  # dots of four emotions in two modalities
    assert parts(Look()) == (8, 0, 1)
    assert parts(replace(bare, ellipses=True)) == (8, 8, 0)
    assert parts(replace(bare, hidden=frozenset({"sad", "text"}))) == (3, 0, 0)
    assert parts(Look(hidden=frozenset({"text"}))) == (4, 0, 0)  # no lines to what is hidden
    (axes,) = draw([replace(shown[1], visitors=())], look=replace(bare, density=True)).axes
    contours = [one for one in axes.collections if type(one).__name__ == "QuadContourSet"]
    assert len(contours) == 4
    assert all(tuple(one.levels) == LEVELS for one in contours)


def test_points_that_are_not_selected_are_faint(shown: list[Plotted]) -> None:
    chosen = frozenset({0, 1, 70})
    (axes,) = draw([replace(shown[1], visitors=())], look=Look(lines=False, chosen=chosen)).axes
    counts = {"plain": 0, "faint": 0}
    for dots in axes.collections:
        counts["plain" if dots.get_alpha() > 0.5 else "faint"] += len(dots.get_offsets())
    assert counts == {"plain": 3, "faint": 117}


def test_lines_of_hidden_emotions_are_left_out() -> None:
    natural = make_reference(each=4, pairing="natural")
    panel = Plotted(natural, make_map(natural), "instance", Stage.AFTER)
    (axes,) = draw([panel], look=Look(hidden=frozenset({"sad", "angry"}))).axes
    (lines,) = [one for one in axes.collections if type(one).__name__ == "LineCollection"]
    assert len(lines.get_segments()) == 8


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (None, Look()),
        ("nonsense", Look()),
        ("[1]", Look()),
        ('{"lines": false, "density": true, "ellipses": "yes"}', Look(lines=False, density=True)),
        (
            '{"hidden": ["sad", 3], "chosen": [4, "5", true, 7.5]}',
            Look(hidden=frozenset({"sad"}), chosen=frozenset({4})),
        ),
        ('{"extent": [0.5, 0.0, 1.5, 2.0]}', Look(extent=(0.5, 0.0, 1.5, 2.0))),
        ('{"extent": [1.5, 0.0, 0.5, 2.0]}', Look()),
        ('{"extent": [0.5, 0.0, Infinity, 2.0]}', Look()),
    ],
)
def test_what_the_page_sends_is_read_with_care(sent: str | None, expected: Look) -> None:
    assert Look.read(sent) == expected


def test_stars_have_the_colours_of_their_own_halves(shown: list[Plotted]) -> None:
    halves = {"speech": "angry", "text": "happy"}
    places = dict.fromkeys(halves, (0.0, 0.0))
    clips = (
        Visitor("Clip 1", "sad", places, halves=halves),
        Visitor("Clip 2", "sad", places),  # neither half was judged alone
    )
    (panel,) = draw([replace(shown[1], visitors=clips)]).axes
    colours = [to_hex(star.get_facecolor()[0]).upper() for star in panel.collections[-4:]]
    assert colours[:2] == [shade("angry", True), shade("happy", False)]
    assert colours[2:] == [shade("other", True), shade("other", False)]


def test_a_refitted_map_has_its_settings(shown: list[Plotted]) -> None:
    settings = "refitted: 30 neighbours, min_dist 0.1, cosine"
    refit_map = replace(shown[1].map, params=MapParams(n_neighbors=30))
    refit = replace(shown[1], map=refit_map, refitted=True)
    figure = draw([shown[0], refit])
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == [strategy_title("none"), f"{strategy_title('instance')}\n{settings}"]
    figure.canvas.draw()
    for axes in figure.axes:  # within its panel, and within the page
        box = axes.title.get_window_extent()
        assert box.width < figure.bbox.width / 2
        assert box.y1 <= figure.bbox.y1
    table = columns([shown[0], refit])
    origins = dict(zip(table["stage"], table["map"], strict=True))
    assert origins == {"before": "stored", "after": settings}
    assert table["map"].count(settings) == 120 + 3


@pytest.mark.parametrize("count", [1, 3, 5])
def test_small_multiples_share_their_axes(count: int) -> None:
    maps = []
    for i in range(count):
        reference = make_reference(each=4, seed=i, pairing="natural")
        maps.append(Plotted(reference, make_map(reference), f"strategy {i}", Stage.AFTER))
    figure = draw(maps, columns=3)
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in panels] == [f"Strategy {i}" for i in range(count)]
    assert len({(*axes.get_xlim(), *axes.get_ylim()) for axes in panels}) == 1


def test_no_maps_and_unknown_formats_are_refused(shown: list[Plotted]) -> None:
    with pytest.raises(ValueError, match="at least one map"):
        draw([])
    with pytest.raises(ValueError, match="no format 'gif'"):
        export(shown, "gif")


def test_hue_is_the_emotion_and_shade_the_modality() -> None:
    for emotion, colour in EMOTION_COLOURS.items():
        dark, plain, light = (
            sum(int(value[i : i + 2], 16) for i in (1, 3, 5))
            for value in (shade(emotion, True), colour, shade(emotion, False))
        )
        assert dark < plain < light
    assert shade("unheard of", True) == shade("other", True)


def test_an_ellipse_of_known_shape() -> None:
    random = np.random.default_rng(0)
    points = random.standard_normal((200_000, 2)) * (3, 1)
    angle = np.radians(25)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    found = ellipse_of((points @ turn + (4, -1)).astype(np.float32))
    np.testing.assert_allclose(found.centre, (4, -1), atol=0.05)
    np.testing.assert_allclose(found.std, (3, 1), rtol=0.02)
    assert found.angle == pytest.approx(25, abs=0.5)


def test_groups_cover_every_point_once(reference: Reference, linear_map: AtlasMap) -> None:
    groups = groups_of(reference, linear_map.points)
    assert [(g.modality, g.emotion) for g in groups] == [
        (m, e) for m in ("speech", "text") for e in EMOTIONS
    ]
    rows = np.concatenate([g.rows for g in groups])
    assert sorted(rows) == list(range(2 * len(reference)))


def test_lines_join_natural_pairs_else_centroids(linear_map: AtlasMap) -> None:
    natural = make_reference(pairing="natural")
    lines = pair_lines(natural, linear_map)
    assert lines.shape == (60, 2, 2)
    np.testing.assert_array_equal(lines[7], linear_map.points[[7, 67]])
    lines = pair_lines(make_reference(), linear_map)
    assert lines.shape == (4, 2, 2)
    np.testing.assert_allclose(lines[1, 1], linear_map.points[75:90].mean(axis=0), rtol=1e-6)


def test_csv_holds_every_point(shown: list[Plotted], reference: Reference) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(shown))))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 2 * 120 + 3
    row = rows[120 + 60 + 5]
    assert row["id"] == "text-00005"
    assert (row["stage"], row["strategy"], row["modality"]) == ("after", "instance", "text")
    assert float(row["x"]) == pytest.approx(float(shown[1].map.points[65, 0]), abs=1e-6)
    assert float(row["partner_distance"]) == pytest.approx(float(reference.distances[5]), abs=1e-6)
    voice, words, alone = rows[-3:]
    assert {row["corpus"] for row in rows[-3:]} == {"visitor"}
    assert (voice["modality"], words["modality"]) == ("speech", "text")
    assert voice["emotion"] == words["emotion"] == "happy"
    assert voice["group"] == "Clip 1: =now"
    assert (float(words["x"]), float(words["y"])) == (0.3, 0.1)
    assert words["partner_distance"] == "0.250000"
    assert (alone["emotion"], alone["partner_distance"]) == ("sad", "")


def test_names_are_not_run_as_formulas(reference: Reference, linear_map: AtlasMap) -> None:
    names = ("=1+1", *reference.groups["text"][1:])
    reference.groups["text"] = names
    rows = list(
        csv.DictReader(io.StringIO(to_csv([Plotted(reference, linear_map, "a", Stage.AFTER)])))
    )
    assert rows[60]["group"] == "'=1+1"


def test_columns_have_one_type_each(shown: list[Plotted]) -> None:
    for name, values in columns(shown).items():
        assert len({type(value) for value in values}) == 1, name


def test_parquet_or_a_readable_error(shown: list[Plotted]) -> None:
    if can_write_parquet():
        assert to_parquet(shown).startswith(b"PAR1")
    else:
        with pytest.raises(ValueError, match="needs pyarrow"):
            to_parquet(shown)
