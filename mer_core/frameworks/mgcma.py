"""MGCMA: multi-granularity cross-modal alignment for speech and text (arXiv 2412.20821).

Wang, Zhao, Sun, Wang, Zhou, Qin: "Enhancing Multimodal Emotion Recognition through
Multi-Granularity Cross-Modal Alignment", ICASSP 2025.

The paper's, from its abstract, captions and summaries: wav2vec 2.0 and BERT token sequences; three
alignments: distributions (attention split into mean and covariance, Wasserstein distance turned
into Sim, contrastive), tokens (self- and cross-attention), instances (contrastive over pairs); a
cross-entropy trained jointly with them.
Our reconstruction, since neither equations nor code were available: the inside of the Gaussian
constructor (MAP, arXiv 2210.05335), Sim's form and temperature, the positives, depths and widths,
what the instance term reads, fusion and classifier. We do not claim the published figures.

| symbol   | here                                      | source                               |
|----------|-------------------------------------------|--------------------------------------|
| μ_s, μ_t | `speech_mean`, `text_mean`                | MAP: mean branch                     |
| σ_s, σ_t | `speech_std`, `text_std`                  | MAP: exp of the log-sigma branch     |
| W2²      | `squared_wasserstein`                     | MAP: diagonal covariances            |
| Sim      | `similarity`                              | the paper names it; its form is ours |
| τ        | `log_temperature`, `instance_temperature` | MAP: learned; ours: fixed            |
| L_D      | loss `distribution`                       | paper: contrastive, distributions    |
| L_I      | loss `instance`                           | paper: contrastive, pairs            |
| L        | ce + λ_D L_D + λ_I L_I                    | paper: joint; λ: training config     |
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mer_core.alignment.contrastive import (
    Targets,
    contrastive_loss,
    sigmoid_contrastive_loss,
    targets_of,
)
from mer_core.alignment.distribution import (
    TEMPERATURE_RANGE,
    DistributionSimilarity,
    GaussianConstructor,
    Pool,
    SequenceGaussians,
    Similarity,
)
from mer_core.alignment.gaussians import Gaussians
from mer_core.alignment.token import AlignedTokens, Streams, TokenAlignment
from mer_core.encoders.base import Encoder
from mer_core.frameworks.base import MATCHED, Framework
from mer_core.layers.fusion import ModalityInput
from mer_core.layers.pooling import masked_mean
from mer_core.types import Features, Output

CHOICES = {
    "distribution_similarity": Similarity,
    "distribution_pool": Pool,
    "distribution_targets": Targets,
    "instance_targets": Targets,
}


@dataclass(frozen=True)
class MGCMAConfig:
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
    samples: int = 0
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        """Refuse unknown choices and values out of range."""
        for name, kind in CHOICES.items():
            value, choices = getattr(self, name), get_args(kind)
            if value not in choices:
                raise ValueError(f"{name} is {value!r}; it can be {', '.join(choices)}.")
        if self.samples < 0 or (self.samples and not self.distribution):
            raise ValueError("samples are draws from the distribution: 0 or more, 0 without it.")
        if self.instance_temperature <= 0:
            raise ValueError("instance_temperature must be above 0.")
        low, high = TEMPERATURE_RANGE
        first = self.distribution_temperature
        if first is not None and not low <= first <= high:
            raise ValueError(
                f"distribution_temperature must be in [{low}, {high}], but is {first}."
            )


class MGCMA(Framework):
    """Speech and text tokens → aligned in three granularities → logits."""

    def __init__(
        self,
        speech_encoder: Encoder,
        text_encoder: Encoder,
        labels: tuple[str, ...],
        config: MGCMAConfig | None = None,
    ) -> None:
        super().__init__()
        self.config = config = config or MGCMAConfig()
        self.labels = labels
        self.speech_encoder = speech_encoder
        self.text_encoder = text_encoder
        width = config.width
        self.speech_input = ModalityInput(speech_encoder.width, width, config.input_dropout)
        self.text_input = ModalityInput(text_encoder.width, width, config.input_dropout)
        block = {"feed_forward": config.feed_forward, "dropout": config.dropout}
        self.speech_gaussian: GaussianConstructor | None = None
        self.text_gaussian: GaussianConstructor | None = None
        self.distribution_similarity: DistributionSimilarity | None = None
        if config.distribution:
            pool, kind = config.distribution_pool, config.distribution_similarity
            self.speech_gaussian = GaussianConstructor(width, config.heads, pool=pool, **block)
            self.text_gaussian = GaussianConstructor(width, config.heads, pool=pool, **block)
            self.distribution_similarity = DistributionSimilarity(
                kind,
                width,
                temperature=config.distribution_temperature,
                learn=config.learn_distribution_temperature,
            )
        self.token_alignment: TokenAlignment | None = None
        if config.token:
            self.token_alignment = TokenAlignment(
                width, config.heads, config.self_layers, config.cross_layers, **block
            )
        self.speech_embed = nn.Linear(width, width) if config.instance else nn.Identity()
        self.text_embed = nn.Linear(width, width) if config.instance else nn.Identity()
        self.classifier = nn.Sequential(
            nn.Linear(2 * width, width),
            nn.GELU(),
            nn.Dropout(config.classifier_dropout),
            nn.Linear(width, len(labels)),
        )

    def architecture(self) -> dict[str, Any]:
        """Everything but the weights that `build_framework` needs to make this model again."""
        return {
            "framework": "mgcma",
            "speech_encoder": self.speech_encoder.architecture(),
            "text_encoder": self.text_encoder.architecture(),
            **asdict(self.config),
        }

    def fuse(self, features: dict[str, Features]) -> Output:
        """Logits (B, C), embeddings before and after alignment, Gaussians, attention, masks.

        Features, with D the config's width: `speech_pooled` (B, D) before any alignment,
        `speech_embedding` (B, D) after it but before fusion, L2-normalised, `speech_present` (B,);
        `speech_mean` and `speech_std` (B, D) with distribution alignment; likewise for text.
        Attention with token alignment: `speech_to_text` (B, Ts, Tt), `text_to_speech` (B, Tt, Ts).
        Masks: `speech` (B, Ts), `text` (B, Tt); of an absent modality, one stand-in is valid.
        """
        speech = self.speech_input(features["speech"])
        text = self.text_input(features["text"])
        views, named = self._views(speech, text)
        streams = [self._align(s, speech.mask, t, text.mask) for s, t in views]
        # MAP: averaged over the means and the draws
        logits = torch.stack([self._classify(s, speech.mask, text.mask) for s in streams]).mean(0)
        means = streams[0]  # draws only add to the logits
        named |= {
            "speech_pooled": masked_mean(speech.tokens, speech.mask),  # (B, D)
            "text_pooled": masked_mean(text.tokens, text.mask),
            "speech_embedding": _embed(self.speech_embed, means.speech_prefusion, speech.mask),
            "text_embedding": _embed(self.text_embed, means.text_prefusion, text.mask),
            "speech_present": speech.present,
            "text_present": text.present,
        }
        attention = {}
        if isinstance(means, AlignedTokens):
            attention["speech_to_text"] = means.speech_to_text
            attention["text_to_speech"] = means.text_to_speech
        return Output(logits, named, attention, {"speech": speech.mask, "text": text.mask})

    def losses(self, output: Output, labels: Tensor) -> dict[str, Tensor]:
        """`ce`, and `distribution` and `instance` where switched on; float32 scalars."""
        logits = output.logits.float()
        smoothing = self.config.label_smoothing
        losses = {"ce": F.cross_entropy(logits, labels, label_smoothing=smoothing)}
        with torch.autocast(logits.device.type, enabled=False):
            if self.distribution_similarity is not None:
                losses["distribution"] = self._distribution_loss(output, labels)
            if self.config.instance:
                losses["instance"] = self._instance_loss(output, labels)
        return losses

    def constrain_(self) -> None:
        """Keep τ of the distribution term within `TEMPERATURE_RANGE`."""
        if self.distribution_similarity is not None:
            self.distribution_similarity.constrain_()

    def _views(
        self, speech: Features, text: Features
    ) -> tuple[list[tuple[Tensor, Tensor]], dict[str, Tensor]]:
        """Pairs of token streams to fuse, the means first, and the utterances' Gaussians."""
        if self.speech_gaussian is None or self.text_gaussian is None:
            return [(speech.tokens, text.tokens)], {}
        of_speech: SequenceGaussians = self.speech_gaussian(speech.tokens, speech.mask)
        of_text: SequenceGaussians = self.text_gaussian(text.tokens, text.mask)
        draws = self.config.samples if self.training else 0
        views = [(of_speech.mean, of_text.mean)]
        views += [(of_speech.draw(), of_text.draw()) for _ in range(draws)]
        return views, {
            "speech_mean": of_speech.utterance.mean,  # (B, D)
            "speech_std": of_speech.utterance.std,
            "text_mean": of_text.utterance.mean,
            "text_std": of_text.utterance.std,
        }

    def _align(
        self, speech: Tensor, speech_mask: Tensor, text: Tensor, text_mask: Tensor
    ) -> Streams:
        """Token alignment, or the tokens as they are where it is off."""
        if self.token_alignment is None:
            return Streams(speech, text, speech, text)
        return self.token_alignment(speech, speech_mask, text, text_mask)

    def _classify(self, streams: Streams, speech_mask: Tensor, text_mask: Tensor) -> Tensor:
        """Masked means side by side → logits."""
        pooled = [masked_mean(streams.speech, speech_mask), masked_mean(streams.text, text_mask)]
        return self.classifier(torch.cat(pooled, dim=1))  # (B, 2 D) → (B, C)

    def _distribution_loss(self, output: Output, labels: Tensor) -> Tensor:
        """L_D: contrast of Sim(W2) between the Gaussians of speech and text."""
        assert self.distribution_similarity is not None
        features = output.features
        logits = self.distribution_similarity(
            Gaussians(features["speech_mean"], features["speech_std"]),
            Gaussians(features["text_mean"], features["text_std"]),
        )  # (B, B)
        targets = targets_of(self.config.distribution_targets, labels)
        if self.config.distribution_similarity == "sigmoid":
            return sigmoid_contrastive_loss(logits, targets, _alignable(output))
        return contrastive_loss(logits, targets, _alignable(output))

    def _instance_loss(self, output: Output, labels: Tensor) -> Tensor:
        """L_I: contrast of cosines between the embeddings of speech and text."""
        cosine = output.features["speech_embedding"] @ output.features["text_embedding"].T  # (B, B)
        targets = targets_of(self.config.instance_targets, labels)
        logits = cosine / self.config.instance_temperature
        return contrastive_loss(logits, targets, _alignable(output))


def _embed(projection: nn.Module, tokens: Tensor, mask: Tensor) -> Tensor:
    """(B, T, D) before fusion → (B, D) of length 1.

    After fusion each side would already contain its partner, and finding it would be trivial.
    """
    return F.normalize(projection(masked_mean(tokens, mask)).float(), dim=1)


def _alignable(output: Output) -> Tensor:
    """(B,) bool: where both modalities are present and, as far as known, share a label."""
    both = output.features["speech_present"] & output.features["text_present"]
    return both & output.masks.get(MATCHED, both)
