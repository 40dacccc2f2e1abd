"""What of a folder goes to the Hub, under which name, and what its card says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import model_index_to_eval_results
from tokenizers import Tokenizer

from mer_core.checkpoints.checkpoint import load_checkpoint, load_checkpoints
from mer_core.checkpoints.errors import CheckpointError
from mer_core.checkpoints.shipped import DEFAULT_MODEL
from tests.train.publish.tiny_models import CARD, MGCMA_METRICS, report, write_bundle
from train.publish.model_index import model_index
from train.publish.model_package import model_package
from train.publish.package import Package

REPO = "someone/model"


@pytest.fixture
def bundle(tmp_path: Path, tokenizer: Tokenizer) -> Path:
    return write_bundle(tmp_path / "bundle", tokenizer)


def content(package: Package) -> dict[str, bytes]:
    return {
        u.path: u.content if isinstance(u.content, bytes) else u.content.read_bytes()
        for u in package.uploads
    }


def unpacked(package: Package, folder: Path) -> Path:
    for path, data in content(package).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def test_a_bundle_goes_as_it_is_and_nothing_else_goes(bundle: Path, tmp_path: Path) -> None:
    package = model_package(bundle, REPO)
    assert [upload.path for upload in package.uploads] == [
        "LICENSE.md",
        "README.md",
        "foal_net/config.json",
        "foal_net/model.safetensors",
        "licenses/mit.txt",
        "mgcma/config.json",
        "mgcma/metrics.json",
        "mgcma/model.safetensors",
        "speech/config.json",
        "speech/metrics.json",
        "speech/model.safetensors",
        "speech_encoder.safetensors",
        "text_encoder.safetensors",
        "tokenizer.json",
        "video_encoder.safetensors",
    ]
    sizes = {upload.path: upload.size for upload in package.uploads}
    assert sizes == {path: len(data) for path, data in content(package).items()}
    assert package.size == sum(sizes.values())
    assert list(load_checkpoints(unpacked(package, tmp_path / "there"))) == ["mgcma", "foal_net"]


@pytest.mark.parametrize(
    ("name", "encoders"),
    [
        ("mgcma", ["speech_encoder.safetensors", "text_encoder.safetensors", "tokenizer.json"]),
        ("speech", ["speech_encoder.safetensors"]),
    ],
)
def test_a_part_of_a_bundle_becomes_a_plain_checkpoint(bundle, tmp_path, name, encoders) -> None:
    package = model_package(bundle / name, REPO)
    paths = [upload.path for upload in package.uploads]
    own = ["LICENSE.md", "README.md", "config.json", "licenses/mit.txt", "metrics.json"]
    assert paths == sorted([*own, "model.safetensors", *encoders])
    there = load_checkpoint(unpacked(package, tmp_path / "there")).framework
    here = load_checkpoint(bundle / name).framework
    assert all((value == here.state_dict()[key]).all() for key, value in there.state_dict().items())


def test_a_card_keeps_its_words_and_metadata_and_gains_an_index(bundle: Path) -> None:
    text = content(model_package(bundle, REPO))["README.md"].decode()
    assert text.endswith(CARD.partition("\n---\n")[2])
    card = ModelCard(text).data  # the Hub's own parser
    assert card.license == "cc-by-nc-sa-4.0"
    assert card.language == ["en", "pl"]
    assert card.pipeline_tag == "audio-classification"
    rows = {
        (r.dataset_name, r.dataset_config, r.metric_name.split("(")[-1].rstrip(")")): r
        for r in card.eval_results
    }
    one = rows["ravdess", "alone, speech", "UA"]
    assert (one.metric_value, one.dataset_split, one.dataset_type) == (0.8125, "test", "ravdess")
    assert one.task_type == "audio-classification"
    assert rows["ravdess × meld, paired by label", "paired, both", "WA"].metric_value == 0.8291
    assert rows["iemocap, natural pairs", "natural, speech", "UA"].metric_value == 0.61
    assert rows["nemo", "alone, four", "ECE"].metric_value == 0.0712
    assert ("ravdess × meld, paired by label", "paired, text", "UA") not in rows
    sets = {(name, config) for name, config, _ in rows}
    assert len(sets) == 7
    assert len(rows) == 4 * len(sets), "UA, WA, F1 and ECE of each"


def test_every_framework_has_an_entry_of_its_own(bundle: Path) -> None:
    index = model_package(bundle, REPO).card.data["model-index"]
    assert [entry["name"] for entry in index] == ["mgcma", "speech"]
    assert model_index_to_eval_results(index[:1])[0] == "mgcma"


def test_a_figure_that_is_none_is_left_out() -> None:
    refused = {"protocol": {"split": "test"}, "sets": {"text/meld": {"text": report(3, 0.0)}}}
    refused["sets"]["text/meld"]["text"]["ece"] = float("nan")
    (entry,) = model_index("m", refused)
    (result,) = entry["results"]
    assert [metric["type"] for metric in result["metrics"]] == ["recall", "accuracy", "f1"]
    assert model_index("m", {}) == []
    with pytest.raises(ValueError, match=r"metrics\.json of m is not as `evaluate` writes it"):
        model_index("m", {"sets": {"text/meld": {}}})


def test_a_model_without_a_card_gets_a_short_one_if_it_has_a_licence(bundle: Path) -> None:
    (bundle / "README.md").unlink()
    with pytest.raises(ValueError, match="A model needs a licence"):
        model_package(bundle, REPO)
    text = content(model_package(bundle, REPO, licence="mit"))["README.md"].decode()
    card = ModelCard(text)
    assert card.data.license == "mit"
    assert "# model\n" in card.text
    assert f'Predictor.load("{REPO}")' in card.text
    assert "| speech/ravdess | speech | 112 | 0.812 [0.71, 0.91] |" in card.text
    assert "calm, loud" in card.text
    assert "{" not in card.text


def test_a_part_takes_the_licence_of_its_bundle_but_not_its_words(bundle: Path) -> None:
    card = model_package(bundle / "mgcma", REPO).card
    assert card.data["license"] == "cc-by-nc-sa-4.0"
    assert "A tiny bundle" not in card.text


def test_two_licences_are_refused(bundle: Path) -> None:
    with pytest.raises(ValueError, match="The card states the licence cc-by-nc-sa-4"):
        model_package(bundle, REPO, licence="mit")


def test_tables_go_by_the_name_of_their_folder(bundle: Path, tmp_path: Path) -> None:
    tables = tmp_path / "ablation"
    (tables / "parts").mkdir(parents=True)
    for name in ("ablation.md", "ablation.tex", "parts/fold1.csv", "state.safetensors", ".token"):
        (tables / name).write_text("x")
    paths = {u.path for u in model_package(bundle, REPO, tables=[tables]).uploads}
    assert {path for path in paths if path.startswith("tables/")} == {
        "tables/ablation/ablation.md",
        "tables/ablation/ablation.tex",
        "tables/ablation/parts/fold1.csv",
    }
    with pytest.raises(ValueError, match="holds no table"):
        model_package(bundle, REPO, tables=[bundle / "licenses"])


def damage(bundle: Path, name: str, change: dict[str, Any] | None) -> None:
    path = bundle / name
    if change is None:
        path.unlink()
    else:
        path.write_text(json.dumps({**json.loads(path.read_text()), **change}))


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("text_encoder.safetensors", None, "text_encoder.safetensors is missing"),
        ("mgcma/config.json", {"labels": ["a"]}, "not a checkpoint of this program"),
        ("speech/metrics.json", {"sets": {"speech/nemo": {"all": {}}}}, "metrics.json of speech"),
        ("speech/config.json", {"encoders_in": "given"}, "is a head"),
    ],
)
def test_what_would_not_load_is_not_pushed(bundle: Path, name, change, words) -> None:
    damage(bundle, name, change)
    with pytest.raises((CheckpointError, ValueError), match=words):
        model_package(bundle, REPO)


def test_folders_without_a_model(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no checkpoint"):
        model_package(tmp_path / "nowhere", REPO)
    for name in ("mgcma", "foal_net"):
        (bundle / name / "config.json").unlink()
    with pytest.raises(ValueError, match=r"holds speech, but none of .* push one alone: --model"):
        model_package(bundle, REPO)


def test_the_metrics_of_these_tests_have_the_keys_of_the_shipped_ones() -> None:
    """Otherwise the tests above would show nothing."""
    shipped = json.loads((DEFAULT_MODEL / "mgcma" / "metrics.json").read_text("utf-8"))
    ours = MGCMA_METRICS["sets"]["speech/ravdess"]["speech"]
    assert set(ours) <= set(shipped["sets"]["speech/ravdess"]["speech"])
    assert shipped["protocol"]["split"].startswith("test;")
