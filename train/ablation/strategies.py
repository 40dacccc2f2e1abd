"""Which alignment strategies a framework has, and the experiments that train each of them alone.

A strategy is a subset of a framework's switches, the papers' modules: `none`, `token`,
`distribution+instance`, …; or a variant of ours with all of them on: `sharp`, `joint`, …
(`mer_core.frameworks.variants`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mer_core.checkpoints.checkpoint import load_checkpoint
from mer_core.checkpoints.weights import encoder_attributes
from mer_core.frameworks.descriptor import DESCRIPTORS, FrameworkDescriptor, extensions_on
from mer_core.frameworks.variants import Variant
from train.config import Experiment

SWEPT = ("architecture", "loss_weights", "drop_modality")  # tables without effect on the encoders


def descriptor_of(experiment: Experiment) -> FrameworkDescriptor:
    """The descriptor of an experiment's framework.

    Raises:
        ValueError: The framework has no strategies, or its encoders are trained too.
    """
    name = experiment.architecture.get("framework")
    if name not in DESCRIPTORS:
        raise ValueError(f"{name!r} has no alignment strategies; {', '.join(DESCRIPTORS)} have.")
    if not experiment.freeze_encoders:
        raise ValueError(
            f"{experiment.name}: strategies are compared on frozen encoders with cached features; "
            "set freeze_encoders = true."
        )
    return DESCRIPTORS[name]


def strategies(experiment: Experiment) -> dict[str, Experiment]:
    """Every strategy of the experiment's framework, from `none` to all switches and variants."""
    descriptor = descriptor_of(experiment)
    found = {}
    for name in descriptor.strategies:
        variant, on = descriptor.variant(name), descriptor.switched_on(name)
        found[name] = varied(experiment, variant) if variant else only(experiment, on)
    return found


def chosen(experiment: Experiment, names: Sequence[str]) -> dict[str, Experiment]:
    """Some of the strategies, or all; each experiment is named `NAME/STRATEGY`.

    Raises:
        ValueError: The framework has no such strategy.
    """
    known = strategies(experiment)
    for name in names:
        if name not in known:
            raise ValueError(f"There is no strategy {name!r}; strategies are {', '.join(known)}.")
    return {name: replace(known[name], name=f"{experiment.name}/{name}") for name in names or known}


def only(experiment: Experiment, on: Sequence[str], extensions: Sequence[str] = ()) -> Experiment:
    """The same experiment with these switches on, and all others off, without their settings.

    Extensions that are off are left out altogether, as in experiments that know none.
    """
    descriptor = descriptor_of(experiment)
    kept = (*on, *extensions)
    off = [s for s in (*descriptor.switches, *descriptor.extensions) if s.name not in kept]
    unused = {setting for switch in off for setting in (switch.name, *switch.settings)}
    settings = {key: v for key, v in experiment.architecture.items() if key not in unused}
    switches = {name: name in on for name in descriptor.switch_names}
    return replace(
        experiment,
        architecture={**settings, **switches, **dict.fromkeys(extensions, True)},
        loss_weights={term: w for term, w in experiment.loss_weights.items() if term not in unused},
    )


def full(experiment: Experiment) -> Experiment:
    """The same experiment with every switch on, and the extensions that it has on itself."""
    return only(experiment, descriptor_of(experiment).switch_names, extended(experiment))


def extended(experiment: Experiment) -> tuple[str, ...]:
    """Names of the extensions that an experiment has on itself."""
    return tuple(name for name, on in extensions_on(experiment.architecture).items() if on)


def varied(experiment: Experiment, variant: Variant) -> Experiment:
    """The same experiment with every switch on, and what a variant changes."""
    names = descriptor_of(experiment).switch_names
    everything = only(experiment, names, variant.extensions)
    own = {term: weight for term, weight in everything.loss_weights.items() if weight}
    return replace(
        everything,
        architecture={**everything.architecture, **variant.settings},
        loss_weights={**everything.loss_weights, **variant.loss_weights, **own},
    )


def on_encoders(experiment: Experiment, model: Path) -> Experiment:
    """The same experiment on the encoders of a checkpoint, in place of those that it names.

    Raises:
        ValueError: There is no such checkpoint.
    """
    framework = load_checkpoint(model).framework
    tables = {
        attribute: {"from": os.path.relpath(model), "modality": encoder.modality}
        for attribute, encoder in encoder_attributes(framework).items()
    }
    return replace(experiment, architecture={**experiment.architecture, **tables})


def sweep_overrides(experiment: Experiment, sweep: str) -> list[str]:
    """`key=v1,v2` → [`key=v1`, `key=v2`].

    Raises:
        ValueError: No such key, or one that cannot be swept on the features of one encoder.
    """
    key, _, listed = sweep.partition("=")
    values = [value.strip() for value in listed.split(",") if value.strip()]
    if not values:
        raise ValueError(
            f"--sweep {sweep}: write it as key=value,value, such as "
            "architecture.instance_temperature=0.07,0.2,0.5."
        )
    table, _, name = key.strip().partition(".")
    switches = (*descriptor_of(experiment).switch_names, *extended(experiment))
    names = {"loss_weights": ("ce", *switches), "drop_modality": tuple(experiment.sources)}
    of_encoder = "." in name or isinstance(experiment.architecture.get(name), dict)
    if table not in SWEPT or not name or (table == "architecture" and of_encoder):
        raise ValueError(
            f"--sweep {key}: the encoders' features stay as they are, so only settings of "
            f"{', '.join(SWEPT)} can be swept."
        )
    if table in names and name not in names[table]:
        raise ValueError(f"--sweep {key}: there is {', '.join(names[table])}, but no {name}.")
    if table == "architecture" and name in (*switches, "framework"):
        raise ValueError(f"--sweep {key}: strategies are compared without --sweep.")
    return [f"{table}.{name}={value}" for value in values]
