"""Strategies are subsets of switches; a sweep changes one setting on development data."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

import train.__main__ as command
import train.ablation.runs
from mer_core.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from mer_core.encoders.base import encoder_hash
from mer_core.frameworks.foal_net import FoalNetConfig
from mer_core.frameworks.mgcma_config import MGCMAConfig
from tests.train.tiny_frameworks import write_bert
from train.ablation.strategies import full, on_encoders, strategies, sweep_overrides
from train.config import Experiment
from train.config_file import load_experiment
from train.stages import start

VARIANTS = ("sharp", "soft", "joint", "centred", "joint-centred")
CONFIGS = Path(train.__file__).parent / "configs"


def test_strategies_are_all_subsets_with_only_their_own_weights(
    mgcma: Experiment, foal_net: Experiment
) -> None:
    found = strategies(mgcma)
    assert list(found) == [
        "none", "distribution", "token", "instance", "distribution+token",
        "distribution+instance", "token+instance", "distribution+token+instance",
        *VARIANTS,
    ]  # fmt: skip
    for name, experiment in found.items():
        if name in VARIANTS:
            continue
        on = set(name.split("+"))
        for switch in ("distribution", "token", "instance"):
            assert experiment.architecture[switch] == (switch in on)
        assert set(experiment.loss_weights) == on & {"distribution", "instance"}
        assert ("samples" in experiment.architecture) == ("distribution" in on)
        assert ("instance_targets" in experiment.architecture) == ("instance" in on)
    assert list(strategies(foal_net)) == ["none", "avel", "mem", "avel+mem", *VARIANTS]
    assert strategies(foal_net)["mem"].loss_weights == {"mem": 0.1}
    assert mgcma.loss_weights == {"distribution": 0.1, "instance": 0.2}  # as it was


def test_variants_are_everything_on_and_their_own_settings(
    mgcma: Experiment, foal_net: Experiment
) -> None:
    joint, both = {"joint": True}, {"joint": True, "centred": True}
    expected: dict[str, dict[str, dict[str, Any]]] = {
        "distribution+token+instance": {
            "sharp": {"instance_temperature": 0.07, "learn_instance_temperature": False},
            "soft": {
                "instance_temperature": 2.0, "learn_instance_temperature": True,
                "instance_temperature_floor": 0.5,
            },
            "joint": joint, "centred": {"centred": True}, "joint-centred": both,
        },
        "avel+mem": {
            "sharp": {"temperature": 0.07, "learn_temperature": False},
            "soft": {"temperature": 2.659, "learn_temperature": True, "temperature_floor": 0.5},
            "joint": joint, "centred": {"centred": True}, "joint-centred": both,
        },
    }  # fmt: skip
    for experiment, weight in ((mgcma, 0.3), (foal_net, 1.0)):
        found = strategies(experiment)
        (everything,) = expected.keys() & found.keys()
        assert set(expected[everything]) == set(VARIANTS)
        for name, settings in expected[everything].items():
            assert found[name].architecture == {**found[everything].architecture, **settings}
            weights = {"joint": weight} if "joint" in name else {}
            assert found[name].loss_weights == {**found[everything].loss_weights, **weights}


@pytest.mark.parametrize(("own", "used"), [({}, 0.3), ({"joint": 0.0}, 0.3), ({"joint": 2.0}, 2.0)])
def test_extensions_of_an_experiment_reach_the_variants_alone(
    mgcma: Experiment, own: dict[str, float], used: float
) -> None:
    """What its file says of them changes no run of the papers' modules."""
    extended = dataclasses.replace(
        mgcma,
        architecture={**mgcma.architecture, "joint_temperature": 0.4, "centred": False},
        loss_weights={**mgcma.loss_weights, **own},
    )
    plain, found = strategies(mgcma), strategies(extended)
    for name, experiment in found.items():
        if name not in VARIANTS:
            assert experiment == plain[name]
        assert ("joint_temperature" in experiment.architecture) == ("joint" in name)
    assert found["joint"].architecture["joint_temperature"] == 0.4
    assert found["joint-centred"].loss_weights["joint"] == used


def test_a_sweep_has_the_extensions_that_are_on(mgcma: Experiment) -> None:
    on = dataclasses.replace(mgcma, architecture={**mgcma.architecture, "joint": True})
    assert full(on).architecture["joint"] is True
    assert "joint" not in full(mgcma).architecture
    assert sweep_overrides(on, "loss_weights.joint=0.1,1") == [
        "loss_weights.joint=0.1", "loss_weights.joint=1",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="no joint"):
        sweep_overrides(mgcma, "loss_weights.joint=0.1,1")


@pytest.mark.parametrize("name", ["mgcma_default", "foal_net_default"])
def test_every_strategy_of_the_shipped_experiments_has_a_valid_configuration(name: str) -> None:
    experiment = load_experiment(CONFIGS / f"{name}.toml")
    configurations = {"mgcma": MGCMAConfig, "foal_net": FoalNetConfig}
    for strategy, one in strategies(experiment).items():
        settings = {k: v for k, v in one.architecture.items() if not k.endswith("_encoder")}
        config = configurations[settings.pop("framework")](**settings)
        assert config.joint == ("joint" in strategy)
        assert config.centred == ("centred" in strategy)
        assert (one.loss_weights.get("joint", 0.0) > 0) == config.joint


