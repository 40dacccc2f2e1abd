"""One experiment, as a frozen dataclass; a TOML file holds what differs from the defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mer_core.atlas.reference import Pairing
from mer_core.data import check_corpus
from mer_core.emotions import LABEL_SETS

PICTURES = ("face", "whole")


@dataclass(frozen=True)
class SourceConfig:
    """Where one modality's examples come from, and how training augments them.

    Attributes:
        corpora: Names as of `load_corpus` → share of the draws; shares are normalised.
        balance: 0 draws classes as they occur, 1 draws every class of a corpus equally often.
        crop_seconds: Longest random crop in training; 0 keeps whole clips.
        speeds: Factors of playing speed, one drawn for each clip (training only).
        gain_db: Largest change of level, up or down, in dB (training only).
        noise_probability: Share of clips with coloured noise (training only).
        noise_db: Least and greatest signal-to-noise ratio of that noise.
        room_probability: Share of clips with reverberation (training only).
        band_pass_probability: Share of clips as by telephone or poor microphone (training only).
        clip_probability: Share of clips with their peaks cut off (training only).
        opus_probability: Share of clips coded at low rates (training only); 50 ms a clip.
        transcript_probability: Share of texts as a transcriber writes speech (training only).
        speakers: Split → its speakers (or writers, dialogues), instead of the corpora's own splits;
            a split that is not named is empty.
        views: Augmented copies of an example, where features are cached for a frozen encoder.
        frames: Of the clip that is made from a picture; 1 = the picture as it is. Of a film: at
            even intervals, at most 150.
        picture: What is taken of a film's frames: `face`, the followed face, or `whole`, the middle
            of the whole (half) picture as CLIP sees it.
        picture_size: Side of a film's pictures, pixels: what their encoder reads (224 is CLIP's,
            48 the compact face encoder's).
    """

    corpora: dict[str, float] = field(default_factory=dict)
    balance: float = 1.0
    crop_seconds: float = 3.0
    speeds: tuple[float, ...] = (1.0,)
    gain_db: float = 0.0
    noise_probability: float = 0.0
    noise_db: tuple[float, ...] = (5.0, 40.0)
    room_probability: float = 0.0
    band_pass_probability: float = 0.0
    clip_probability: float = 0.0
    opus_probability: float = 0.0
    transcript_probability: float = 0.0
    speakers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    views: int = 4
    frames: int = 1
    picture: str = "face"
    picture_size: int = 224

    def __post_init__(self) -> None:
        if self.picture not in PICTURES:
            raise ValueError(f"picture = {self.picture!r}: must be {' or '.join(PICTURES)}.")
        for corpus in self.corpora:
            check_corpus(corpus)
        if len(self.noise_db) != 2 or self.noise_db[0] > self.noise_db[1]:
            raise ValueError(f"noise_db = {list(self.noise_db)}: must be two numbers, lower first.")

    def changes(self, modality: str) -> dict[str, Any]:
        """How an example of a modality is changed, whichever are drawn; for cache keys."""
        other = {"corpora", "balance", "speakers", "views", "picture", "picture_size"}
        if modality != "text":
            other.add("transcript_probability")
        return {name: value for name, value in vars(self).items() if name not in other}


@dataclass(frozen=True)
class OptimConfig:
    """How the weights are optimised.

    Attributes:
        epochs: At most; early stopping may end training sooner.
        draws: Examples in an epoch; 0 = as many as the training split has.
        batch_size: Utterances in a batch.
        accumulate: Batches in an update; the last one of an epoch may have fewer.
        learning_rate: Peak, for the parts that are trained from scratch.
        encoder_learning_rate: Peak, for encoders that are fine-tuned; 0 = the same as the rest.
        layer_decay: Factor of that peak for each layer below an encoder's last one.
        weight_decay: Of weights; norms, biases and temperatures do not decay.
        schedule: `cosine`, `linear` or `constant` after the warm-up.
        warmup: Share of all updates.
        ema: Decay of the averaged weights that are evaluated and saved; 0 = the last weights.
        select: Keep the weights of the best development epoch; false: train all epochs, keep the
            last weights and look at no development data.
        patience: Epochs without a better development figure before stopping.
        precision: `auto` (bf16 if the hardware supports it), `bf16` or `fp32`.
    """

    epochs: int = 30
    draws: int = 0
    batch_size: int = 32
    accumulate: int = 1
    learning_rate: float = 1e-4
    encoder_learning_rate: float = 0.0
    layer_decay: float = 1.0
    weight_decay: float = 0.01
    schedule: str = "linear"
    warmup: float = 0.1
    clip: float = 1.0
    ema: float = 0.0
    select: bool = True
    patience: int = 10
    precision: str = "auto"


@dataclass(frozen=True)
class EngineConfig:
    """How the machine is used; no figure depends on it, but for rounding.

    Attributes:
        workers: Processes that decode and augment ahead of the training; -1: four beside a GPU,
            none on a CPU. None where features are cached.
        save_updates: Updates after which the state is saved within an epoch; 0: after epochs only,
            and a stopped run repeats the epoch that it was in.
        gradient_checkpointing: Compute pretrained encoders twice instead of keeping all that they
            computed: a third more time for a fraction of the memory.
        compile: Pass the framework through `torch.compile`; pays where many batches have one shape.
    """

    workers: int = -1
    save_updates: int = 0
    gradient_checkpointing: bool = False
    compile: bool = False

    def __post_init__(self) -> None:
        if self.workers < -1:
            raise ValueError(f"workers is {self.workers}; it must be -1 or more.")
        if self.save_updates < 0:
            raise ValueError(f"save_updates is {self.save_updates}; it must be 0 or more.")


@dataclass(frozen=True)
class Experiment:
    """Everything that defines a run and its numbers.

    Attributes:
        name: Of the run; its folder is `runs/<name>` unless `--out` is given.
        labels: Key of `LABEL_SETS`.
        architecture: What `build_framework` takes; `from` in an encoder's table names the
            checkpoint folder it starts from, and `modality` which of its encoders.
        freeze_encoders: Compute the encoders' features once and train only the rest.
        cache_frozen: Compute once what the frozen layers of an encoder give, for every example of
            its corpora. A single encoder trains the layers above; a framework on frozen encoders
            computes their features from it. Runs on other speakers share it, and so do runs of
            either kind with the same seed, corpora and augmentation.
        sources: By modality (`speech`, `text`, `video`); with two, the first one's examples make up
            an epoch, and the second one's are their partners.
        pairing: `label`: a partner is any example of the same label, drawn again in every epoch.
            `natural`: in corpora that both sources name, the partner is the other half of the same
            recording, and a recording without it is that half alone; examples of other corpora are
            paired by label, with one another.
        drop_modality: Modality → probability that training hides it in an utterance.
        neutral_partners: Modality → share of training pairs of which this half is neutral whatever
            the label: most words and many faces say little, and must not talk the other half out of
            its emotion. Of pairs by label with both halves; they train recognition and no
            alignment.
        restrict_classes: Choose, in training, among the labels of an example's own corpus only; for
            a single encoder, whose corpora have different label sets.
        loss_weights: Term → weight; the default is 1.
        averaged_runs: Runs from the same first weights, each with the examples in another order,
            whose weights are averaged in the end (`train.averaging`).
        view_seed: Of the augmented copies whose features are cached; None: `seed`. Seeds that share
            it differ in first weights, in the order of examples and in which copy is drawn.
        engine: How the machine is used.
    """

    name: str
    seed: int = 0
    labels: str = "four"
    architecture: dict[str, Any] = field(default_factory=dict)
    freeze_encoders: bool = False
    cache_frozen: bool = False
    sources: dict[str, SourceConfig] = field(default_factory=dict)
    pairing: str = Pairing.LABEL.value
    drop_modality: dict[str, float] = field(default_factory=dict)
    neutral_partners: dict[str, float] = field(default_factory=dict)
    restrict_classes: bool = False
    loss_weights: dict[str, float] = field(default_factory=dict)
    averaged_runs: int = 1
    view_seed: int | None = None
    optim: OptimConfig = field(default_factory=OptimConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)

    @property
    def seed_of_views(self) -> int:
        """Of the augmented copies that are cached."""
        return self.seed if self.view_seed is None else self.view_seed

    def __post_init__(self) -> None:
        if self.averaged_runs < 1:
            raise ValueError(f"averaged_runs is {self.averaged_runs}; it must be 1 or more.")
        if self.labels not in LABEL_SETS:
            raise ValueError(f"labels = {self.labels!r}: must be one of {', '.join(LABEL_SETS)}.")
        if self.restrict_classes and len(self.sources) > 1:
            raise ValueError("restrict_classes is for an experiment with one source.")
        if self.pairing not in set(Pairing):
            raise ValueError(f"pairing = {self.pairing!r}: must be {' or '.join(Pairing)}.")
        if self.pairing == Pairing.NATURAL:
            self._check_natural()

    @property
    def natural_corpora(self) -> tuple[str, ...]:
        """Corpora whose recordings are trained and measured as pairs; none with `label`."""
        if self.pairing != Pairing.NATURAL or len(self.sources) != 2:
            return ()
        lead, partner = self.sources.values()
        return tuple(corpus for corpus in lead.corpora if corpus in partner.corpora)

    def _check_natural(self) -> None:
        """Every corpus has partners: its recordings' other halves, or a corpus to pair by label.

        Raises:
            ValueError: No corpus is named by both sources, or one would never be drawn.
        """
        if not self.natural_corpora:
            raise ValueError(
                "pairing = 'natural' needs two sources that name the same corpus, whose recordings "
                "have both halves; different corpora are paired with pairing = 'label'."
            )
        by_label = {
            modality: [name for name in source.corpora if name not in self.natural_corpora]
            for modality, source in self.sources.items()
        }
        (lead, leads), (partner, partners) = by_label.items()
        if bool(leads) != bool(partners):
            unpaired, lacking = (leads, partner) if leads else (partners, lead)
            raise ValueError(
                f"{', '.join(unpaired)} would have no partners: [sources.{lacking}] names only "
                "corpora that are paired by recording. Add another one there, or leave it out."
            )
