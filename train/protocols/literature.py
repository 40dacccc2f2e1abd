"""The literature's figure: the epoch that does best on the test fold itself.

Much of the literature on IEMOCAP reports it, often without saying so. It is optimistic by a few
points, and no result; here it is only computed on request, beside the real one, so that a published
figure can be compared with its like. Every epoch's counts are kept in the run's folder, and nothing
reads them before training has ended.
"""

from __future__ import annotations

import json
from pathlib import Path

from mer_core.frameworks.base import Framework
from train.evaluate.held_out import HeldOut
from train.evaluate.tally import Tally
from train.report.records import Peeked

EPOCHS_FILE = "test_epochs.jsonl"


class Peeking:
    """Counts the answers to the test fold after every epoch, as an observer of the loop.

    Args:
        held_out: Of the fold.
        folder: Of the run.
    """

    def __init__(self, held_out: HeldOut, folder: Path) -> None:
        self.held_out, self.path = held_out, folder / EPOCHS_FILE

    def __call__(self, framework: Framework, epoch: int) -> None:
        """Keep the counts of one epoch."""
        row = {"epoch": epoch, **self.held_out.glance(framework).record()}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def best(self) -> Peeked:
        """The epoch of the highest UA, the first of equals.

        A resumed run may have counted an epoch twice, to the same result, and a killed one may have
        left half a line.
        """
        lines = self.path.read_text("utf-8").split("\n")[:-1]
        rows = {row["epoch"]: Tally.parse(row) for row in map(json.loads, lines)}
        epoch = max(sorted(rows), key=lambda e: rows[e].figures().unweighted_accuracy)
        return Peeked(epoch, rows[epoch])
