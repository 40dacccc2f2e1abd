"""The card of a model on the Hub: the folder's own or a short one, with metadata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import RepoCard

from mer_core.checkpoints.checkpoint import Checkpoint
from mer_core.frameworks.base import Framework
from mer_core.frameworks.descriptor import DESCRIPTORS
from train.evaluate.tables import metrics_table
from train.publish.model_index import TASKS, model_index

TEMPLATE = Path(__file__).parent / "hub_card.md"
TAGS = ["emotion-recognition"]
UNMEASURED = "Not measured yet."


@dataclass(frozen=True)
class Part:
    """One checkpoint of what is pushed.

    Attributes:
        name: Its subfolder, or the model's own name.
        checkpoint: Loaded, so that it is known to load.
    """

    name: str
    checkpoint: Checkpoint

    @property
    def modalities(self) -> list[str]:
        """What its encoders read."""
        return [encoder.modality for encoder in self.checkpoint.framework.encoders().values()]


def hub_card(own: str | None, parts: Sequence[Part], repo: str, licence: str = "") -> str:
    """A card with a licence, a task and the `model-index`.

    Args:
        own: The text of the folder's card, if it has one; its words and metadata stay as they are.
        parts: What is pushed.
        repo: Id on the Hub.
        licence: An id of the Hub, such as `cc-by-nc-sa-4.0`, for a card that names none.

    Raises:
        ValueError: There is no licence, or there are two; or figures that cannot be read.
    """
    card = RepoCard(own if own is not None else f"---\ntags: {TAGS}\n---\n{_short(parts, repo)}")
    stated = card.data.get("license")
    if licence and stated and licence != stated:
        raise ValueError(f"The card states the licence {stated}; leave out --license {licence}.")
    if not (stated or licence):
        raise ValueError(
            "A model needs a licence: write a README.md with `license: …` in its front matter, or "
            "give --license with an id such as cc-by-nc-sa-4.0."
        )
    card.data["license"] = stated or licence
    if "pipeline_tag" not in card.data:
        card.data["pipeline_tag"] = _task(parts)
    index = [entry for part in parts for entry in model_index(part.name, part.checkpoint.metrics)]
    card.data["model-index"] = index or None  # None is left out
    return str(card)


def _task(parts: Sequence[Part]) -> str:
    """The Hub's task of the first modality that any part reads, in the order of `TASKS`."""
    read = {modality for part in parts for modality in part.modalities}
    return next(task.type for modality, task in TASKS.items() if modality in read)


def _short(parts: Sequence[Part], repo: str) -> str:
    measured = [part for part in parts if part.checkpoint.metrics]
    tables = [f"### {p.name}\n\n{metrics_table(p.checkpoint.metrics)}" for p in measured]
    labels = dict.fromkeys(label for part in parts for label in part.checkpoint.framework.labels)
    return TEMPLATE.read_text("utf-8").format(
        name=repo.partition("/")[2],
        repo=repo,
        labels=", ".join(labels),
        parts="\n".join(f"- **{part.name}**: {_described(part)}." for part in parts),
        tables="\n\n".join(tables) or UNMEASURED,
        protocol=" ".join(_protocol(part) for part in measured),
    )


def _described(part: Part) -> str:
    config: dict[str, Any] = part.checkpoint.config["architecture"]
    descriptor = DESCRIPTORS.get(config["framework"])
    title = descriptor.title if descriptor else "a classifier"
    return f"{title}, reads {' and '.join(part.modalities)}; {_size(part.checkpoint.framework)}"


def _size(framework: Framework) -> str:
    return f"{sum(p.numel() for p in framework.parameters()) / 1e6:.2g} M parameters"


def _protocol(part: Part) -> str:
    stated: dict[str, Any] = part.checkpoint.metrics.get("protocol", {})
    words = [f"{key}: {stated[key]}" for key in ("split", "pairing", "interval") if key in stated]
    return f"{part.name}: {'; '.join(words)}."
