"""Visits stay apart, stay short, and are forgotten."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.session import (
    EMPTY,
    KEPT_MINUTES,
    MAX_CLIPS,
    MAX_VISITS,
    Visits,
    visit_name,
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def clip(name: str, framework: str = "mgcma") -> VisitorClip:
    return VisitorClip(name, name, framework, {})


def ids(visits: Visits, name: str) -> list[str]:
    return [found.id for found in visits.get(name).clips]


def test_visits_do_not_see_each_other() -> None:
    visits = Visits()
    visits.add("ann", clip("a"))
    visits.add("ann", clip("v", "foal_net"))
    visits.add("bob", clip("b"))
    assert ids(visits, "ann") == ["a", "v"]
    assert ids(visits, "bob") == ["b"]
    assert [found.id for found in visits.get("ann").of("foal_net")] == ["v"]
    assert visits.get("eve") == EMPTY
    visits.add(None, clip("nobody"))
    visits.remove(None, ("a",))
    assert visits.get(None) == EMPTY


def test_the_oldest_clip_makes_room_and_names_count_on() -> None:
    visits = Visits()
    for number in range(MAX_CLIPS + 3):
        visits.add("ann", clip(str(number)))
    assert ids(visits, "ann") == [str(number) for number in range(3, MAX_CLIPS + 3)]
    visits.remove("ann", ("5", "7"))
    assert "5" not in ids(visits, "ann")
    assert visits.get("ann").analysed == MAX_CLIPS + 3


def test_the_version_changes_with_the_clips_alone() -> None:
    visits = Visits()
    visits.add("ann", clip("a"))
    first = visits.get("ann").version
    assert visits.get("ann").version == first
    visits.add("ann", clip("b"))
    second = visits.get("ann").version
    visits.remove("ann", ("a",))
    assert len({first, second, visits.get("ann").version}) == 3


def test_a_silent_visit_is_forgotten_and_an_active_one_is_not() -> None:
    clock = Clock()
    visits = Visits(clock)
    visits.add("ann", clip("a"))
    visits.add("bob", clip("b"))
    clock.now += 60 * KEPT_MINUTES - 1
    assert ids(visits, "bob") == ["b"]  # asking keeps it alive
    clock.now += 2
    assert visits.get("ann") == EMPTY
    assert ids(visits, "bob") == ["b"]


def test_too_many_visits_forget_the_one_silent_longest() -> None:
    visits = Visits()
    for number in range(MAX_VISITS):
        visits.add(str(number), clip("a"))
    visits.get("0")
    visits.add("one more", clip("a"))
    assert ids(visits, "0") == ["a"]
    assert visits.get("1") == EMPTY


@pytest.mark.parametrize(
    ("cookies", "name"),
    [
        ({"attune_visit": "0123456789abcdef" * 2, "other": "x"}, "0123456789abcdef" * 2),
        ({"attune_visit": "0123"}, None),
        ({"attune_visit": "../" * 11}, None),
        ({"attune_visit": "g" * 32}, None),
        ({}, None),
        (None, None),
    ],
)
def test_only_a_name_of_ours_is_a_visit(
    cookies: Mapping[str, str] | None, name: str | None
) -> None:
    assert visit_name(cookies) == name


def test_a_name_without_clips_takes_nobodys_place() -> None:
    visits = Visits()
    visits.add("ann", clip("a"))
    for number in range(2 * MAX_VISITS):
        visits.remove(f"stranger {number}", ("a",))
        visits.change(f"stranger {number}", None)
    assert ids(visits, "ann") == ["a"]


def test_no_two_versions_are_alike_even_after_a_visit_was_forgotten() -> None:
    clock = Clock()
    visits = Visits(clock)
    seen = {visits.get("ann").version}
    for _ in range(3):
        for name in ("ann", "bob"):
            visits.add(name, clip("x"))
            assert visits.get(name).version not in seen
            seen.add(visits.get(name).version)
        clock.now += 60 * KEPT_MINUTES + 1


def test_a_changed_clip_goes_with_the_clip_it_came_from() -> None:
    visits = Visits()
    for number in range(MAX_CLIPS):
        visits.add("ann", clip(str(number)))
    visits.change("ann", clip("3~lab"))
    assert [one.id for one in visits.get("ann").shown("mgcma")][-2:] == ["19", "3~lab"]
    assert [one.id for one in visits.get("ann").shown("foal_net")] == []
    visits.remove("ann", ("3",))
    assert visits.get("ann").changed is None
    visits.change("ann", clip("0~lab"))
    visits.add("ann", clip("new"))
    assert visits.get("ann").changed is not None  # 19 were left: there was room
    visits.add("ann", clip("newer"))
    assert visits.get("ann").changed is None  # clip 0 made room, and its change with it
    visits.change("ann", clip("example mgcma 1~lab"))
    assert visits.get("ann").changed is not None  # a shipped clip stays
    version = visits.get("ann").version
    visits.change("ann", None)
    assert visits.get("ann").changed is None
    assert visits.get("ann").version != version
