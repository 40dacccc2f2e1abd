"""Loading from the Hub: what comes back, and what each failure says."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from mer_core.checkpoints.checkpoint import load_checkpoint, load_checkpoints, save_checkpoint
from mer_core.checkpoints.errors import CheckpointError
from mer_core.checkpoints.hub_problems import HubError, HubProblem
from mer_core.data import collate
from mer_core.encoders.compact_speech import CompactSpeechConfig, CompactSpeechEncoder
from mer_core.frameworks.unimodal import Unimodal
from mer_core.types import Utterance
from tests.hub.server import FakeHub, fake_hub
from tests.hub.store import TOKEN

NAME = "someone/model"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    with fake_hub(monkeypatch, tmp_path / "cache") as served:
        yield served


def framework(seed: int) -> Unimodal:
    torch.manual_seed(seed)
    shape = CompactSpeechConfig(channels=(16, 16), blocks=1, width=8)
    return Unimodal(CompactSpeechEncoder(shape), ("calm", "loud")).eval()


def files_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}


@pytest.fixture
def stored(tmp_path: Path) -> dict[str, bytes]:
    save_checkpoint(tmp_path / "saved", framework(0))
    return files_of(tmp_path / "saved")


def test_a_download_gives_the_same_numbers(hub: FakeHub, stored, voice) -> None:
    hub.add(NAME, {**stored, "script.py": b"raise SystemExit"})
    loaded = load_checkpoint(NAME)
    batch = collate([Utterance(waveform=voice(1.0))])
    assert torch.equal(loaded.framework(batch).logits, framework(0)(batch).logits)
    assert loaded.source == NAME
    assert not [asked for asked in hub.asked if "script.py" in asked], "code is never fetched"


def test_a_revision_is_a_branch_or_a_commit(hub: FakeHub, stored, tmp_path: Path, voice) -> None:
    first = hub.add(NAME, stored)
    save_checkpoint(tmp_path / "other", framework(1))
    hub.add(NAME, files_of(tmp_path / "other"))
    batch = collate([Utterance(waveform=voice(1.0))])
    for revision, seed in ((first, 0), ("main", 1), (None, 1)):
        loaded = load_checkpoint(NAME, revision=revision).framework
        assert torch.equal(loaded(batch).logits, framework(seed)(batch).logits), revision


def test_a_subfolder_is_one_checkpoint_of_a_bundle(hub: FakeHub, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "bundle" / "unimodal", framework(0), shared=True)
    hub.add(NAME, files_of(tmp_path / "bundle"))
    for source in (NAME, str(tmp_path / "bundle")):
        assert list(load_checkpoints(source)) == ["unimodal"]
        assert load_checkpoint(source, subfolder="unimodal").framework.labels == ("calm", "loud")
        for wrong in ("mgcma", "..", "unimodal/../..", "/"):
            with pytest.raises(CheckpointError, match=r"has no subfolder .*; it has unimodal"):
                load_checkpoint(source, subfolder=wrong)


def test_a_damaged_file_is_named_and_downloaded_anew(hub: FakeHub, stored) -> None:
    hub.add(NAME, stored)
    for damaged in ("model.safetensors", "config.json"):  # of LFS, and of git
        hub.faults.damaged = {damaged}
        with pytest.raises(CheckpointError, match=f"{damaged} did not arrive as it is on the Hub"):
            load_checkpoint(NAME)
        hub.faults.damaged = set()
        load_checkpoint(NAME)
        hub.add(NAME, {**stored, "config.json": stored["config.json"] + b" "})


def test_what_was_downloaded_serves_without_the_hub(hub: FakeHub, stored) -> None:
    hub.add(NAME, stored)
    load_checkpoint(NAME)
    hub.faults.status = 503
    assert load_checkpoint(NAME).framework.labels == ("calm", "loud")


def one_sentence(error: CheckpointError) -> str:
    text = str(error)
    assert "\n" not in text
    assert text.endswith(".")
    assert TOKEN not in text
    return text


@pytest.mark.parametrize(
    ("status", "problem", "words"),
    [
        (401, HubProblem.BAD_TOKEN, "does not accept the token; log in with `hf auth login`"),
        (403, HubProblem.NO_RIGHTS, "the token may not read it"),
        (429, HubProblem.TOO_MANY, "fewer requests"),
        (500, HubProblem.HUB_FAULT, "the Hub has a fault; try again later"),
        (418, HubProblem.UNKNOWN, "HTTPStatusError"),
    ],
)
def test_an_answer_without_a_model_is_one_sentence(hub, status, problem, words) -> None:
    hub.faults.status = status
    with pytest.raises(HubError) as caught:
        load_checkpoint(NAME)
    assert caught.value.problem is problem
    assert words in one_sentence(caught.value)


def test_an_unknown_failure_is_quoted_without_the_token(hub, monkeypatch) -> None:
    def download(*arguments: object, **settings: object) -> None:
        raise RuntimeError("outer") from OSError(f"storage said no to {TOKEN}.\nAnd more.")

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    with pytest.raises(HubError) as caught:
        load_checkpoint(NAME)
    assert caught.value.problem is HubProblem.UNKNOWN
    assert one_sentence(caught.value).endswith(": OSError: storage said no to hf_….")


def test_an_unknown_name_and_an_unknown_revision(hub: FakeHub, stored) -> None:
    with pytest.raises(HubError, match="the Hub has no such model") as caught:
        load_checkpoint(NAME)
    one_sentence(caught.value)
    hub.add(NAME, stored)
    with pytest.raises(HubError, match=r"at revision v2 .* it has no such revision") as caught:
        load_checkpoint(NAME, revision="v2")
    one_sentence(caught.value)
    with pytest.raises(HubError, match="no id that the Hub allows") as caught:
        load_checkpoint("some one/mo..del")
    one_sentence(caught.value)


def test_files_that_are_missing(hub: FakeHub, stored) -> None:
    hub.add(NAME, stored)
    hub.faults.lost = {"model.safetensors"}  # it is listed
    with pytest.raises(HubError, match="one of its files is missing on the Hub") as caught:
        load_checkpoint(NAME)
    one_sentence(caught.value)
    hub.faults.lost = set()
    del stored["model.safetensors"]
    hub.add(NAME, stored)
    with pytest.raises(CheckpointError, match="safetensors is missing from the checkpoint"):
        load_checkpoint(NAME)


def test_a_download_that_breaks_off_goes_on_later(hub: FakeHub, stored) -> None:
    hub.add(NAME, stored)
    hub.faults.cut = {"speech_encoder.safetensors"}
    with pytest.raises(HubError, match="broke off; run it again to go on") as caught:
        load_checkpoint(NAME)
    one_sentence(caught.value)
    hub.faults.cut = set()
    load_checkpoint(NAME)


def test_no_network(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:  # bound, and nobody listens
        unused.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{unused.getsockname()[1]}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", nowhere)
        with pytest.raises(HubError, match="cannot be reached; check the network") as caught:
            load_checkpoint(NAME)
    one_sentence(caught.value)


def test_offline_by_wish(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match="HF_HUB_OFFLINE is set") as caught:
        load_checkpoint(NAME)
    one_sentence(caught.value)
