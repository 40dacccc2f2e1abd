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
Beyond the paper, off unless set: the joint contrast, centred embeddings, a learned instance τ.

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
| –        | loss `joint`                              | ours: SupCon over both modalities    |
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mer_core.alignment.contrastive import (
    contrastive_loss,
    sigmoid_contrastive_loss,
    targets_of,
)
from mer_core.alignment.distribution import (
    DistributionSimilarity,
    GaussianConstructor,
    SequenceGaussians,
)
from mer_core.alignment.gaussians import Gaussians
from mer_core.alignment.temperature import clamp_temperature_
from mer_core.alignment.token import AlignedTokens, Streams, TokenAlignment
from mer_core.encoders.base import Encoder
from mer_core.frameworks.base import Framework, alignable
from mer_core.frameworks.embeddings import Embeddings
from mer_core.frameworks.mgcma_config import MGCMAConfig
from mer_core.layers.fusion import ModalityInput
from mer_core.layers.pooling import masked_mean
from mer_core.types import Features, Output

MODALITIES = ("speech", "text")


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
        embedded = config.instance or config.joint
        self.speech_embed = nn.Linear(width, width) if embedded else nn.Identity()
        self.text_embed = nn.Linear(width, width) if embedded else nn.Identity()
        self.embeddings = Embeddings(dict.fromkeys(MODALITIES, width), config)
        self.log_instance_temperature: nn.Parameter | None = None
        if config.instance and config.learn_instance_temperature:
            first = torch.tensor(math.log(config.instance_temperature))
            self.log_instance_temperature = nn.Parameter(first)
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
        `speech_uncentred` (B, D), if centred, from which the losses make theirs; `speech_mean` and
        `speech_std` (B, D) with distribution alignment; likewise for text.
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
            **self._embed("speech", self.speech_embed, means.speech_prefusion, speech.mask),
            **self._embed("text", self.text_embed, means.text_prefusion, text.mask),
            "speech_present": speech.present,
            "text_present": text.present,
        }
        attention = {}
        if isinstance(means, AlignedTokens):
            attention["speech_to_text"] = means.speech_to_text
            attention["text_to_speech"] = means.text_to_speech
        return Output(logits, named, attention, {"speech": speech.mask, "text": text.mask})

    def losses(self, output: Output, labels: Tensor) -> dict[str, Tensor]:
        """`ce`, and `distribution`, `instance` and `joint` where switched on; float32 scalars."""
        output = self.embeddings.of_batch(output)
        logits = output.logits.float()
        smoothing = self.config.label_smoothing
        losses = {"ce": F.cross_entropy(logits, labels, label_smoothing=smoothing)}
        with torch.autocast(logits.device.type, enabled=False):
            if self.distribution_similarity is not None:
                losses["distribution"] = self._distribution_loss(output, labels)
            if self.config.instance:
                losses["instance"] = self._instance_loss(output, labels)
        return losses | self.embeddings.losses(output, labels)

    def constrain_(self) -> None:
        """Keep learned temperatures within their ranges."""
        if self.distribution_similarity is not None:
            self.distribution_similarity.constrain_()
        if self.log_instance_temperature is not None:
            floor = self.config.instance_temperature_floor
            clamp_temperature_(self.log_instance_temperature, floor)

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

    def _embed(
        self, modality: str, projection: nn.Module, tokens: Tensor, mask: Tensor
    ) -> dict[str, Tensor]:
        """(B, T, D) before fusion → features (B, D).

        After fusion each side would already contain its partner; finding it would be trivial.
        """
        return self.embeddings(modality, projection(masked_mean(tokens, mask)))

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
            return sigmoid_contrastive_loss(logits, targets, alignable(output, *MODALITIES))
        return contrastive_loss(logits, targets, alignable(output, *MODALITIES))

    def _instance_loss(self, output: Output, labels: Tensor) -> Tensor:
        """L_I: contrast of cosines between the embeddings of speech and text."""
        cosine = output.features["speech_embedding"] @ output.features["text_embedding"].T  # (B, B)
        targets = targets_of(self.config.instance_targets, labels)
        learned = self.log_instance_temperature
        temperature = self.config.instance_temperature if learned is None else learned.exp()
        return contrastive_loss(cosine / temperature, targets, alignable(output, *MODALITIES))