def test_strategies_can_use_the_encoders_of_a_checkpoint(
    foal_net: Experiment, tmp_path: Path
) -> None:
    save_checkpoint(tmp_path / "model", start(foal_net))
    experiment = on_encoders(foal_net, tmp_path / "model")
    assert experiment.architecture["audio_encoder"]["modality"] == "speech"
    settings = {k: v for k, v in experiment.architecture.items() if not k.endswith("_encoder")}
    assert settings == {
        k: v for k, v in foal_net.architecture.items() if not k.endswith("_encoder")
    }
    theirs = load_checkpoint(tmp_path / "model").framework.encoders()
    for name, encoder in start(experiment).encoders().items():
        assert encoder_hash(encoder) == encoder_hash(theirs[name])
    with pytest.raises(ValueError, match="neither a folder nor a Hub id"):
        on_encoders(foal_net, tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"architecture": {"framework": "unimodal"}}, "no alignment strategies"),
        ({"freeze_encoders": False}, "freeze_encoders = true"),
    ],
)
def test_frameworks_without_strategies_are_one_sentence(
    change: dict[str, Any], expected: str, mgcma: Experiment
) -> None:
    with pytest.raises(ValueError, match=expected):
        strategies(dataclasses.replace(mgcma, **change))


TOML = """
name = "tiny"
freeze_encoders = true
[architecture]
framework = "mgcma"
width = 12
heads = 2
[architecture.speech_encoder]
family = "compact_speech"
channels = [16, 16]
blocks = 1
width = 16
[architecture.text_encoder]
family = "pretrained_text"
source = "BERT"
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


@pytest.fixture
def config(tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    bert = write_bert(tmp_path / "bert", tokenizer)
    path = tmp_path / "tiny.toml"
    path.write_text(TOML.replace("BERT", str(bert)))
    return path


def test_a_sweep_uses_development_data_only_and_starts_from_none(
    config: Path, corpora: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["ablate", "--config", str(config), "--data", str(corpora), "--device", "cpu"]
    key = "architecture.instance_temperature"
    assert command.main([*arguments, "--seeds", "1", "--sweep", f"{key}=0.07,0.5"]) == 0
    assert f"Sweep of {key}" in capsys.readouterr().out
    folder = tmp_path / "runs" / "ablation_tiny"
    summary = json.loads((folder / f"sweep-{key}.json").read_text("utf-8"))
    assert list(summary["rows"]) == ["none", f"{key}=0.07", f"{key}=0.5"]
    assert (summary["protocol"]["split"], summary["protocol"]["reference"]) == ("dev", "none")
    none = summary["rows"]["none"]
    for name, cells in summary["rows"].items():
        for figure in ("modality_gap", "precision_at_5", "unweighted_accuracy"):
            difference = cells[figure]["mean"] - none[figure]["mean"]
            assert cells[figure]["difference"] == pytest.approx(difference)
            low, high = cells[figure]["difference_95"]
            assert low - 1e-9 <= difference <= high + 1e-9
            assert (low, high) == (0, 0) or name != "none"
    assert not list(folder.glob("*/*/test.json"))
    stored = json.loads((folder / f"{key}=0.5" / "seed-0" / "run.json").read_text())
    settings = stored["experiment"]["architecture"]
    assert (settings["instance_temperature"], settings["token"]) == (0.5, True)


def test_the_run_without_alignment_is_shared_by_all_sweeps(
    config: Path, corpora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`none` of one sweep is that of the next, and of an ablation at other settings."""
    folders = []
    real = train.ablation.runs.fit_averaged

    def watched(*arguments: Any) -> Any:
        folders.append(arguments[3].parent.name)
        return real(*arguments)

    monkeypatch.setattr(train.ablation.runs, "fit_averaged", watched)
    arguments = ["ablate", "--config", str(config), "--data", str(corpora), "--device", "cpu"]
    arguments += ["--seeds", "1"]
    first, second = "architecture.instance_temperature=0.5", "loss_weights.instance=0.3"
    assert command.main([*arguments, "--sweep", first]) == 0
    assert command.main([*arguments, "--set", first, "--sweep", second]) == 0
    assert folders == ["none", first, second]


@pytest.mark.parametrize(
    ("sweep", "expected"),
    [
        ("architecture.instance_temprature=0.1,0.2", "instance_temprature"),
        ("architecture.instance_temperature=-1", "above 0"),
        ("loss_weights.avel=0.1", "no avel"),
        ("optim.epochs=1,2", "features stay as they are"),
        ("sources.speech.views=1", "features stay as they are"),
        ("architecture.speech_encoder.width=8", "features stay as they are"),
        ("architecture.token=true,false", "without --sweep"),
        ("architecture.width", "write it as"),
        ("architecture.width=", "write it as"),
    ],
)
def test_a_slip_in_a_sweep_is_one_sentence(
    sweep: str, expected: str, config: Path, corpora: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["ablate", "--config", str(config), "--data", str(corpora), "--device", "cpu"]
    assert command.main([*arguments, "--sweep", sweep]) == 2
    errors = capsys.readouterr().err
    assert expected in errors
    assert "Traceback" not in errors


def test_sweeps_are_read_like_settings(mgcma: Experiment) -> None:
    key = "architecture.instance_temperature"
    assert sweep_overrides(mgcma, f"{key} = 0.07, 0.5 ") == [f"{key}=0.07", f"{key}=0.5"]
    assert sweep_overrides(mgcma, "loss_weights.ce=2") == ["loss_weights.ce=2"]
