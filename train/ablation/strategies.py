"""Which alignment strategies a framework has, and the experiments that train each of them alone.

A strategy is a subset of a framework's switches: `none`, `token`, `distribution+instance`, …; or
`sharp`, which is all of them with the usual sharp temperature, to show what temperature does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from mer_core.checkpoints.checkpoint import load_checkpoint
from mer_core.checkpoints.weights import encoder_attributes
from mer_core.frameworks.descriptor import BEFORE
from train.config import Experiment

NONE, SHARP = BEFORE, "sharp"
SWEPT = ("architecture", "loss_weights", "drop_modality")  # what leaves cached features as they are


@dataclass(frozen=True)
class Switches:
    """What can be switched on and off in one framework.

    Attributes:
        names: Boolean settings; a loss term of the same name belongs to its switch.
        belongings: Setting → the switch without which it means nothing. A strategy without that
            switch is the same run whatever the setting is, and a sweep's `none` is the ablation's.
        sharp: Settings of the `sharp` strategy: the temperatures that CLIP starts from or that
            suit it, held where the framework would learn them away.
        shares_space: Architecture, `before` or `after` alignment → whether the two modalities'
            embeddings there lie in one space, through weights that every strategy trains.
    """

    names: tuple[str, ...]
    belongings: Mapping[str, str]
    sharp: Mapping[str, Any]
    shares_space: Callable[[Mapping[str, Any], str], bool]


def _foal_net_shares_space(architecture: Mapping[str, Any], space: str) -> bool:
    """With a common width always; without one, only the projection that AVEL trains is shared."""
    return architecture.get("width") is not None or (space == "after" and architecture["avel"])


SWITCHES = {
    "mgcma": Switches(
        ("distribution", "token", "instance"),
        {
            "samples": "distribution",
            "distribution_targets": "distribution",
            "distribution_temperature": "distribution",
            "learn_distribution_temperature": "distribution",
            "instance_targets": "instance",
            "instance_temperature": "instance",
        },
        {"instance_temperature": 0.07},
        lambda architecture, space: True,
    ),
    "foal_net": Switches(
        ("avel", "mem"),
        {
            "temperature": "avel",
            "learn_temperature": "avel",
            "average_positives": "avel",
            "match_hidden": "mem",
        },
        {"temperature": 0.07, "learn_temperature": False},
        _foal_net_shares_space,
    ),
}


def switches_of(experiment: Experiment) -> Switches:
    """The switches of an experiment's framework.

    Raises:
        ValueError: It has none, or its encoders are trained along.
    """
    name = experiment.architecture.get("framework")
    if name not in SWITCHES:
        raise ValueError(f"{name!r} has no alignment strategies; {', '.join(SWITCHES)} have.")
    if not experiment.freeze_encoders:
        raise ValueError(
            f"{experiment.name}: strategies are compared on frozen encoders with cached features; "
            "set freeze_encoders = true."
        )
    return SWITCHES[name]


def strategies(experiment: Experiment) -> dict[str, Experiment]:
    """Every subset of the switches by name, from `none` to all of them, and `sharp`."""
    switches_of(experiment)  # refuses what has none
    *subsets, _ = names_of(experiment.architecture["framework"])
    found = {name: only(experiment, () if name == NONE else name.split("+")) for name in subsets}
    return {**found, SHARP: sharp(experiment)}


def names_of(framework: str) -> list[str]:
    """Strategies of a framework: nothing on, then one switch, then more, and `sharp` at the end."""
    names = SWITCHES[framework].names
    subsets = [on for size in range(len(names) + 1) for on in combinations(names, size)]
    return [*("+".join(on) or NONE for on in subsets), SHARP]


def only(experiment: Experiment, on: Sequence[str]) -> Experiment:
    """The same experiment with these switches on, all others off and their weights gone."""
    switches = switches_of(experiment)
    off = set(switches.names) - set(on)
    gone = {setting for setting, switch in switches.belongings.items() if switch in off}
    settings = {key: value for key, value in experiment.architecture.items() if key not in gone}
    return replace(
        experiment,
        architecture={**settings, **{name: name in on for name in switches.names}},
        loss_weights={k: v for k, v in experiment.loss_weights.items() if k not in off},
    )


def full(experiment: Experiment) -> Experiment:
    """The same experiment with every switch on."""
    return only(experiment, switches_of(experiment).names)


def on_encoders(experiment: Experiment, model: Path) -> Experiment:
    """The same experiment on the encoders of a checkpoint, whatever it names itself.

    Raises:
        ValueError: There is no such checkpoint.
    """
    framework = load_checkpoint(model).framework
    tables = {
        attribute: {"from": os.path.relpath(model), "modality": encoder.modality}
        for attribute, encoder in encoder_attributes(framework).items()
    }
    return replace(experiment, architecture={**experiment.architecture, **tables})


def sharp(experiment: Experiment) -> Experiment:
    """The same experiment with every switch on and a sharp temperature."""
    everything = full(experiment)
    settings = {**everything.architecture, **switches_of(experiment).sharp}
    return replace(everything, architecture=settings)


def sweep_overrides(experiment: Experiment, sweep: str) -> list[str]:
    """`key=v1,v2` → [`key=v1`, `key=v2`].

    Raises:
        ValueError: No such key, or one that cannot be swept on the features of one encoder.
    """
    key, found, values = sweep.partition("=")
    chosen = [value.strip() for value in values.split(",") if value.strip()]
    if not found or not chosen:
        raise ValueError(
            f"--sweep {sweep}: write it as key=value,value, such as "
            "architecture.instance_temperature=0.07,0.2,0.5."
        )
    table, _, name = key.strip().partition(".")
    known = {
        "loss_weights": ("ce", *switches_of(experiment).names),
        "drop_modality": tuple(experiment.sources),
    }
    of_encoder = "." in name or isinstance(experiment.architecture.get(name), dict)
    if table not in SWEPT or not name or (table == "architecture" and of_encoder):
        raise ValueError(
            f"--sweep {key}: the encoders' features stay as they are, so only settings of "
            f"{', '.join(SWEPT)} can be swept."
        )
    if table in known and name not in known[table]:
        raise ValueError(f"--sweep {key}: there is {', '.join(known[table])}, but no {name}.")
    if table == "architecture" and name in (*switches_of(experiment).names, "framework"):
        raise ValueError(f"--sweep {key}: strategies are compared without --sweep.")
    return [f"{table}.{name}={value}" for value in chosen]
