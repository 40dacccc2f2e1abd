"""Pushing to a Hub and loading from it: the same predictions, or one sentence."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from mer_core.checkpoints.shipped import EXAMPLES
from mer_core.serving.predictor import Predictor
from tests.hub.server import FakeHub, environment, fake_hub
from tests.hub.store import OWNER, TOKEN, sha256
from tests.train.publish.tiny_models import write_bundle
from train.__main__ import main

REPO = f"{OWNER}/model"


@pytest.fixture
def bundle(tmp_path: Path, tokenizer: Tokenizer) -> Path:
    return write_bundle(tmp_path / "bundle", tokenizer)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    with fake_hub(monkeypatch, tmp_path / "cache") as served:
        yield served


def push(*arguments: str | Path) -> int:
    return main(["push", *map(str, arguments)])


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """What a push that fails says: one line."""
    capsys.readouterr()
    assert push(*arguments) == 2
    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, said.err
    assert "Traceback" not in said.err
    assert TOKEN not in said.out + said.err
    return lines[0]


def predictions(predictor: Predictor) -> list[dict[str, float]]:
    """Of words, of a voice, of both and, by a framework that sees, of a face with its voice."""
    text, audio, video = "the great joy", EXAMPLES / "even.flac", EXAMPLES / "face_smile.mp4"
    inputs = [{"text": text}, {"audio": audio}, {"audio": audio, "text": text}]
    inputs += [{"video": video}] if predictor.judges_video else []
    answers = [dict(predictor.predict(**given).probabilities) for given in inputs]
    assert all(answers), "each was answered"
    return answers


def test_what_was_pushed_predicts_the_same(hub: FakeHub, bundle: Path, capsys) -> None:
    assert push(REPO, "--model", bundle) == 0
    said = capsys.readouterr()
    assert TOKEN not in said.out + said.err
    here, there = Predictor.load(bundle, device="cpu"), Predictor.load(REPO, device="cpu")
    assert there.frameworks == here.frameworks == ("mgcma", "foal_net")
    expected = predictions(here)
    assert predictions(there) == expected
    commit = hub.repos["model", REPO].branches["main"]
    assert f'Predictor.load("{REPO}", revision="{commit}")' in said.out
    one = Predictor.load(REPO, device="cpu", revision=commit, subfolder="mgcma")
    assert one.frameworks == ("mgcma",)
    assert predictions(one) == expected[:3]


def test_a_part_of_a_bundle_predicts_the_same(hub: FakeHub, bundle: Path) -> None:
    assert push(REPO, "--model", bundle / "mgcma") == 0
    here, there = Predictor.load(bundle / "mgcma", "cpu"), Predictor.load(REPO, "cpu")
    assert predictions(there) == predictions(here)


def test_a_branch_is_made_and_main_stays(hub: FakeHub, bundle: Path) -> None:
    assert push(REPO, "--model", bundle / "speech", "--private", "--revision", "v2") == 0
    assert set(hub.files(REPO)) == {".gitattributes"}
    assert "config.json" in hub.files(REPO, "v2")
    assert hub.repos["model", REPO].private
    assert Predictor.load(REPO, "cpu", revision="v2").frameworks == ("unimodal",)


def test_a_public_repository_takes_no_private_push(hub: FakeHub, bundle: Path, capsys) -> None:
    hub.add(REPO, {})
    said = refusal(capsys, REPO, "--model", bundle, "--private")
    assert "exists and is public" in said
    assert not hub.files(REPO)


def test_what_an_earlier_push_left_does_not_stay(hub: FakeHub, bundle: Path, capsys) -> None:
    """Its plain checkpoint would otherwise be loaded in place of the bundle."""
    assert push(REPO, "--model", bundle / "speech") == 0
    files = {**hub.files(REPO), "notes.txt": b"by hand", "picture.png": b""}
    hub.add(REPO, files)
    assert push(REPO, "--model", bundle) == 0
    assert "deleted, of an earlier push: config.json" in capsys.readouterr().out
    assert {"notes.txt", "picture.png", ".gitattributes"} <= set(hub.files(REPO))
    assert Predictor.load(REPO, "cpu").frameworks == ("mgcma", "foal_net")


def test_pushing_the_same_again_changes_nothing(hub: FakeHub, bundle: Path) -> None:
    assert push(REPO, "--model", bundle) == 0
    before = hub.repos["model", REPO].branches["main"]
    assert push(REPO, "--model", bundle) == 0
    assert hub.repos["model", REPO].branches["main"] == before


def test_an_interrupted_push_changes_nothing_and_is_completed_by_another(
    hub: FakeHub, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.faults.break_uploads_after = 2
    said = refusal(capsys, REPO, "--model", bundle)
    assert "the connection broke off; run the same command again" in said
    assert set(hub.files(REPO)) == {".gitattributes"}, "a half of a model would not load"
    assert len(hub.received) == 2
    hub.faults.break_uploads_after = None
    assert push(REPO, "--model", bundle) == 0
    assert len(hub.received) == len(set(hub.received)), "nothing is sent twice"
    weights = [data for path, data in hub.files(REPO).items() if path.endswith(".safetensors")]
    assert {sha256(data) for data in weights} == set(hub.received)
    Predictor.load(REPO, "cpu")


def test_an_interruption_by_hand_is_one_sentence(hub, bundle, capsys, monkeypatch) -> None:
    def interrupted(*arguments: object, **settings: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("train.publish.push.HfApi.create_commit", interrupted)
    assert "was not written: interrupted; run the same" in refusal(capsys, REPO, "--model", bundle)


def test_without_rights(hub: FakeHub, bundle: Path, capsys, monkeypatch) -> None:
    said = refusal(capsys, "another/model", "--model", bundle)
    assert "the token may not write there" in said
    monkeypatch.setenv("HF_TOKEN", "hf_expired")
    said = refusal(capsys, REPO, "--model", bundle)
    assert "does not accept the token; log in with `hf auth login`, or set HF_TOKEN" in said
    assert "hf_expired" not in said
    monkeypatch.delenv("HF_TOKEN")
    said = refusal(capsys, REPO, "--model", bundle)
    assert "There is no token for the Hub: log in" in said
    assert not hub.repos


@pytest.mark.parametrize(
    ("status", "words"),
    [(403, "may not write there"), (412, "someone else changed it"), (500, "the Hub has a fault"),
     (429, "fewer requests"), (418, "HTTPStatusError")],
)  # fmt: skip
def test_every_refusal_of_the_hub_is_one_sentence(hub, bundle, capsys, status, words) -> None:
    hub.add(REPO, {})
    hub.faults.status = status
    assert words in refusal(capsys, REPO, "--model", bundle / "speech")


def test_no_network(hub: FakeHub, bundle: Path, capsys, monkeypatch) -> None:
    with socket.socket() as unused:  # bound, and nobody listens
        unused.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{unused.getsockname()[1]}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", nowhere)
        assert "the Hub cannot be reached" in refusal(capsys, REPO, "--model", bundle)


def test_a_card_that_the_hub_refuses(hub: FakeHub, bundle: Path, capsys, monkeypatch) -> None:
    (bundle / "README.md").write_text("---\nlicense: mit\nmodel-index: 3\n---\n", "utf-8")
    for folder in ("mgcma", "speech"):
        (bundle / folder / "metrics.json").unlink()
    monkeypatch.setattr("train.publish.hub_card.model_index", lambda *_: [{"name": "m"}])
    said = refusal(capsys, REPO, "--model", bundle)
    assert "Invalid metadata in README.md" in said


@pytest.mark.parametrize("name", ["model", "a/b/c", "/model", "some one/model", "a/..", "a/b--c"])
def test_a_name_that_is_none(name: str, bundle: Path, capsys) -> None:
    for further in ([], ["--dry-run"]):
        said = refusal(capsys, name, "--model", bundle, *further)
        assert "is no id of the Hub; it reads OWNER/NAME" in said


def test_a_dry_run_lists_what_a_push_writes(hub: FakeHub, bundle: Path, capsys) -> None:
    assert push(REPO, "--model", bundle, "--dry-run") == 0
    said = capsys.readouterr().out
    assert not hub.asked
    head, *lines = said.partition("metadata of README.md:")[0].splitlines()
    assert push(REPO, "--model", bundle) == 0
    written = {p: c for p, c in hub.files(REPO).items() if p != ".gitattributes"}
    assert [line.split()[-1] for line in lines] == sorted(written)
    total = sum(map(len, written.values()))
    assert head == f"{REPO}: a model, {len(written)} files, {total / 1e3:.1f} kB"
    for line in lines:
        size = len(written[line.split()[-1]])
        assert line.split()[:2] == (
            [str(size), "B"] if size < 1000 else [f"{size / 1e3:.1f}", "kB"]
        )
    assert "license: cc-by-nc-sa-4.0" in said
    assert "- type: recall\n      value: 0.8125\n" in said


@pytest.mark.slow
def test_the_commands_as_they_are_typed(hub: FakeHub, bundle: Path, tmp_path: Path) -> None:
    """In processes of their own, which find the Hub by HF_ENDPOINT and the token by HF_TOKEN."""
    env = {**os.environ, **environment(hub, tmp_path / "home")}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *arguments], env=env, capture_output=True, text=True, timeout=300
        )

    pushed = run("train", "push", REPO, "--model", str(bundle))
    assert pushed.returncode == 0, pushed.stderr
    words = "the great joy"
    there = run("mer_core", "predict", "--text", words, "--json", "--model", REPO)
    assert there.returncode == 0, there.stderr
    here = Predictor.load(bundle, device="cpu").predict(text=words)
    assert json.loads(there.stdout)["probabilities"] == pytest.approx(here.probabilities, abs=1e-4)
    hub.faults.status = 403
    refused = run("train", "push", REPO, "--model", str(bundle))
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: ")
    assert len(refused.stderr.splitlines()) == 1
    assert not [
        line for ran in (pushed, there, refused) if TOKEN in (line := ran.stdout + ran.stderr)
    ]
