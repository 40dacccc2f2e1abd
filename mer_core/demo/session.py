"""What a visit leaves for the atlas: its last clips, in memory, for as long as the visitor is here.

A visit is known by a random name in a cookie that ends with the browser's session (`page.js` sets
it), so that clips of one page stand on the maps of another. Nothing of it is written anywhere but
what the visitor asks for: files to download, and a refit's vectors while it reads them. A visit
that is silent for `KEPT_MINUTES`, or the one silent longest where there are too many, is forgotten.
The clip as the lab last changed it is kept here too, so that it goes with the clip it came from.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from mer_core.atlas.visitor import VisitorClip

COOKIE = "attune_visit"
NAME_LENGTH = 32  # hexadecimal digits: 128 bits, which nobody guesses
KEPT_MINUTES = 10
MAX_CLIPS = 20  # of one visit; the oldest makes room
MAX_VISITS = 32  # at once; a clip is up to 2 MB
EXAMPLE = "example "  # how the id of a shipped clip begins
CHANGED = "~lab"  # how the id of a changed clip ends


@dataclass(frozen=True)
class Visit:
    """What is known of one visit.

    Attributes:
        clips: In order of analysis.
        analysed: How many there have been, those removed among them; names count on.
        version: Changes whenever `clips` or `changed` does, and is never that of another visit.
        changed: One of them, or a shipped clip, as the lab changed it last.
    """

    clips: tuple[VisitorClip, ...] = ()
    analysed: int = 0
    version: int = 0
    changed: VisitorClip | None = None

    def of(self, framework: str) -> tuple[VisitorClip, ...]:
        """The clips that stand in one framework's atlas."""
        return tuple(clip for clip in self.clips if clip.framework == framework)

    def shown(self, framework: str) -> tuple[VisitorClip, ...]:
        """The same and the changed one: what has stars on the maps."""
        if self.changed is None or self.changed.framework != framework:
            return self.of(framework)
        return (*self.of(framework), self.changed)

    def settled(self) -> Visit:
        """Without a changed clip whose original has gone."""
        if self.changed is None:
            return self
        original = self.changed.id.removesuffix(CHANGED)
        there = original.startswith(EXAMPLE) or original in {clip.id for clip in self.clips}
        return self if there else replace(self, changed=None)


EMPTY = Visit()


class Visits:
    """All visits that are under way; safe to use from many threads.

    Args:
        clock: Seconds that only go up.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._visits: OrderedDict[str, tuple[float, Visit]] = OrderedDict()  # least recent first
        self._versions = itertools.count(EMPTY.version + 1)

    def get(self, name: str | None) -> Visit:
        """The visit of that name; asking keeps it alive. Unknown names have no clips."""
        with self._lock:
            self._forget_old()
            if name is None or name not in self._visits:
                return EMPTY
            visit = self._visits[name][1]
            self._keep(name, visit)
            return visit

    def add(self, name: str | None, clip: VisitorClip) -> None:
        """One more clip; without a name it is not kept."""
        if name is not None:
            self._change(name, lambda visit: replace(
                visit, clips=(*visit.clips, clip)[-MAX_CLIPS:], analysed=visit.analysed + 1,
            ))  # fmt: skip

    def remove(self, name: str | None, ids: tuple[str, ...]) -> None:
        """Forget these clips."""
        if name is not None:
            self._change(name, lambda visit: replace(
                visit, clips=tuple(clip for clip in visit.clips if clip.id not in ids),
            ))  # fmt: skip

    def change(self, name: str | None, clip: VisitorClip | None) -> None:
        """Keep a changed clip in place of the last one; None: there is none any more."""
        if name is not None:
            self._change(name, lambda visit: replace(visit, changed=clip))

    def _change(self, name: str, change: Callable[[Visit], Visit]) -> None:
        """Nothing where nothing changes: a name that holds no clips takes no other's place."""
        with self._lock:
            self._forget_old()
            old = self._visits.get(name, (0.0, EMPTY))[1]
            new = change(old).settled()
            if (new.clips, new.changed) != (old.clips, old.changed):
                self._keep(name, replace(new, version=next(self._versions)))

    def _keep(self, name: str, visit: Visit) -> None:
        self._visits[name] = (self._clock(), visit)
        self._visits.move_to_end(name)
        while len(self._visits) > MAX_VISITS:
            self._visits.popitem(last=False)

    def _forget_old(self) -> None:
        oldest = self._clock() - 60 * KEPT_MINUTES
        while self._visits and next(iter(self._visits.values()))[0] < oldest:
            self._visits.popitem(last=False)


def visit_name(cookies: Mapping[str, str] | None) -> str | None:
    """The visit that a request belongs to, or None where its browser keeps no cookie."""
    name = (cookies or {}).get(COOKIE, "")
    whole = len(name) == NAME_LENGTH and all(digit in "0123456789abcdef" for digit in name)
    return name if whole else None
