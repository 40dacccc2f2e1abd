"""What tells one clip of the demo from another, and the one place that reads it from a string."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace
from enum import StrEnum


class Origin(StrEnum):
    """Where a clip comes from."""

    RECORDED = "recorded"  # recorded or uploaded by a visitor
    EXAMPLE = "example"  # ships with the demo


@dataclass(frozen=True)
class ClipId:
    """The same for one clip on every map.

    Its string form goes to the browser, as the value of a dropdown and with every star; `parse`
    reads what comes back.

    Attributes:
        origin: Recorded by a visitor, or shipped.
        framework: Whose maps the clip is on.
        key: Random for a recorded clip; an example's file name without its ending.
        changed: Whether this is the clip as changed in the lab, not the original.
    """

    origin: Origin
    framework: str
    key: str
    changed: bool = False

    @classmethod
    def new(cls, framework: str) -> ClipId:
        """The id of a clip that was just recorded."""
        return cls(Origin.RECORDED, framework, secrets.token_hex(4))

    @classmethod
    def parse(cls, text: str) -> ClipId:
        """Read the string form.

        Raises:
            ValueError: It is no clip's id.
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no clip's id.")
        origin, framework, key, changed = match.groups()
        return cls(Origin(origin), framework, key, changed is not None)

    def __str__(self) -> str:
        """The string form, such as `recorded/NAME/1f2e3d4c` or `example/NAME/bright/changed`."""
        return f"{self.origin}/{self.framework}/{self.key}{'/changed' if self.changed else ''}"

    @property
    def original(self) -> ClipId:
        """The id of the clip before its change."""
        return replace(self, changed=False)

    def as_changed(self) -> ClipId:
        """The id of the same clip as changed in the lab."""
        return replace(self, changed=True)


_FORM = re.compile(rf"({'|'.join(Origin)})/(\w+)/([\w-]+)(/changed)?")
