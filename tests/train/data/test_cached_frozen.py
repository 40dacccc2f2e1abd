"""Training above frozen layers whose features are computed once."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

import mer_core.torchaudio_compat  # noqa: F401  (before transformers)

from transformers import WhisperConfig, WhisperModel  # isort: skip

from mer_core.data import collate
from mer_core.media import load_audio
from mer_core.types import Utterance
from train.config import Experiment
from train.data.paired_task import PairedTask
from train.data.tasks import SingleTask
from train.stages import detach_encoders, fit_experiment, frozen_part, start, tokenizer_of

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whisper") / "tiny"
    torch.manual_seed(0)
    config = WhisperConfig(
        d_model=16, encoder_layers=2, decoder_layers=1, encoder_ffn_dim=16, decoder_ffn_dim=8,
        encoder_attention_heads=2, decoder_attention_heads=2, vocab_size=20, pad_token_id=0,
        bos_token_id=1, eos_token_id=1, decoder_start_token_id=2, suppress_tokens=None,
        begin_suppress_tokens=None,
    )  # fmt: skip
    WhisperModel(config).save_pretrained(folder)
    return folder


@pytest.fixture
def experiment(speech_experiment: Experiment, source: Path) -> Experiment:
    encoder = {
        "family": "pretrained_whisper", "source": str(source), "layers": 2, "frozen_layers": 1,
        "pool": 2, "pool_after": 1, "join": 12, "time_mask": 10,
    }  # fmt: skip
    return dataclasses.replace(
        speech_experiment,
        cache_frozen=True,
        architecture={"framework": "unimodal", "encoder": encoder},
        sources={"speech": dataclasses.replace(speech_experiment.sources["speech"], views=2)},
    )


def test_cached_training_is_measured_as_if_nothing_were_cached(
    experiment: Experiment, corpora: Path, tmp_path: Path
) -> None:
    framework = fit_experiment(experiment, corpora, tmp_path / "run", CPU, tmp_path)
    cached = SingleTask(experiment, corpora, frozen=frozen_part(framework), cache=tmp_path)
    live = SingleTask(experiment, corpora)
    with torch.inference_mode():
        assert cached.validate(framework) == pytest.approx(live.validate(framework), abs=0.07)
        example = cached.dev[0]
        assert example.path is not None
        waveform = load_audio(example.path)
        whole = framework(collate([Utterance(waveform=waveform)])).logits
        above = framework(cached._collate([example])).logits
    torch.testing.assert_close(above, whole, atol=5e-3, rtol=5e-3)  # stored in half precision


def test_every_view_is_drawn_and_only_training_draws(
    experiment: Experiment, corpora: Path, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    lower = frozen_part(start(experiment))
    task = SingleTask(experiment, corpora, frozen=lower, cache=tmp_path)
    example, views = task.train[0], task.cached[task.train[0]]
    assert len(views) == 3
    assert not torch.equal(views[1], views[2])
    seen = set()
    for epoch in range(20):
        for item, rows in zip(task.epoch(epoch), task.epoch(epoch).plan, strict=True):
            read = item.batch.cached["speech"].tokens
            for tokens, row in zip(read, rows, strict=True):
                if task.train[row.item] == example:
                    view = row.views["speech"]
                    assert torch.equal(tokens[: len(views[view])], views[view].float())
                    seen.add(view)
    assert seen == {0, 1, 2}
    assert torch.equal(task._collate([example]).cached["speech"].tokens[0], views[0].float())


def test_runs_on_other_speakers_share_one_cache(
    experiment: Experiment, corpora: Path, tmp_path: Path
) -> None:
    def files(speakers: dict[str, tuple[str, ...]]) -> set[str]:
        source = dataclasses.replace(experiment.sources["speech"], speakers=speakers)
        other = dataclasses.replace(experiment, sources={"speech": source})
        SingleTask(other, corpora, frozen=frozen_part(start(other)), cache=tmp_path)
        return {file.name for file in tmp_path.glob("features-*")}

    first = files({"train": ("ravdess_01",), "dev": ("ravdess_02",)})
    assert len(first) == 3
    assert files({"train": ("ravdess_02", "ravdess_06"), "dev": ("ravdess_11",)}) == first


def test_a_framework_shares_the_cache_of_its_encoders_training(
    experiment: Experiment, mgcma: Experiment, corpora: Path, tmp_path: Path
) -> None:
    """The same clips, seed and augmentation: only the layers above are computed again."""
    source = dataclasses.replace(experiment.sources["speech"], crop_seconds=0.5, views=2)
    single = dataclasses.replace(experiment, seed=mgcma.seed, sources={"speech": source})
    SingleTask(single, corpora, frozen=frozen_part(start(single)), cache=tmp_path)
    lower = set(tmp_path.glob("features-*"))
    architecture = {**mgcma.architecture, "speech_encoder": experiment.architecture["encoder"]}
    framework_experiment = dataclasses.replace(
        mgcma,
        cache_frozen=True,
        architecture=architecture,
        sources={**mgcma.sources, "speech": source},
    )
    framework = start(framework_experiment)
    tokenize = tokenizer_of(framework)
    encoders = {e.modality: e for e in detach_encoders(framework).values()}
    speech, read = encoders["speech"], []
    speech.log_mel.register_forward_hook(lambda *_: read.append(1))
    task = PairedTask(
        framework_experiment, corpora, tokenize=tokenize, encoders=encoders,
        cache=tmp_path,
    )  # fmt: skip
    assert read == []
    assert len(set(tmp_path.glob("features-*")) - lower) == 3 + 1  # three views of clips; texts

    live = dataclasses.replace(framework_experiment, cache_frozen=False)
    whole = PairedTask(live, corpora, tokenize=tokenize, encoders=encoders)
    for example in task.examples["speech"]:
        views = task.cached[example]
        assert len(views) == (3 if example in task.train["speech"] else 1)
        torch.testing.assert_close(views[0], whole.cached[example][0], rtol=5e-3, atol=5e-3)
    first, second = task.cached[task.train["speech"][0]][1:]
    assert first.shape[1] == second.shape[1] == speech.width
    assert not torch.equal(first, second)


def test_an_encoder_that_cannot_be_divided_is_refused(
    speech_experiment: Experiment, corpora: Path, tmp_path: Path
) -> None:
    whole = dataclasses.replace(speech_experiment, cache_frozen=True)
    with pytest.raises(ValueError, match="frozen layers"):
        fit_experiment(whole, corpora, tmp_path, CPU, tmp_path)


def test_runs_of_several_seeds_can_share_the_copies(
    experiment: Experiment, corpora: Path, tmp_path: Path
) -> None:
    """They still differ in their first weights and in what is drawn."""
    frozen = frozen_part(start(experiment))

    def cached_by(run: Experiment) -> tuple[int, SingleTask]:
        task = SingleTask(run, corpora, frozen=frozen, cache=tmp_path)
        return len(list(tmp_path.glob("features-*"))), task

    first = dataclasses.replace(experiment, view_seed=experiment.seed)
    second = dataclasses.replace(first, seed=experiment.seed + 1)
    count, task = cached_by(first)
    assert count == 1 + 2  # as they are, and two copies
    again, other = cached_by(second)
    assert again == count
    (batch, *_), (differs, *_) = task.epoch(0), other.epoch(0)
    assert not torch.equal(batch.labels, differs.labels)
    assert cached_by(dataclasses.replace(second, view_seed=None))[0] == count + 2
