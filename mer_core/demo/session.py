"""A visitor's last clips, kept in memory for the atlas as long as the visitor is here.

A visit is identified by a random name in a cookie that ends with the browser's session (`page.js`
sets it), so that clips analysed on one page appear on the maps of another. Nothing is written to
disk but what the visitor asks for: files to download, and a refit's vectors while it reads them. A
visit without requests for `KEPT_MINUTES` is deleted, and where there are too many visits, the one
idle longest. The clip last changed in the lab is stored here too, and deleted with its original.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from mer_core.atlas.clip_id import ClipId, Origin
from mer_core.atlas.visitor import VisitorClip

COOKIE = "attune_visit"
NAME_LENGTH = 32  # hexadecimal digits: 128 bits, which nobody guesses
KEPT_MINUTES = 10
MAX_CLIPS = 20  # of one visit; one more deletes the oldest
MAX_VISITS = 32  # at once; a clip is up to 2 MB


@dataclass(frozen=True)
class Visit:
    """What is stored of one visit.

    Attributes:
        clips: In order of analysis.
        analysed: Number of clips so far, including deleted ones; new clips are numbered after it.
        version: Differs whenever `clips` or `changed` does, and between any two visits.
        changed: A clip of the visitor's, or a shipped one, as last changed in the lab.
    """

    clips: tuple[VisitorClip, ...] = ()
    analysed: int = 0
    version: int = 0
    changed: VisitorClip | None = None

    def of(self, framework: str) -> tuple[VisitorClip, ...]:
        """The clips in one framework's atlas."""
        return tuple(clip for clip in self.clips if clip.framework == framework)

    def stars(self, framework: str) -> tuple[VisitorClip, ...]:
        """The clips drawn on one framework's maps: the same, then the changed one."""
        if self.changed is None or self.changed.framework != framework:
            return self.of(framework)
        return (*self.of(framework), self.changed)

    def without_orphan(self) -> Visit:
        """Without a changed clip whose original has been deleted."""
        if self.changed is None or self.changed.id.origin is Origin.EXAMPLE:
            return self
        originals = {clip.id for clip in self.clips}
        return self if self.changed.id.original in originals else replace(self, changed=None)


EMPTY = Visit()


class Visits:
    """All visits under way; safe to use from many threads.

    Args:
        clock: Monotonic time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._visits: OrderedDict[str, tuple[float, Visit]] = OrderedDict()  # least recent first
        self._versions = itertools.count(EMPTY.version + 1)

    def get(self, name: str | None) -> Visit:
        """The visit of that name, which counts as a sign of life; `EMPTY` for an unknown name."""
        with self._lock:
            self._delete_idle()
            if name is None or name not in self._visits:
                return EMPTY
            visit = self._visits[name][1]
            self._store(name, visit)
            return visit

    def add(self, name: str | None, clip: VisitorClip) -> None:
        """Store one more clip; not without a name."""
        if name is not None:
            self._update(name, lambda visit: replace(
                visit, clips=(*visit.clips, clip)[-MAX_CLIPS:], analysed=visit.analysed + 1,
            ))  # fmt: skip

    def remove(self, name: str | None, ids: Collection[ClipId]) -> None:
        """Delete these clips."""
        if name is not None:
            self._update(name, lambda visit: replace(
                visit, clips=tuple(clip for clip in visit.clips if clip.id not in ids),
            ))  # fmt: skip

    def set_changed(self, name: str | None, clip: VisitorClip | None) -> None:
        """Store a changed clip in place of the last one, or none."""
        if name is not None:
            self._update(name, lambda visit: replace(visit, changed=clip))

    def _update(self, name: str, update: Callable[[Visit], Visit]) -> None:
        """Store nothing where nothing changes: a visit without clips must not displace another."""
        with self._lock:
            self._delete_idle()
            old = self._visits.get(name, (0.0, EMPTY))[1]
            new = update(old).without_orphan()
            if (new.clips, new.changed) != (old.clips, old.changed):
                self._store(name, replace(new, version=next(self._versions)))

    def _store(self, name: str, visit: Visit) -> None:
        self._visits[name] = (self._clock(), visit)
        self._visits.move_to_end(name)
        while len(self._visits) > MAX_VISITS:
            self._visits.popitem(last=False)

    def _delete_idle(self) -> None:
        oldest = self._clock() - 60 * KEPT_MINUTES
        while self._visits and next(iter(self._visits.values()))[0] < oldest:
            self._visits.popitem(last=False)


def visit_name(cookies: Mapping[str, str] | None) -> str | None:
    """The visit that a request belongs to, or None where its browser stores no cookie."""
    name = (cookies or {}).get(COOKIE, "")
    valid = len(name) == NAME_LENGTH and all(digit in "0123456789abcdef" for digit in name)
    return name if valid else None
