"""What other code needs of a framework: its title, its modalities, its switches.

Serving, atlas, demo and tables read it here, so that no other file spells a framework's name.
Imports no torch: a page shows titles before a model is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from mer_core.frameworks.variants import Terms, Variant, variants

BEFORE = "none"  # the strategy without alignment, every other one's "before"


@dataclass(frozen=True)
class Modality:
    """One half of what a framework reads.

    Attributes:
        name: As its paper calls it.
        noun: How a sentence names what it carries.
        plural: Whether the noun is a plural.
    """

    name: str
    noun: str
    plural: bool = False

    @property
    def several(self) -> str:
        """The noun's plural: `voices`, `words`, `faces`."""
        return self.noun if self.plural else f"{self.noun}s"


MODALITIES = {
    modality.name: modality
    for modality in (
        Modality("speech", "voice"),
        Modality("text", "words", plural=True),
        Modality("audio", "voice"),
        Modality("video", "face"),
    )
}


@dataclass(frozen=True)
class Switch:
    """An alignment module that can be switched on and off.

    Attributes:
        name: Its boolean setting; the loss term of the same name belongs to it.
        title: In the paper's terms.
        short: The same within a strategy's title.
        plain: What it does, to readers of no paper: a verb and its object.
        settings: Settings without effect when it is off.
    """

    name: str
    title: str
    short: str
    plain: str
    settings: tuple[str, ...] = ()

    def named(self, terms: Terms) -> str:
        """Its title in these terms."""
        return self.title if terms is Terms.PAPERS else self.plain[:1].upper() + self.plain[1:]


def _always_shares(architecture: Mapping[str, Any], space: str) -> bool:
    return True


def _foal_net_shares(architecture: Mapping[str, Any], space: str) -> bool:
    """With a common width always; without one, only the projections, which AVEL or joint trains."""
    projected = architecture["avel"] or architecture.get("joint", False)
    return architecture.get("width") is not None or (space == "after" and projected)


# Ours, for both frameworks; off unless a variant has them on.
EXTENSIONS = (
    Switch(
        "joint", "Joint contrast", "joint contrast", "match all of one emotion",
        ("joint_temperature",),
    ),
    Switch("centred", "Centred embeddings", "centred", "take out the gap"),
)  # fmt: skip


@dataclass(frozen=True)
class FrameworkDescriptor:
    """One framework, described without loading it.

    Attributes:
        name: Its key in `FRAMEWORKS` and in checkpoints.
        title: As its paper writes it.
        method: What its paper proposes, in a few words.
        modalities: In the paper's order, the leading one first.
        switches: The paper's alignment modules.
        variants: Strategies of ours, with every switch on.
        extensions: What the variants add to the paper's modules; off in all other strategies.
        shares_space: Architecture, `before` or `after` alignment → whether the two modalities'
            embeddings there lie in one space, through weights that every strategy trains.
        examples: Index file of its example clips in `assets/examples`.
    """

    name: str
    title: str
    method: str
    modalities: tuple[Modality, ...]
    switches: tuple[Switch, ...]
    variants: tuple[Variant, ...] = ()
    extensions: tuple[Switch, ...] = EXTENSIONS
    shares_space: Callable[[Mapping[str, Any], str], bool] = _always_shares
    examples: str = "examples.json"

    @property
    def watches(self) -> bool:
        """Whether it judges video."""
        return any(modality.name == "video" for modality in self.modalities)

    @property
    def nouns(self) -> str:
        """What it reads, such as `voice and words`."""
        return " and ".join(modality.noun for modality in self.modalities)

    @property
    def switch_names(self) -> tuple[str, ...]:
        """Names of the switches."""
        return tuple(switch.name for switch in self.switches)

    @property
    def strategies(self) -> tuple[str, ...]:
        """Every strategy: nothing on, then one switch, then more, and the variants at the end."""
        names = self.switch_names
        subsets = [on for size in range(len(names) + 1) for on in combinations(names, size)]
        return (*map(self.strategy, subsets), *(variant.name for variant in self.variants))

    def variant(self, strategy: str) -> Variant | None:
        """The variant of this name, or None if the strategy is none of them."""
        return next((v for v in self.variants if v.name == strategy), None)

    def strategy(self, on: tuple[str, ...]) -> str:
        """Name of the strategy with these switches on, whatever order they are given in."""
        return "+".join(name for name in self.switch_names if name in on) or BEFORE

    def switched_on(self, strategy: str) -> tuple[str, ...]:
        """Names of the switches that a strategy has on."""
        if self.variant(strategy):
            return self.switch_names
        return tuple(name for name in self.switch_names if name in strategy.split("+"))


