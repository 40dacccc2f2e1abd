"""A clip's id and its string form, which goes to the browser and comes back."""

from __future__ import annotations

import pytest

from mer_core.atlas.clip_id import ClipId, Origin


@pytest.mark.parametrize(
    ("clip_id", "text"),
    [
        (ClipId(Origin.RECORDED, "mgcma", "1f2e3d4c"), "recorded/mgcma/1f2e3d4c"),
        (ClipId(Origin.EXAMPLE, "foal_net", "face_smile"), "example/foal_net/face_smile"),
        (ClipId(Origin.EXAMPLE, "mgcma", "even", True), "example/mgcma/even/changed"),
    ],
)
def test_the_string_form_is_read_back(clip_id: ClipId, text: str) -> None:
    assert str(clip_id) == text
    assert ClipId.parse(text) == clip_id


@pytest.mark.parametrize(
    "text",
    ["", "recorded", "recorded/mgcma", "heard/mgcma/1", "example/mgcma/../x", "example/mgcma/a/b"],
)
def test_anything_else_is_no_id(text: str) -> None:
    with pytest.raises(ValueError, match="is no clip's id"):
        ClipId.parse(text)


def test_a_changed_clip_leads_back_to_its_original() -> None:
    original = ClipId.new("mgcma")
    changed = original.as_changed()
    assert changed != original
    assert changed.original == original
    assert original != ClipId.new("mgcma")
