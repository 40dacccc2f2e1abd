"""One model from several runs: the mean of their weights (model soups, arXiv 2203.05482).

Runs from the same weights that see the examples in different orders end close to each other, so
their mean is a model as well. It is as fast as one run and depends less on the order.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import torch

from mer_core.frameworks.base import Framework
from train.config import Experiment
from train.data.paired_task import PairedTask
from train.data.tasks import SingleTask
from train.distributed import World
from train.loop import Observe, fit
from train.state import average_into, copy_weights


def fit_averaged(
    framework: Framework,
    task: SingleTask | PairedTask,
    experiment: Experiment,
    folder: Path,
    device: torch.device,
    world: World | None = None,
    observe: Observe | None = None,
) -> Framework:
    """Train `experiment.averaged_runs` times from `framework`'s weights and average the results.

    Each run has its log and its state in a folder of its own, `folder/run_1` and so on.

    Returns:
        `framework`, carrying the mean weights.

    Raises:
        ValueError: The epochs of several runs would be observed: they have no common weights.
    """
    if experiment.averaged_runs == 1:
        return fit(framework, task, experiment, folder, device, world=world, observe=observe)
    if observe:
        raise ValueError("Epochs can be observed of one run only; set averaged_runs=1.")
    first = copy_weights(framework.to(device).state_dict())
    mean = copy_weights(first)
    for run in range(experiment.averaged_runs):
        framework.load_state_dict(first)
        own = replace(experiment, seed=run_seed(experiment, run))
        reordered = copy.copy(task)
        reordered.experiment = own
        own_folder = folder / f"run_{run + 1}"
        framework = fit(framework, reordered, own, own_folder, device, world=world)
        average_into(mean, framework.state_dict(), decay=run / (run + 1))
    framework.load_state_dict(mean)
    return framework


def run_seed(experiment: Experiment, run: int) -> int:
    """Of the order of the examples, of what is mixed and of dropout in one of the runs."""
    return 10 * experiment.seed + run + 1