DESCRIPTORS = {
    descriptor.name: descriptor
    for descriptor in (
        FrameworkDescriptor(
            name="mgcma",
            title="MGCMA",
            method="multi-granularity cross-modal alignment",
            modalities=(MODALITIES["speech"], MODALITIES["text"]),
            switches=(
                Switch(
                    "distribution", "Distributions", "distribution", "match whole emotions",
                    (
                        "samples", "distribution_targets", "distribution_temperature",
                        "learn_distribution_temperature",
                    ),
                ),
                Switch("token", "Tokens", "token", "match moments"),
                Switch(
                    "instance", "Instances", "instance", "match pairs",
                    (
                        "instance_targets", "instance_temperature",
                        "learn_instance_temperature", "instance_temperature_floor",
                    ),
                ),
            ),
            variants=variants(
                sharp={"instance_temperature": 0.07, "learn_instance_temperature": False},
                soft={
                    "instance_temperature": 2.0,  # the shipped one; 0.07 would be below the floor
                    "learn_instance_temperature": True, "instance_temperature_floor": 0.5,
                },
                joint_weight=0.3,  # the instance term's in the shipped experiment
            ),
        ),
        FrameworkDescriptor(
            name="foal_net",
            title="Foal-Net",
            method="fusion of voice and face by alignment and label matching",
            modalities=(MODALITIES["audio"], MODALITIES["video"]),
            switches=(
                Switch(
                    "avel", "Emotion alignment (AVEL)", "AVEL", "match emotions",
                    (
                        "temperature", "learn_temperature", "temperature_floor",
                        "average_positives",
                    ),
                ),
                Switch(
                    "mem", "Label matching (MEM)", "MEM", "spot mismatches", ("match_hidden",)
                ),
            ),
            variants=variants(
                sharp={"temperature": 0.07, "learn_temperature": False},
                soft={"temperature": 2.659, "learn_temperature": True, "temperature_floor": 0.5},
                joint_weight=1.0,  # AVEL's
            ),
            shares_space=_foal_net_shares,
            examples="videos.json",
        ),
    )
}  # fmt: skip


def extensions_on(architecture: Mapping[str, Any]) -> dict[str, bool]:
    """Name of each extension of an architecture's framework → whether it is on."""
    descriptor = DESCRIPTORS.get(architecture.get("framework", ""))
    extensions = () if descriptor is None else descriptor.extensions
    return {extension.name: bool(architecture.get(extension.name)) for extension in extensions}


def strategy_title(strategy: str, terms: Terms = Terms.PLAIN) -> str:
    """A strategy's name for people, in the paper's terms or in plain words.

    `distribution+token` → `Distribution + token`, or `Match whole emotions + moments`: a verb that
    repeats the one before it is left out.
    """
    if strategy == BEFORE:
        return "No alignment"
    for variant in (v for d in DESCRIPTORS.values() for v in d.variants):
        if variant.name == strategy:
            return variant.strategy_title(terms)
    switches = {switch.name: switch for d in DESCRIPTORS.values() for switch in d.switches}
    parts = [(part, switches.get(part)) for part in strategy.split("+")]
    if terms is Terms.PAPERS:
        joined = " + ".join(switch.short if switch else part for part, switch in parts)
    else:
        joined = _joined([switch.plain if switch else part for part, switch in parts])
    return joined[:1].upper() + joined[1:]


def _joined(phrases: list[str]) -> str:
    """`match moments` and `match pairs` → `match moments + pairs`."""
    kept, last = [], ""
    for phrase in phrases:
        verb, _, rest = phrase.partition(" ")
        kept.append(rest if rest and verb == last else phrase)
        last = verb
    return " + ".join(kept)
