"""Foal-Net: fusion after alignment, for audio and video (arXiv 2408.09438).

Li, Gao, Wen, Wang, Li: "Enhancing Modal Fusion by Alignment and Label Matching for Multimodal
Emotion Recognition", Interspeech 2024.

The paper's, completed by its authors' released code: the order (align, then fuse); the projection;
AVEL, which draws audio and video of one emotion together across the batch; cross-attention each
way over the encoders' own tokens; MEM, which separates matching pairs from hard negatives; the
classifier; L = L_ce + 1.0 L_a + 0.1 L_m (weights: training config).
The released code's: τ, learned and a divisor, starts at log(1/0.07) = 2.659, which in CLIP is the
initial value of the logarithm of a *factor*. It makes a soft temperature: cosines become logits
within ±0.38, and hard negatives are drawn almost evenly. It is a setting (0.07: as in CLIP), and
2.659 stays the default because a soft temperature also brings the two clouds together.
Ours: τ is learned as a logarithm and bounded; the joint contrast and centred embeddings, both off
unless set; positives are averaged unless `average_positives` is off; own pairs are fused once, for
the classifier and MEM alike; a learned stand-in for an absent modality; incomplete utterances take
no part in AVEL and MEM; in a batch of one label no negatives are drawn (released: negatives of the
same label).
Encoders are injected: released were WavLM-large, tuned, and CLIP-large, frozen.

The paper numbers 16 equations. The formulas here come from the code, without their numbers, so
lines are tagged by symbol.

| symbol         | here                                 | source                                  |
|----------------|--------------------------------------|-----------------------------------------|
| A, V           | `audio_tokens`, `video_tokens`       | encoders' last layers                   |
| a, v           | `audio_pooled`, `video_pooled`       | masked means of A and V                 |
| P_a, P_v       | `audio_embedding`, `video_embedding` | Projection, L2-normalised               |
| τ              | `log_temperature`, its logarithm     | code: divisor                           |
| C^a2v, C^v2a   | `similarity`, and its transpose      | cosines / τ                             |
| Y              | `same_label_targets`                 | paper: 1 where labels agree             |
| L_a            | loss `avel`                          | AVEL: audio-video emotion alignment     |
| L_m            | loss `mem`                           | MEM: cross-modal emotion label matching |
| L_ce           | loss `ce`                            | classifier                              |
| –              | loss `joint`                         | ours, off; SupCon over both modalities  |
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mer_core.alignment.contrastive import contrastive_loss, same_label_targets
from mer_core.alignment.matching import hard_negatives, matching_loss
from mer_core.alignment.temperature import TEMPERATURE_RANGE, check_learned, clamp_temperature_
from mer_core.encoders.base import Encoder
from mer_core.frameworks.base import Framework, alignable
from mer_core.frameworks.embeddings import Embeddings, Extensions
from mer_core.layers.fusion import CrossAttentionFusion, ModalityInput
from mer_core.layers.heads import Projection, match_head
from mer_core.layers.pooling import masked_mean
from mer_core.types import Features, Output

PAPER_NAMES = {"speech": "audio"}  # ours → the paper's; other modalities keep their names


@dataclass(frozen=True)
class FoalNetConfig(Extensions):
    """Shape and switches; weights of the loss terms belong to the training config.

    Attributes:
        projection_width: Of the space in which AVEL compares; released: 512.
        width: Both modalities' tokens are brought to it first. None as released, which tunes one
            encoder; with frozen ones nothing before fusion would be learned, and no space shared.
        heads: Of every attention, a divisor of both modalities' widths; released: 4.
        layers: Cross-attention layers each way; released: 2.
        dropout: Behind every attention; released: 0.1.
        input_dropout: Of whole channels of the encoders' tokens; for frozen encoders, which have
            memorised their training clips. 0 as released, where one encoder is tuned.
        projection_dropout: Within the projection; released: 0.5.
        classifier_dropout: Before the last layer. Released: WavLM's own `final_dropout`; 0.1 is
            WavLM's default.
        avel: Whether audio and video of one emotion are drawn together.
        mem: Whether matching pairs are separated from hard negatives.
        match_hidden: Width of a hidden layer in MEM's heads; 0: linear, as released. What they read
            is a sum over both modalities, and whether two summands agree is no linear function of
            their sum. Tuned encoders can learn around that, frozen ones cannot.
        temperature: First τ, which divides the cosines. 2.659 as released, which is soft: the
            modality gap closes, and hard negatives are hardly harder than others. 0.07 is sharp.
        learn_temperature: Whether τ is trained, as released; here within `TEMPERATURE_RANGE`.
        temperature_floor: The lowest τ that can be learned; 0.5 keeps it soft. Ours.
        average_positives: Divide AVEL's sum over positives by their number. So it grows neither
            with the batch nor with the frequency of a label, and a weight of 1.0 means the same
            at any batch size. False: the sum, as released (about 11 at the start in a batch of 16
            with four labels, 8 times the cross-entropy).
        label_smoothing: Of the cross-entropy; none, as released.
    """

    projection_width: int = 512
    width: int | None = None
    heads: int = 4
    layers: int = 2
    dropout: float = 0.1
    input_dropout: float = 0.0
    projection_dropout: float = 0.5
    classifier_dropout: float = 0.1
    avel: bool = True
    mem: bool = True
    match_hidden: int = 0
    temperature: float = 2.659
    learn_temperature: bool = True
    temperature_floor: float = TEMPERATURE_RANGE[0]
    average_positives: bool = True
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        super().__post_init__()
        for name in ("projection_width", "width", "heads", "layers"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ValueError(f"{name} must be 1 or more, but is {value}.")
        for name in ("dropout", "input_dropout", "projection_dropout", "classifier_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be in [0, 1), but is {getattr(self, name)}.")
        if self.match_hidden < 0:
            raise ValueError(f"match_hidden must be 0 or more, but is {self.match_hidden}.")
        low, high = TEMPERATURE_RANGE
        if not low <= self.temperature <= high:
            raise ValueError(f"temperature must be in [{low}, {high}], but is {self.temperature}.")
        if self.learn_temperature:
            check_learned("temperature", self.temperature, self.temperature_floor)
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(f"label_smoothing must be in [0, 1), but is {self.label_smoothing}.")


class FoalNet(Framework):
    """Audio and video tokens → aligned by label → fused by cross-attention → logits.

    The names of outputs follow the encoders: `audio_*` and `video_*` as in the paper, and `text_*`
    where a text encoder is given in place of one. Parts and weights keep the paper's names.
    """

    def __init__(
        self,
        audio_encoder: Encoder,
        video_encoder: Encoder,
        labels: tuple[str, ...],
        config: FoalNetConfig | None = None,
    ) -> None:
        super().__init__()
        self.config = config = config or FoalNetConfig()
        self.labels = labels
        self.audio_encoder = audio_encoder
        self.video_encoder = video_encoder
        self.modalities = tuple(_paper_name(e) for e in (audio_encoder, video_encoder))
        if self.modalities[0] == self.modalities[1]:
            raise ValueError(
                f"Foal-Net fuses two modalities; both encoders read {self.modalities[0]}."
            )
        audio, video = config.width or audio_encoder.width, config.width or video_encoder.width
        self.audio_input = ModalityInput(audio_encoder.width, config.width, config.input_dropout)
        self.video_input = ModalityInput(video_encoder.width, config.width, config.input_dropout)
        self.audio_embed: nn.Module = nn.Identity()
        self.video_embed: nn.Module = nn.Identity()
        widths = (audio, video)
        if config.avel or config.joint:
            shape = config.projection_width, config.projection_dropout
            self.audio_embed = Projection(audio, *shape)
            self.video_embed = Projection(video, *shape)
            widths = (config.projection_width, config.projection_width)
        self.embeddings = Embeddings(dict(zip(self.modalities, widths, strict=True)), config)
        if config.avel:
            self.log_temperature = nn.Parameter(
                torch.tensor(math.log(config.temperature)), requires_grad=config.learn_temperature
            )
        self.fusion = CrossAttentionFusion(
            audio, video, config.heads, config.layers, config.dropout
        )
        if config.mem:
            self.audio_match = match_head(audio, config.match_hidden)
            self.video_match = match_head(video, config.match_hidden)
        self.classifier = nn.Sequential(
            nn.Dropout(config.classifier_dropout), nn.Linear(audio + video, len(labels))
        )

    def encoders(self) -> dict[str, Encoder]:
        """`audio` and `video`, or `text` where a text encoder was given in place of one."""
        return dict(zip(self.modalities, (self.audio_encoder, self.video_encoder), strict=True))

    def architecture(self) -> dict[str, Any]:
        """Everything but the weights that `build_framework` needs to make this model again."""
        return {
            "framework": "foal_net",
            "audio_encoder": self.audio_encoder.architecture(),
            "video_encoder": self.video_encoder.architecture(),
            **asdict(self.config),
        }

    def fuse(self, features: dict[str, Features]) -> Output:
        """Logits (B, C), tokens, embeddings before and after alignment, matching, attention, masks.

        Features, of audio and likewise of video: `audio_pooled` (B, Da) before alignment;
        `audio_embedding` (B, D) after it but before fusion, L2-normalised (without AVEL and joint:
        the pooled tokens, which have a space in common only if `width` is set); `audio_present`
        (B,). If centred, `audio_uncentred` (B, D), from which the losses make theirs.
        With MEM: `audio_tokens` (B, Ta, Da), from which `losses` fuses drawn pairs, and
        `match_logits` (B, 2, 2) of (audio that looked at video, video that looked at audio) ×
        (different, same), without meaning where one is absent.
        Attention: `audio_to_video` (B, Ta, Tv), `video_to_audio` (B, Tv, Ta).
        Masks: `audio` (B, Ta), `video` (B, Tv); of an absent modality, one stand-in is valid.
        """
        a, v = self.modalities
        audio, video = self.audio_input(features[a]), self.video_input(features[v])
        audio_pooled = masked_mean(audio.tokens, audio.mask)  # (B, Da)
        video_pooled = masked_mean(video.tokens, video.mask)  # (B, Dv)
        fused = self.fusion(audio, video)
        named = {
            f"{a}_pooled": audio_pooled,
            f"{v}_pooled": video_pooled,
            **self.embeddings(a, self.audio_embed(audio_pooled)),  # (B, D)
            **self.embeddings(v, self.video_embed(video_pooled)),
            f"{a}_present": audio.present,
            f"{v}_present": video.present,
        }
        if self.config.mem:
            matches = [self.audio_match(fused.audio), self.video_match(fused.video)]  # (B, 2) each
            named["match_logits"] = torch.stack(matches, dim=1)  # (B, 2, 2)
            named |= {f"{a}_tokens": audio.tokens, f"{v}_tokens": video.tokens}
        return Output(
            self.classifier(torch.cat([fused.audio, fused.video], dim=1)),  # (B, Da + Dv) → (B, C)
            named,
            {f"{a}_to_{v}": fused.audio_to_video, f"{v}_to_{a}": fused.video_to_audio},
            {a: audio.mask, v: video.mask},
        )

    def losses(self, output: Output, labels: Tensor) -> dict[str, Tensor]:
        """`ce`, and `avel`, `mem` and `joint` where on; float32 scalars. `mem` draws negatives."""
        output = self.embeddings.of_batch(output)
        logits = output.logits.float()
        smoothing = self.config.label_smoothing
        losses = {"ce": F.cross_entropy(logits, labels, label_smoothing=smoothing)}
        present = alignable(output, *self.modalities)  # pairs need both, of one label
        similarity = self._similarity(output)
        if self.config.avel:  # L_a, with Y as its targets
            average = self.config.average_positives
            losses["avel"] = contrastive_loss(
                similarity, same_label_targets(labels), present, average
            )
        if self.config.mem:  # L_m
            losses["mem"] = self._matching_loss(output, similarity, labels, present)
        return losses | self.embeddings.losses(output, labels)

    def constrain_(self) -> None:
        """Keep τ within its range."""
        if self.config.avel:
            clamp_temperature_(self.log_temperature, self.config.temperature_floor)

    def _both(self, output: Output, kind: str) -> tuple[Tensor, Tensor]:
        """The audio's and the video's feature of one kind."""
        audio, video = self.modalities
        return output.features[f"{audio}_{kind}"], output.features[f"{video}_{kind}"]

    def _similarity(self, output: Output) -> Tensor:
        """C^a2v (B, B): cosines over τ, audio against video.

        Without AVEL there is no τ, and cosines between two untrained spaces would be noise. So all
        are equally similar, and negatives are drawn evenly; at the released τ the noise would have
        nearly the same effect.
        """
        audio, video = self._both(output, "embedding")
        if not self.config.avel:
            return audio.new_zeros(len(audio), len(video))
        with torch.autocast(audio.device.type, enabled=False):
            return audio @ video.T / self.log_temperature.exp()

    def _matching_loss(
        self, output: Output, similarity: Tensor, labels: Tensor, present: Tensor
    ) -> Tensor:
        """L_m: each audio against one hard video, and each video against one hard audio."""
        audio, video = (
            Features(output.features[f"{name}_tokens"], output.masks[name], present)
            for name in self.modalities
        )
        hard_video, has_video = hard_negatives(similarity, labels, present)  # (B,) each
        hard_audio, has_audio = hard_negatives(similarity.T, labels, present)
        of_audio = self.fusion.audio_to_video(audio, _rows(video, hard_video))
        of_video = self.fusion.video_to_audio(video, _rows(audio, hard_audio))
        own = output.features["match_logits"]  # (B, 2, 2)
        a2v = matching_loss(own[:, 0], self.audio_match(of_audio.pooled), present, has_video)
        v2a = matching_loss(own[:, 1], self.video_match(of_video.pooled), present, has_audio)
        return (a2v + v2a) / 2


def _paper_name(encoder: Encoder) -> str:
    """What the paper calls an encoder's modality."""
    return PAPER_NAMES.get(encoder.modality, encoder.modality)


def _rows(features: Features, index: Tensor) -> Features:
    """The utterances at `index` (B,)."""
    return Features(features.tokens[index], features.mask[index], features.present[index])
