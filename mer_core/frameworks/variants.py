"""Named variants of a framework's full strategy: our own settings beside the papers' modules.

A strategy is a subset of a framework's modules, or one of these, which has all of them on. None is
in either paper. Imports no torch, like the descriptors that list them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Terms(StrEnum):
    """Whose words name switches, variants and strategies."""

    PLAIN = "plain"
    PAPERS = "papers"


@dataclass(frozen=True)
class Variant:
    """Every module on, and something more.

    Attributes:
        name: Of the strategy; no `+`, which joins the names of modules.
        title: In the terms of the field.
        plain: The same to readers of no paper.
        about: What it does, in one plain sentence.
        settings: Of the architecture, in place of the experiment's.
        extensions: Names of the descriptor's extensions that it has on.
        loss_weights: Of the extensions' terms where the experiment has none above 0.
    """

    name: str
    title: str
    plain: str
    about: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    extensions: tuple[str, ...] = ()
    loss_weights: Mapping[str, float] = field(default_factory=dict)

    def named(self, terms: Terms) -> str:
        """Its title in these terms."""
        return self.title if terms is Terms.PAPERS else self.plain

    def strategy_title(self, terms: Terms) -> str:
        """The strategy's, which has every module on."""
        if terms is Terms.PLAIN:
            return self.plain
        return f"All, {self.title[:1].lower()}{self.title[1:]}"


def variants(
    sharp: Mapping[str, Any], soft: Mapping[str, Any], joint_weight: float
) -> tuple[Variant, ...]:
    """The variants that every framework has.

    Args:
        sharp: Settings that hold the temperature at 0.07, where CLIP starts (arXiv 2103.00020).
        soft: Settings of a temperature that is learned above a floor.
        joint_weight: Of the term `joint`.
    """
    joint = {"joint": joint_weight}
    return (
        Variant(
            "sharp",
            "Sharp temperature",
            "Sharp: sorts well, stays apart",
            "All modules on, trained with CLIP's low temperature of 0.07.",
            sharp,
        ),
        Variant(
            "soft",
            "Learned soft temperature",
            "Soft: learns how strictly to match",
            "All modules on; training chooses the temperature, but none below 0.5.",
            soft,
        ),
        Variant(
            "joint",
            "Joint contrast",
            "Joint: matches all of one emotion",
            "All modules on; every item is also drawn to all others of its category, whichever "
            "modality they are of.",
            extensions=("joint",),
            loss_weights=joint,
        ),
        Variant(
            "centred",
            "Centred",
            "Centred: mean gap taken out",
            "All modules on; each modality's mean is subtracted from its embeddings before they "
            "are compared.",
            extensions=("centred",),
        ),
        Variant(
            "joint-centred",
            "Joint contrast, centred",
            "Joint and centred",
            "All modules on, with the joint contrast and centred embeddings.",
            extensions=("joint", "centred"),
            loss_weights=joint,
        ),
    )
