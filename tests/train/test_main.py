"""The training command line, as a researcher types it, on tiny corpora."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

import mer_core.torchaudio_compat  # noqa: F401  (before transformers)

from transformers import BertConfig, BertModel  # isort: skip

import train.__main__ as command
from mer_core.media import MediaError
from mer_core.serving.predictor import DEFAULT_MODEL, Predictor
from train import commands

EXAMPLES = DEFAULT_MODEL.parent / "examples"

SPEECH = """
name = "speech"
labels = "speech"
[architecture]
framework = "unimodal"
[architecture.encoder]
family = "compact_speech"
channels = [16, 16]
blocks = 1
width = 16
[sources.speech]
corpora = { ravdess = 1.0 }
crop_seconds = 0.5
[optim]
epochs = 2
draws = 16
batch_size = 8
precision = "fp32"
"""

TEXT_BASE = """
name = "text_base"
labels = "text"
[architecture]
framework = "unimodal"
[architecture.encoder]
from = "runs/text_pruned"
[sources.text]
corpora = { meld = 1.0 }
[optim]
epochs = 1
draws = 16
batch_size = 8
precision = "fp32"
"""

TEXT = TEXT_BASE.replace("runs/text_pruned", "runs/text_base").replace(
    'name = "text_base"', 'name = "text"'
)

MGCMA = """
name = "mgcma_default"
freeze_encoders = true
[architecture]
framework = "mgcma"
width = 16
heads = 2
[architecture.speech_encoder]
from = "runs/speech"
[architecture.text_encoder]
from = "runs/text"
[sources.speech]
corpora = { ravdess = 1.0 }
views = 1
[sources.text]
corpora = { meld = 1.0 }
[optim]
epochs = 1
draws = 16
batch_size = 8
precision = "fp32"
"""

FACE = """
name = "face"
labels = "face"
[architecture]
framework = "unimodal"
[architecture.encoder]
family = "compact_face"
stem = 16
channels = [16, 16]
blocks = [1, 1]
[sources.video]
corpora = { fer2013 = 1.0 }
[optim]
epochs = 1
draws = 16
batch_size = 8
precision = "fp32"
"""

FOAL_NET = """
name = "foal_net_default"
freeze_encoders = true
[architecture]
framework = "foal_net"
projection_width = 8
[architecture.audio_encoder]
from = "default/mgcma"
modality = "speech"
[architecture.video_encoder]
from = "runs/face"
[sources.speech]
corpora = { ravdess = 1.0 }
views = 1
[sources.video]
corpora = { fer2013 = 1.0 }
views = 1
frames = 3
[loss_weights]
avel = 1.0
mem = 0.1
[optim]
epochs = 1
draws = 16
batch_size = 8
precision = "fp32"
"""

CONFIGS = {
    "speech": SPEECH, "text_base": TEXT_BASE, "text": TEXT, "mgcma_default": MGCMA, "face": FACE,
    "foal_net_default": FOAL_NET,
}  # fmt: skip


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the tiny configurations, as the current one."""
    configs = tmp_path / "configs"
    configs.mkdir()
    for name, text in CONFIGS.items():
        (configs / f"{name}.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(commands, "CONFIGS", configs)
    monkeypatch.setattr(commands, "OUTPUT", tmp_path)
    return tmp_path


@pytest.fixture
def bert(tmp_path: Path, tokenizer: Tokenizer) -> Path:
    folder = tmp_path / "bert"
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=16, num_hidden_layers=5,
        num_attention_heads=2, intermediate_size=32, max_position_embeddings=128,
    )  # fmt: skip
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def test_default_makes_what_ships_and_resumes(
    workplace: Path, corpora: Path, bert: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["default", "--data", str(corpora), "--source", str(bert), "--device", "cpu"]
    assert command.main(arguments) == 0
    printed = capsys.readouterr().out
    for row in ("×meld | both", "×fer2013 | both", "×fer2013 | match", "fer2013 | all", "| four"):
        assert f"{row} |" in printed
    bundle = workplace / "default"
    predictor = Predictor.load(bundle, device="cpu")
    assert predictor.frameworks == ("mgcma", "foal_net")
    assert predictor.predict(text="the great joy").emotion in predictor.labels
    names = ("mgcma", "foal_net", "face", "speech", "text")
    weights = [(bundle / name / "model.safetensors").read_bytes() for name in names]
    assert command.main(arguments) == 0  # nothing left to train: the same model comes out
    assert [(bundle / name / "model.safetensors").read_bytes() for name in names] == weights
    card = (bundle / "README.md").read_text("utf-8")
    assert all(f"### {name}" in card for name in names)
    assert "{" not in card


def test_default_takes_the_source_of_the_speech_encoder(
    workplace: Path, corpora: Path, bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: dict[str, list[str]] = {}

    def fit(options: argparse.Namespace) -> None:
        taken[options.config.stem] = list(options.overrides)

    monkeypatch.setattr(commands, "run_fit", fit)
    monkeypatch.setattr(commands, "run_export", lambda options: None)
    arguments = ["default", "--data", str(corpora), "--source", str(bert), "--set", "seed=7"]
    assert command.main([*arguments, "--speech-source", "a/whisper"]) == 0
    assert taken.pop("speech") == ["seed=7", "architecture.encoder.source=a/whisper"]
    assert all(overrides == ["seed=7"] for overrides in taken.values())


def test_fit_takes_overrides(
    workplace: Path, corpora: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = str(workplace / "configs" / "speech.toml")
    fit = ["fit", "--config", config, "--data", str(corpora), "--device", "cpu", "--out", "mine"]
    assert command.main([*fit, "--set", "optim.epochs=1", "--set", "seed=7"]) == 0
    assert len((workplace / "mine" / "log.jsonl").read_text().splitlines()) == 1
    stored = json.loads((workplace / "mine" / "config.json").read_text())
    assert stored["experiment"]["seed"] == 7


def test_a_single_encoder_serves_too(workplace: Path, corpora: Path) -> None:
    config = str(workplace / "configs" / "speech.toml")
    fit = ["fit", "--config", config, "--data", str(corpora), "--device", "cpu", "--out", "mine"]
    assert command.main([*fit, "--set", "optim.epochs=1"]) == 0
    predictor = Predictor.load(workplace / "mine", device="cpu")
    clip = EXAMPLES / "bright.flac"
    prediction = predictor.predict(clip, "words that it does not read")
    assert prediction.emotion in predictor.labels
    assert prediction.state == "ok"
    assert prediction.by_modality["both"] is None
    with pytest.raises(MediaError, match="reads speech only"):
        predictor.predict(text="words alone")


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("optim.epoch=1", "no key epoch"),
        ("architecture.framework=other", "no framework 'other'"),
        ("sources.speech.corpora={nowhere = 1.0}", "no corpus 'nowhere'"),
        ("labels=three", "must be one of"),
    ],
)
def test_a_slip_is_one_sentence_and_exit_code_2(
    workplace: Path,
    corpora: Path,
    override: str,
    expected: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = str(workplace / "configs" / "speech.toml")
    arguments = ["fit", "--config", config, "--data", str(corpora), "--set", override]
    assert command.main(arguments) == 2
    errors = capsys.readouterr().err
    assert expected in errors
    assert "Traceback" not in errors


def test_a_sweep_of_the_test_split_is_refused(
    workplace: Path, corpora: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = str(workplace / "configs" / "foal_net_default.toml")
    arguments = ["ablate", "--config", config, "--data", str(corpora), "--split", "test"]
    assert command.main([*arguments, "--sweep", "loss_weights.avel=0.1,1"]) == 2
    assert "--sweep uses development data only" in capsys.readouterr().err
    assert not (workplace / "runs").exists()


def test_missing_files_are_one_sentence(
    workplace: Path, corpora: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["fit", "--config", "none.toml", "--data", str(corpora)]) == 2
    config = str(workplace / "configs" / "speech.toml")
    assert command.main(["fit", "--config", config, "--data", str(workplace / "none")]) == 2
    assert "nothing found" in capsys.readouterr().err


def test_figures_go_into_the_checkpoint_or_only_to_out(
    workplace: Path,
    corpora: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments = [
        "--config", str(workplace / "configs" / "speech.toml"), "--data", str(corpora),
        "--device", "cpu",
    ]  # fmt: skip
    assert command.main(["fit", *arguments, "--out", "mine", "--set", "optim.epochs=1"]) == 0
    before = {file.name: file.read_bytes() for file in (workplace / "mine").iterdir()}
    evaluate = ["evaluate", *arguments, "--model", "mine"]
    assert command.main([*evaluate, "--out", "figures"]) == 0
    assert {file.name: file.read_bytes() for file in (workplace / "mine").iterdir()} == before
    figures = (workplace / "figures" / "metrics.json").read_bytes()
    monkeypatch.setattr(commands, "PACKAGE", workplace / "mine")  # as if it had been installed
    capsys.readouterr()
    assert command.main(evaluate) == 2
    assert "give --out" in capsys.readouterr().err
    assert not (workplace / "mine" / "metrics.json").exists()
    monkeypatch.setattr(commands, "PACKAGE", workplace / "elsewhere")
    assert command.main(evaluate) == 0
    assert (workplace / "mine" / "metrics.json").read_bytes() == figures


def test_a_shipped_experiment_goes_by_its_name(workplace: Path) -> None:
    fit = ["fit", "--data", "corpora", "--config"]
    by_name = command.parser().parse_args([*fit, "speech"])
    assert by_name.config == workplace / "configs" / "speech.toml"
    (workplace / "speech").mkdir()  # something there of the same name comes first
    assert command.parser().parse_args([*fit, "speech"]).config == Path("speech")


def test_only_fit_runs_in_several_processes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    arguments = ["ablate", "--config", "mgcma_default", "--data", str(tmp_path)]
    assert command.main(arguments) == 2
    assert "Only fit runs in several processes" in capsys.readouterr().err
