"""`python -m train atlas` on tiny corpora: a small ablation → heads, references, maps, a figure."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

import train
import train.__main__ as command
from mer_core.atlas.analysis.ablation import Ablation
from mer_core.atlas.analysis.mixing import mixing_of
from mer_core.atlas.analysis.spread import pair_lines
from mer_core.atlas.collection import Atlas
from mer_core.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from mer_core.checkpoints.heads import load_head, save_head
from mer_core.data import collate
from mer_core.emotions import FOUR
from tests.train.tiny_frameworks import tiny_foal_net, tiny_mgcma, write_bert
from train import commands
from train.ablation.runs import RunPaths, ablate
from train.config import Experiment
from train.data.material import Material
from train.publish.atlas import build_atlas, strategy_heads
from train.publish.references import balanced_pairs
from train.stages import start, tokenizer_of

CPU = torch.device("cpu")
PAIRS = 24
VARIANTS = ("sharp", "soft", "joint", "centred", "joint-centred")
STRATEGIES = ("none", "avel", "mem", "avel+mem", *VARIANTS)
CONFIG = Path(train.__file__).parent / "configs" / "foal_net_default.toml"


def on_bundle(experiment: Experiment, bundle: Path, **settings: object) -> Experiment:
    """The experiment on its encoders, as stored in `bundle`."""
    torch.manual_seed(0)
    save_checkpoint(bundle, start(experiment), half=True)
    architecture = {**experiment.architecture, **settings}
    for name in architecture:
        if name.endswith("_encoder"):
            modality = "speech" if name == "audio_encoder" else name.removesuffix("_encoder")
            architecture[name] = {"from": str(bundle), "modality": modality}
    return dataclasses.replace(experiment, architecture=architecture)


@pytest.fixture(scope="module")
def done(
    corpora: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Experiment, Path, Path, Path]:
    """An experiment, its bundle, its finished ablation, and a cache."""
    folder = tmp_path_factory.mktemp("done")
    experiment = on_bundle(tiny_foal_net(), folder / "bundle", width=8)
    paths = RunPaths(corpora, folder / "ablation", CPU, folder / "cache")
    ablate(experiment, paths, seeds=1)
    return experiment, folder / "bundle", paths.out, folder / "cache"


@pytest.mark.slow
def test_from_an_ablation_to_an_atlas(
    done: tuple[Experiment, Path, Path, Path],
    corpora: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    experiment, bundle, ablation, cache = done
    monkeypatch.setattr(commands, "load_experiment", lambda *_: experiment)
    out = tmp_path / "atlas"
    arguments = [
        "atlas", "--ablation", str(ablation), "--model", str(bundle), "--config", str(CONFIG),
        "--data", str(corpora), "--out", str(out), "--pairs", str(PAIRS), "--seed", "5",
        "--device", "cpu", "--cache", str(cache),
    ]  # fmt: skip
    assert command.main(arguments) == 0
    printed = capsys.readouterr().out
    assert all(f"| {name} | 0." in printed for name in STRATEGIES)
    assert "ms." in printed
    atlas = Atlas.load(out)
    assert atlas.strategies == STRATEGIES
    index = json.loads((out / "index.json").read_text())
    assert (index["framework"], index["pairs"], index["pairing"]) == ("foal_net", PAIRS, "label")
    assert index["modalities"] == ["audio", "video"]
    assert "before fusion" in index["representation"]
    assert atlas.control is not None
    assert atlas.control.map.points.shape == (2 * PAIRS, 2)
    assert atlas.control.map.params.seed == 5
    for name, chart in atlas.charts.items():
        reference = chart.reference
        assert reference.modalities == ("audio", "video")
        assert Counter(reference.labels.tolist()) == dict.fromkeys(range(4), PAIRS // 4)
        assert reference.joint.shape == (2 * PAIRS, 8)
        np.testing.assert_allclose(np.linalg.norm(reference.joint, axis=1), 1, atol=2e-3)
        assert chart.map.points.shape == (2 * PAIRS, 2)
        assert chart.map.params.seed == 5
        assert {"median_percent", "p90_percent"} == set(atlas.placement[name])
        assert atlas.mixing[name] == mixing_of(reference, chart.map.points)
        head = load_head(out / name, load_checkpoint(bundle).framework.encoders())
        assert head.config["strategy"] == name
    assert (out / "maps.png").read_bytes().startswith(b"\x89PNG")
    assert tuple(Ablation.load(out / "ablation.json").rows) == STRATEGIES
    first = {p.parent.name + p.name: p.read_bytes() for p in out.glob("*/*.npz")}
    assert command.main(arguments) == 0
    assert {p.parent.name + p.name: p.read_bytes() for p in out.glob("*/*.npz")} == first


def test_an_unfinished_ablation_is_refused(
    done: tuple[Experiment, Path, Path, Path],
    corpora: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(commands, "load_experiment", lambda *_: done[0])
    shutil.copytree(done[2], tmp_path / "half")
    (tmp_path / "half" / "ablation.json").unlink()
    assert command.main([
        "atlas", "--ablation", str(tmp_path / "half"), "--model", str(done[1]), "--config",
        str(CONFIG), "--data", str(corpora), "--out", str(tmp_path / "out"),
    ]) == 2  # fmt: skip
    assert "no finished ablation: ablation.json is missing" in capsys.readouterr().err


@pytest.mark.slow
def test_the_reference_is_the_embedding_of_the_pair(
    corpora: Path, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    """Against a forward pass over waveforms and words, one pair at a time."""
    bert = write_bert(tmp_path / "bert", tokenizer)
    experiment = on_bundle(tiny_mgcma(bert), tmp_path / "bundle")
    framework = load_checkpoint(tmp_path / "bundle").framework
    for name in ("none", "all"):
        save_head(tmp_path / "heads" / name, framework)
    heads = strategy_heads(tmp_path / "heads", framework.encoders())
    built = build_atlas(heads, experiment, corpora, tmp_path / "out", pairs=8, seed=1)
    reference = built.atlas.charts["all"].reference
    pairs = balanced_pairs(experiment, corpora, "test", 8, np.random.default_rng(1))
    parts = [part for pair in pairs for part in pair.parts if part]
    material, tokenize = Material(parts, experiment.sources), tokenizer_of(framework)
    for i, pair in enumerate(pairs):
        batch = collate([material.utterance(pair.parts)], tokenize)
        with torch.inference_mode():
            features = framework(batch).features
        for modality in reference.modalities:
            expected = features[f"{modality}_embedding"][0].numpy()
            np.testing.assert_allclose(reference.embeddings[modality][i], expected, atol=5e-3)


@pytest.mark.slow
def test_the_maps_of_recordings_join_each_pair(
    recorded: Path, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    label_paired = tiny_mgcma(write_bert(tmp_path / "bert", tokenizer))
    both = {
        modality: dataclasses.replace(source, corpora={"iemocap": 1.0})
        for modality, source in label_paired.sources.items()
    }
    natural = dataclasses.replace(label_paired, sources=both, pairing="natural")
    experiment = on_bundle(natural, tmp_path / "bundle")
    save_head(tmp_path / "heads" / "none", load_checkpoint(tmp_path / "bundle").framework)
    heads = strategy_heads(
        tmp_path / "heads", load_checkpoint(tmp_path / "bundle").framework.encoders()
    )
    build_atlas(heads, experiment, recorded, tmp_path / "out", pairs=20, seed=1)
    assert json.loads((tmp_path / "out" / "index.json").read_text())["pairing"] == "natural"
    chart = Atlas.load(tmp_path / "out").charts["none"]
    assert chart.reference.groups["speech"] == chart.reference.groups["text"]
    lines = pair_lines(chart.reference, chart.map)
    np.testing.assert_array_equal(lines[:, 0], chart.map.points[:20])
    np.testing.assert_array_equal(lines[:, 1], chart.map.points[20:])


def test_pairs_are_balanced_and_repeat_only_if_too_few(corpora: Path) -> None:
    experiment = tiny_mgcma(Path("unread"))
    pairs = balanced_pairs(experiment, corpora, "test", 20, np.random.default_rng(0))
    assert Counter(p.emotion for p in pairs) == dict.fromkeys(FOUR, 5)
    for pair in pairs:
        assert pair.speech is not None
        assert pair.text is not None
        assert pair.speech.emotion == pair.text.emotion
        assert pair.speech.split == pair.text.split == "test"
    clips = Counter(p.speech for p in pairs)  # the tiny test split has two of each emotion
    assert set(clips.values()) == {2, 3}
    assert max(Counter(p.text for p in pairs).values()) == 2  # and four texts
    again = balanced_pairs(experiment, corpora, "test", 20, np.random.default_rng(0))
    assert pairs == again
    few = balanced_pairs(experiment, corpora, "dev", 40, np.random.default_rng(0), repeat=False)
    assert Counter(p.emotion for p in few) == dict.fromkeys(FOUR, 2)
    assert len({p.speech for p in few}) == 8


@pytest.mark.parametrize("count", [0, 2, 21])
def test_pairs_that_cannot_be_shared_out(corpora: Path, count: int) -> None:
    with pytest.raises(ValueError, match="multiple of 4"):
        balanced_pairs(tiny_mgcma(Path("unread")), corpora, "test", count, np.random.default_rng(0))


def test_heads_without_a_before_are_refused(tmp_path: Path) -> None:
    framework = start(tiny_foal_net())
    with pytest.raises(ValueError, match="no head; the one named 'none' is missing"):
        strategy_heads(tmp_path, framework.encoders())
    save_head(tmp_path / "all", framework)
    with pytest.raises(ValueError, match="holds all; the one named 'none' is missing"):
        strategy_heads(tmp_path, framework.encoders())


def test_heads_without_a_common_space_are_refused(tmp_path: Path) -> None:
    framework = start(tiny_foal_net())  # has no `width`
    save_head(tmp_path / "none", framework)
    with pytest.raises(ValueError, match="no space in common"):
        strategy_heads(tmp_path, framework.encoders())
