"""Ids of made-up clips."""

from __future__ import annotations

from mer_core.atlas.clip_id import ClipId, Origin


def recorded(key: str, framework: str = "mgcma", changed: bool = False) -> ClipId:
    return ClipId(Origin.RECORDED, framework, key, changed)
