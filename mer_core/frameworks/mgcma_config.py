"""MGCMA's settings, each with its reason; see `mgcma` for what is the paper's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from mer_core.alignment.contrastive import Targets
from mer_core.alignment.distribution import Pool, Similarity
from mer_core.alignment.temperature import TEMPERATURE_RANGE, check_learned
from mer_core.frameworks.embeddings import Extensions

CHOICES = {
    "distribution_similarity": Similarity,
    "distribution_pool": Pool,
    "distribution_targets": Targets,
    "instance_targets": Targets,
}


@dataclass(frozen=True)
class MGCMAConfig(Extensions):
    """Shape and switches; weights of the loss terms belong to the training config.

    Attributes:
        width: D behind the encoders; suits the compact ones, wav2vec 2.0 with BERT sets its 768.
        heads: Of every attention; even, because the Gaussians split them in halves.
        feed_forward: Of every block, as a multiple of `width`; the transformer's usual 4.
        dropout: Of every block; MAP's 0.1.
        input_dropout: Of whole channels of the encoders' tokens; for frozen encoders, which have
            memorised their training clips. 0 as in the papers, which fine-tune theirs.
        classifier_dropout: Before the last layer; strong, because the corpora are small.
        self_layers: Self-attention blocks a modality; one, the smallest that fits the description.
        cross_layers: Cross-attention blocks each way; one, likewise.
        distribution: Whether Gaussians are built and contrasted.
        token: Whether tokens are aligned by attention; off, fusion reads the tokens as they are.
        instance: Whether pairs are contrasted.
        distribution_similarity: Sim. `scaled` starts with a loss near log B at any width.
        distribution_temperature: First τ of Sim, by which -W2/D is divided; None is the one that
            suits Sim's form (1 for `scaled`). Softer brings the clouds closer.
        learn_distribution_temperature: Whether τ is trained, as MAP does; here within
            `TEMPERATURE_RANGE`.
        distribution_pool: What an utterance's Gaussian is made of; speech has no [CLS], so `mean`.
        distribution_targets: Positives: `pair` as MAP, or everyone of the same `label`.
        instance_targets: Positives: `pair` as the paper's description, or the same `label`.
        instance_temperature: Of the cosines; the usual 0.07. Softer brings the clouds closer.
        learn_instance_temperature: Whether that is only the first one, and training learns it.
        instance_temperature_floor: The lowest that can be learned; 0.5 keeps it soft.
        samples: Draws K from the Gaussians in training besides their means (MAP: 5); W2 needs none.
        label_smoothing: Of the cross-entropy; none, as the papers.
    """

    width: int = 256
    heads: int = 8
    feed_forward: float = 4.0
    dropout: float = 0.1
    input_dropout: float = 0.0
    classifier_dropout: float = 0.3
    self_layers: int = 1
    cross_layers: int = 1
    distribution: bool = True
    token: bool = True
    instance: bool = True
    distribution_similarity: Similarity = "scaled"
    distribution_temperature: float | None = None
    learn_distribution_temperature: bool = True
    distribution_pool: Pool = "mean"
    distribution_targets: Targets = "pair"
    instance_targets: Targets = "pair"
    instance_temperature: float = 0.07
    learn_instance_temperature: bool = False
    instance_temperature_floor: float = TEMPERATURE_RANGE[0]
    samples: int = 0
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        """Refuse unknown choices and values out of range."""
        super().__post_init__()
        for name, kind in CHOICES.items():
            value, choices = getattr(self, name), get_args(kind)
            if value not in choices:
                raise ValueError(f"{name} is {value!r}; it can be {', '.join(choices)}.")
        if self.samples < 0 or (self.samples and not self.distribution):
            raise ValueError("samples are draws from the distribution: 0 or more, 0 without it.")
        if self.instance_temperature <= 0:
            raise ValueError("instance_temperature must be above 0.")
        if self.learn_instance_temperature:
            check_learned(
                "instance_temperature", self.instance_temperature, self.instance_temperature_floor
            )
        low, high = TEMPERATURE_RANGE
        first = self.distribution_temperature
        if first is not None and not low <= first <= high:
            raise ValueError(
                f"distribution_temperature must be in [{low}, {high}], but is {first}."
            )
