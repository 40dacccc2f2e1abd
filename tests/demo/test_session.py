"""Visits are separate, bounded, and deleted when they are idle."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from mer_core.atlas.clip_id import ClipId, Origin
from mer_core.atlas.visitor import VisitorClip
from mer_core.demo.session import (
    EMPTY,
    KEPT_MINUTES,
    MAX_CLIPS,
    MAX_VISITS,
    Visits,
    visit_name,
)
from tests.demo.clip_ids import recorded


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def clip(name: str, framework: str = "mgcma") -> VisitorClip:
    return VisitorClip(recorded(name, framework), name, framework, {})


def changed(original: ClipId) -> VisitorClip:
    return VisitorClip(original.as_changed(), "", original.framework, {})


def keys(visits: Visits, name: str) -> list[str]:
    return [one.id.key for one in visits.get(name).clips]


def test_visits_do_not_see_each_other() -> None:
    visits = Visits()
    visits.add("ann", clip("a"))
    visits.add("ann", clip("v", "foal_net"))
    visits.add("bob", clip("b"))
    assert keys(visits, "ann") == ["a", "v"]
    assert keys(visits, "bob") == ["b"]
    assert [one.id.key for one in visits.get("ann").of("foal_net")] == ["v"]
    assert visits.get("eve") == EMPTY
    visits.add(None, clip("nobody"))
    visits.remove(None, [recorded("a")])
    assert visits.get(None) == EMPTY


def test_the_oldest_clip_is_deleted_and_numbers_count_on() -> None:
    visits = Visits()
    for number in range(MAX_CLIPS + 3):
        visits.add("ann", clip(str(number)))
    assert keys(visits, "ann") == [str(number) for number in range(3, MAX_CLIPS + 3)]
    visits.remove("ann", [recorded("5"), recorded("7")])
    assert "5" not in keys(visits, "ann")
    assert visits.get("ann").analysed == MAX_CLIPS + 3


def test_the_version_changes_with_the_clips_alone() -> None:
    visits = Visits()
    visits.add("ann", clip("a"))
    first = visits.get("ann").version
    assert visits.get("ann").version == first
    visits.add("ann", clip("b"))
    second = visits.get("ann").version
    visits.remove("ann", [recorded("a")])
    assert len({first, second, visits.get("ann").version}) == 3


def test_an_idle_visit_is_deleted_and_an_active_one_is_not() -> None:
    clock = Clock()
    visits = Visits(clock)
    visits.add("ann", clip("a"))
    visits.add("bob", clip("b"))
    clock.now += 60 * KEPT_MINUTES - 1
    assert keys(visits, "bob") == ["b"]  # a request keeps it
    clock.now += 2
    assert visits.get("ann") == EMPTY
    assert keys(visits, "bob") == ["b"]


def test_of_too_many_visits_the_one_idle_longest_is_deleted() -> None:
    visits = Visits()
    for number in range(MAX_VISITS):
        visits.add(str(number), clip("a"))
    visits.get("0")
    visits.add("one more", clip("a"))
    assert keys(visits, "0") == ["a"]
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
def test_only_a_valid_name_is_a_visit(cookies: Mapping[str, str] | None, name: str | None) -> None:
    assert visit_name(cookies) == name


def test_a_visit_without_clips_displaces_no_other() -> None:
    visits = Visits()
    visits.add("ann", clip("a"))
    for number in range(2 * MAX_VISITS):
        visits.remove(f"stranger {number}", [recorded("a")])
        visits.set_changed(f"stranger {number}", None)
    assert keys(visits, "ann") == ["a"]


def test_no_two_versions_are_equal_even_after_a_visit_was_deleted() -> None:
    clock = Clock()
    visits = Visits(clock)
    seen = {visits.get("ann").version}
    for _ in range(3):
        for name in ("ann", "bob"):
            visits.add(name, clip("x"))
            assert visits.get(name).version not in seen
            seen.add(visits.get(name).version)
        clock.now += 60 * KEPT_MINUTES + 1


def test_a_changed_clip_is_deleted_with_its_original() -> None:
    visits = Visits()
    for number in range(MAX_CLIPS):
        visits.add("ann", clip(str(number)))
    visits.set_changed("ann", changed(recorded("3")))
    last, third = [one.id for one in visits.get("ann").stars("mgcma")][-2:]
    assert (last, third) == (recorded("19"), recorded("3", changed=True))
    assert visits.get("ann").stars("foal_net") == ()
    visits.remove("ann", [recorded("3")])
    assert visits.get("ann").changed is None
    visits.set_changed("ann", changed(recorded("0")))
    visits.add("ann", clip("new"))
    assert visits.get("ann").changed is not None  # 19 were left: there was room
    visits.add("ann", clip("newer"))
    assert visits.get("ann").changed is None  # clip 0 was deleted, and its change with it
    visits.set_changed("ann", changed(ClipId(Origin.EXAMPLE, "mgcma", "even")))
    assert visits.get("ann").changed is not None  # a shipped clip stays
    version = visits.get("ann").version
    visits.set_changed("ann", None)
    assert visits.get("ann").changed is None
    assert visits.get("ann").version != version
