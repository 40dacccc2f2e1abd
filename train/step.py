"""From a batch to its loss: the one place where a process meets what the others computed."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from mer_core.frameworks.base import CLASSES, MATCHED, Framework, total_loss
from mer_core.frameworks.descriptor import extensions_on
from mer_core.types import Batch, Output
from train.config import Experiment
from train.data.labelled import Labelled
from train.data.loading import share
from train.distributed import World, drawn_alike

LABELS = "labels"


class LossStep(nn.Module):
    """A process' share of a batch → the loss of the whole batch.

    One module, so that `DistributedDataParallel` sees every parameter that has a part in the loss.
    """

    def __init__(self, framework: Framework, experiment: Experiment, world: World) -> None:
        super().__init__()
        self.framework = framework
        on = extensions_on(experiment.architecture)
        # A term that is off may be listed with weight 0; any other weight without a term is a slip.
        self.weights = {n: w for n, w in experiment.loss_weights.items() if w or on.get(n, True)}
        self.world = world
        compiled = experiment.engine.compile
        # In a tuple, which hides the compiled module's second names of all parameters.
        self._forward = (torch.compile(framework, dynamic=True) if compiled else framework,)

    def forward(self, item: Labelled, seed: int = 0) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and its unweighted terms without gradient.

        Args:
            item: On the device of the framework.
            seed: Of what the losses draw at random, such as hard negatives, where several
                processes must draw the same.
        """
        output, labels = with_masks(self._forward[0](item.batch), item), item.labels
        if self.world.size == 1:
            terms = self.framework.losses(output, labels)
        else:
            output, labels = of_all_processes(output, labels, self.world, item.counts)
            with drawn_alike(seed, self.world.device):
                terms = self.framework.losses(output, labels)
        with torch.autocast(output.logits.device.type, enabled=False):
            loss = total_loss(terms, self.weights)
        return loss, {name: term.detach() for name, term in terms.items()}


def with_masks(output: Output, item: Labelled) -> Output:
    """`output` with what the losses need to know of its rows beside their labels."""
    masks = {CLASSES: item.classes, MATCHED: item.matched}
    present = {name: mask for name, mask in masks.items() if mask is not None}
    return replace(output, masks={**output.masks, **present})


def of_all_processes(
    output: Output, labels: Tensor, world: World, counts: bool = True
) -> tuple[Output, Tensor]:
    """Output (without attention) and labels of the whole batch, from those of a share.

    Args:
        output: Of this process' rows.
        labels: (B,) of these rows.
        world: The processes, all of which must call this.
        counts: Whether these rows are part of the batch; see `Labelled.counts`.
    """
    kept = slice(None) if counts else slice(0)
    own = {
        **{f"features.{name}": value for name, value in output.features.items()},
        **{f"masks.{name}": value for name, value in output.masks.items()},
        "logits": output.logits,
        LABELS: labels,
    }
    indices = {f"features.{n}" for n, v in output.features.items() if v.dtype == torch.int64}
    whole = world.gather({name: value[kept] for name, value in own.items()}, indices)
    features = {name: whole[f"features.{name}"] for name in output.features}
    masks = {name: whole[f"masks.{name}"] for name in output.masks}
    return Output(whole["logits"], features, masks=masks), whole[LABELS]


class SharedEvaluation(nn.Module):
    """Judges batches that all processes have: each a stretch of the rows, and all get all logits.

    Behaves as the framework where only logits are asked for.
    """

    def __init__(self, framework: Framework, world: World) -> None:
        super().__init__()
        self.framework, self.world = framework, world

    def forward(self, batch: Batch) -> Output:
        """Only the logits (B, C) of the framework's output."""
        total = rows_of(batch)
        own = share(total, self.world.rank, self.world.size)
        counts = own.start < own.stop
        logits = self.framework(batch.rows(own if counts else slice(0, 1))).logits
        return Output(self.world.gather({"logits": logits if counts else logits[:0]})["logits"])


def rows_of(batch: Batch) -> int:
    """B of a batch."""
    present = (batch.speech_present, batch.text_present, batch.video_present)
    cached = (features.present for features in batch.cached.values())
    return len(next(mask for mask in (*present, *cached) if mask is not None))
