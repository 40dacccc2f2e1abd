"""Training a framework on label-paired speech and text, on live or on cached features."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mer_core.data import Example, collate
from mer_core.data.collate import Tokenize, collate_features
from mer_core.emotions import FOUR
from mer_core.encoders.base import Encoder
from mer_core.frameworks.base import Framework
from mer_core.metrics import confusion, unweighted_accuracy
from mer_core.types import Batch, FloatArray, Utterance
from train.config import Experiment
from train.draws import (
    batches_by_length,
    draw_indices,
    draw_weights,
    epoch_generator,
    label_partners,
)
from train.features import frozen_features
from train.pairs import Pair, evaluation_sets
from train.recordings import Recordings, augment_waveform
from train.tasks import source_examples

DEV_TEXTS = 1_000  # of each corpus, at every epoch; `evaluate` takes all


class PairedTask:
    """Clips drawn with texts of the same label, anew each epoch; either half may be hidden.

    With `encoders`, their features are computed once, for clips in several augmented views.
    """

    def __init__(
        self,
        experiment: Experiment,
        root: Path,
        *,
        tokenize: Tokenize | None,
        encoders: dict[str, Encoder] | None = None,
        device: torch.device | None = None,
        cache: Path | None = None,
    ) -> None:
        self.experiment, self.tokenize = experiment, tokenize
        self.speech, self.text = experiment.sources["speech"], experiment.sources["text"]
        self.clips = source_examples(self.speech, root, "train", FOUR)
        self.texts = source_examples(self.text, root, "train", FOUR)
        self.clip_weights = draw_weights(self.clips, self.speech)
        self.text_weights = draw_weights(self.texts, self.text)
        self.dev = evaluation_sets(experiment, root, "dev")
        for name, items in self.dev.items():
            if name.startswith("text/") and len(items) > DEV_TEXTS:
                chosen = np.random.default_rng(0).permutation(len(items))[:DEV_TEXTS]
                self.dev[name] = [items[i] for i in sorted(chosen)]
        dev_clips = [p.speech for items in self.dev.values() for p in items if p.speech]
        self.recordings = Recordings([*self.clips, *dev_clips], cache)
        self.cached: dict[Example, list[Tensor]] = {}
        self.widths = {m: encoder.width for m, encoder in (encoders or {}).items()}
        if encoders is not None:
            self._compute(encoders, device, cache)
        optim = experiment.optim
        self.draws = optim.draws or len(self.clips)
        self.updates = self.draws // (optim.batch_size * optim.accumulate)

    def epoch(self, epoch: int) -> Iterator[tuple[Batch, Tensor]]:
        """Paired, partly hidden batches of one epoch."""
        generator = epoch_generator(self.experiment.seed, epoch)
        clips = [self.clips[i] for i in draw_indices(self.clip_weights, self.draws, generator)]
        emotions = [clip.emotion for clip in clips]
        partners = label_partners(emotions, self.texts, generator, self.text_weights)
        pairs = [
            self._hide(Pair(clip, self.texts[i]), generator)
            for clip, i in zip(clips, partners, strict=True)
        ]
        lengths = [len(p.text.text or "") if p.text else 0 for p in pairs]
        order = np.arange(len(pairs))
        size = self.experiment.optim.batch_size
        for batch in batches_by_length(order, lengths, size, generator):
            yield (
                self._collate([pairs[i] for i in batch], generator),
                label_indices([pairs[i] for i in batch]),
            )

    def validate(self, framework: Framework) -> dict[str, float]:
        """UA by set, and `score`: the mean over clips alone, texts alone and pairs."""
        device = next(framework.parameters()).device
        figures: dict[str, float] = {}
        for name, pairs in self.dev.items():
            logits = [
                framework(self._collate(pairs[i : i + 64]).to(device)).logits.float().cpu().numpy()
                for i in range(0, len(pairs), 64)
            ]
            table = confusion(label_indices(pairs), np.concatenate(logits).argmax(1), len(FOUR))
            figures[name] = unweighted_accuracy(table)
        kinds = [
            np.mean([value for name, value in figures.items() if name.startswith(kind)])
            for kind in ("speech/", "text/", "paired/")
        ]
        return {**figures, "score": float(np.mean(kinds))}

    def _hide(self, pair: Pair, generator: np.random.Generator) -> Pair:
        chance = generator.random()
        no_speech = self.experiment.drop_modality.get("speech", 0.0)
        if chance < no_speech:
            return Pair(None, pair.text)
        if chance < no_speech + self.experiment.drop_modality.get("text", 0.0):
            return Pair(pair.speech, None)
        return pair

    def _collate(
        self, pairs: Sequence[Pair], generator: np.random.Generator | None = None
    ) -> Batch:
        if not self.cached:
            return collate([self._utterance(p, generator) for p in pairs], self.tokenize)
        return collate_features(
            [
                {"speech": self._row(p.speech, generator), "text": self._row(p.text, generator)}
                for p in pairs
            ],
            self.widths,
        )

    def _utterance(self, pair: Pair, generator: np.random.Generator | None) -> Utterance:
        waveform = None
        if pair.speech is not None and pair.speech.path is not None:
            waveform = self.recordings.waveform(pair.speech.path)
            if generator is not None:
                waveform = augment_waveform(waveform, self.speech, generator)
        return Utterance(waveform=waveform, text=pair.text.text if pair.text else None)

    def _row(self, example: Example | None, generator: np.random.Generator | None) -> Tensor | None:
        if example is None:
            return None
        views = self.cached[example]
        return views[0 if generator is None else int(generator.integers(len(views)))]

    def _compute(
        self, encoders: dict[str, Encoder], device: torch.device | None, cache: Path | None
    ) -> None:
        """Features of every example; view 0 is the clip as it is, others are augmented."""
        dev = [half for items in self.dev.values() for p in items for half in (p.speech, p.text)]
        clips = list(dict.fromkeys([*self.clips, *(e for e in dev if e and e.path)]))
        clips.sort(key=lambda e: len(self._waveform(e)))
        texts = list(dict.fromkeys([*self.texts, *(e for e in dev if e and not e.path)]))
        texts.sort(key=lambda e: len(e.text or ""))
        train = set(self.clips)
        for view in range(1 + self.speech.views):
            wanted = clips if view == 0 else [c for c in clips if c in train]
            # A generator an item, so that an item's augmentation does not hang on its neighbours.
            seed = self.experiment.seed * 1_000 + view
            contents = [_content(self._waveform(e)) for e in wanted]
            rows = frozen_features(
                encoders["speech"],
                len(wanted),
                lambda i, v=view, w=wanted, s=seed: self._utterance(  # type: ignore[misc]
                    Pair(w[i], None), epoch_generator(s, i) if v else None
                ),
                key=[str((seed, self.speech) if view else "as it is"), *contents],
                title=f"features of speech, view {view}",
                augment=view > 0,
                device=device,
                cache=cache,
            )
            self._keep(wanted, rows)
        rows = frozen_features(
            encoders["text"],
            len(texts),
            lambda i: Utterance(text=texts[i].text),
            key=[e.text or "" for e in texts],
            title="features of text",
            tokenize=self.tokenize,
            device=device,
            cache=cache,
        )
        self._keep(texts, rows)

    def _keep(self, examples: Sequence[Example], rows: Sequence[Tensor]) -> None:
        for example, tokens in zip(examples, rows, strict=True):
            self.cached.setdefault(example, []).append(tokens)

    def _waveform(self, example: Example) -> FloatArray:
        assert example.path is not None
        return self.recordings.waveform(example.path)


def _content(waveform: FloatArray) -> str:
    return hashlib.sha256(waveform.tobytes()).hexdigest()


def label_indices(pairs: Sequence[Pair]) -> Tensor:
    """(B,) indices into the four classes."""
    return torch.tensor([FOUR.index(pair.emotion) for pair in pairs])
