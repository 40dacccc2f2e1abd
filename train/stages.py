"""From a configuration to a trained checkpoint: what `fit` and `prune` do."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from mer_core.checkpoints.checkpoint import load_encoder, save_checkpoint
from mer_core.checkpoints.weights import encoder_attributes, parameters
from mer_core.data import load_corpus
from mer_core.emotions import LABEL_SETS
from mer_core.encoders.base import CachedEncoder, Encoder
from mer_core.encoders.text_tokens import TextTokenizer
from mer_core.frameworks.base import Framework
from mer_core.frameworks.registry import build_framework
from mer_core.frameworks.unimodal import Unimodal
from train.averaging import fit_averaged
from train.config import Experiment
from train.data.paired_task import PairedTask
from train.data.tasks import SingleTask
from train.distributed import World
from train.loop import Observe, updates_per_epoch
from train.prune import prune

# 7 500 pieces cover 97.7 % of the training texts' word pieces; five layers keep it under 12 M.
VOCABULARY = 7_500
LAYERS = (0, 1, 2, 3, 4)


def fit_experiment(
    experiment: Experiment,
    root: Path,
    folder: Path,
    device: torch.device,
    cache: Path,
    world: World | None = None,
    observe: Observe | None = None,
) -> Framework:
    """Train (or resume) one experiment and write its checkpoint to `folder`.

    With a `world` of several processes, all of them must call this. `observe` is shown the whole
    network after every epoch, see `train.loop.fit`.
    """
    world = world or World(device)
    torch.manual_seed(experiment.seed)
    framework = start(experiment)
    tokenize = tokenizer_of(framework)
    frozen = detach_encoders(framework) if experiment.freeze_encoders else None
    task: SingleTask | PairedTask
    with world.first_alone():
        if len(experiment.sources) == 1:
            lower = frozen_part(framework) if experiment.cache_frozen else None
            task = SingleTask(
                experiment, root, tokenize=tokenize, frozen=lower, device=device, cache=cache
            )
        else:
            encoders = {e.modality: e for e in frozen.values()} if frozen else None
            task = PairedTask(
                experiment, root, tokenize=tokenize, encoders=encoders, device=device, cache=cache
            )
    if world.is_first:
        print(
            f"{experiment.name}: {parameters(framework):,} parameters to train, "
            f"{updates_per_epoch(task, experiment.optim)} updates an epoch",
            flush=True,
        )
    # Convolutions over (time, frequency) run several times faster in this layout.
    framework.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if observe and frozen:
        observe = with_encoders(observe, frozen, device)
    framework = fit_averaged(framework, task, experiment, folder, device, world, observe).cpu()
    for attribute, encoder in (frozen or {}).items():
        setattr(framework, attribute, encoder.cpu())
    if world.is_first:
        save_checkpoint(folder, framework, experiment=dataclasses.asdict(experiment))
    return framework


def detach_encoders(framework: Framework) -> dict[str, Encoder]:
    """Replace the encoders by ones that read cached features.

    Returns:
        Attribute of the framework → the encoder that was there.
    """
    encoders = encoder_attributes(framework)
    for attribute, encoder in encoders.items():
        setattr(framework, attribute, CachedEncoder(encoder.modality, encoder.width))
    return encoders


def with_encoders(
    observe: Observe, encoders: Mapping[str, Encoder], device: torch.device
) -> Observe:
    """The same observer of a framework from which `encoders` were detached: it sees them in place.

    Args:
        observe: Of the whole network.
        encoders: Attribute → encoder, as `detach_encoders` returns them.
        device: Of the framework.
    """
    for encoder in encoders.values():
        encoder.to(device).eval()

    def whole(framework: Framework, epoch: int) -> None:
        detached = encoder_attributes(framework)
        for attribute, encoder in encoders.items():
            setattr(framework, attribute, encoder)
        observe(framework, epoch)
        for attribute, stand_in in detached.items():
            setattr(framework, attribute, stand_in)

    return whole


def frozen_part(framework: Framework) -> Encoder:
    """What of the only encoder never learns.

    Raises:
        ValueError: Nothing of it can be taken apart.
    """
    (encoder,) = framework.encoders().values()
    lower = encoder.frozen_part()
    if lower is None:
        raise ValueError("cache_frozen needs an encoder with frozen layers, such as Whisper's.")
    return lower


def start(experiment: Experiment) -> Framework:
    """The framework to train, with encoders of earlier stages where `from` names their folder."""
    architecture = dict(experiment.architecture)
    encoders: dict[str, Encoder] = {}
    for key, table in architecture.items():
        if isinstance(table, dict) and "from" in table:
            encoder = load_encoder(Path(table["from"]), table.get("modality"))
            architecture[key] = CachedEncoder(encoder.modality, encoder.width).architecture()
            encoders[key] = encoder
    framework = build_framework(architecture, LABEL_SETS[experiment.labels])
    for key, encoder in encoders.items():
        setattr(framework, key, encoder)
    return framework


def tokenizer_of(framework: Framework) -> TextTokenizer | None:
    """The tokenizer of the encoder that reads text, if there is one."""
    tokenizers = (encoder.tokenizer for encoder in framework.encoders().values())
    return next((tokenizer for tokenizer in tokenizers if tokenizer), None)


def prune_text_encoder(
    experiment: Experiment,
    root: Path,
    source: Path,
    folder: Path,
    vocabulary: int = VOCABULARY,
    layers: Sequence[int] = LAYERS,
) -> None:
    """Write `source`, cut down by the texts of `experiment`'s training corpora, to `folder`."""
    corpora = experiment.sources["text"].corpora
    texts = [e.text or "" for c in corpora for e in load_corpus(c, root, split="train")]
    encoder = prune(source, texts, vocabulary=vocabulary, layers=layers)
    save_checkpoint(folder, Unimodal(encoder, LABEL_SETS[experiment.labels]))
    print(f"{folder}: {parameters(encoder):,} parameters, {len(layers)} layers")
