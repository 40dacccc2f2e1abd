"""Leave-one-session-out on a tiny IEMOCAP: who meets whom, and when; and what is left of a kill."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from mer_core.metrics.recognition import recognition_report
from tests.films import numbered
from tests.iemocap_tree import write_dialogue
from tests.train.conftest import hears_any_sound
from tests.train.iemocap import PER_SESSION, relabel, tiny_study, write_iemocap
from train.ablation.runs import RunPaths
from train.config import Experiment
from train.evaluate.held_out import Classes, View
from train.evaluate.predictions import Predictions
from train.evaluate.subsets import Subset
from train.protocols import crossval as protocol
from train.protocols.crossval import crossval
from train.report.records import RUNS_FILE, RunRecord, Selection, read_records
from train.state import save_state

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_iemocap(tmp_path_factory.mktemp("data"), sessions=3)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer) -> Experiment:
    return tiny_study(tmp_path_factory.mktemp("encoders"), tokenizer)


@pytest.fixture(scope="module")
def done(
    data: Path, study: Experiment, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[RunRecord]]:
    """Three folds of one seed, and the folder of their runs."""
    out = tmp_path_factory.mktemp("done")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("train.evaluate.reading.detect_speech", hears_any_sound)
        patch.setattr("train.log.save_curves", lambda *_: None)
        return out, crossval(study, "iemocap", paths_of(data, out), seeds=1)


@pytest.fixture(autouse=True)
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing the curves would take half of the time."""
    monkeypatch.setattr("train.log.save_curves", lambda *_: None)


def paths_of(data: Path, out: Path) -> RunPaths:
    return RunPaths(data, out, CPU, out.parent / "cache")


def speakers(*sessions: int) -> list[str]:
    return [f"iemocap_{session}{actor}" for session in sessions for actor in "FM"]


def test_no_speaker_is_in_two_parts(done: tuple[Path, list[RunRecord]]) -> None:
    out, records = done
    assert [list(record.test) for record in records] == [speakers(i) for i in range(1, 4)]
    for i, record in enumerate(records, start=1):
        following = i % 3 + 1
        assert list(record.inner) == speakers(following)
        folder = out / "seed-5" / f"fold-{i}"
        sources = json.loads((folder / "config.json").read_text())["experiment"]["sources"]
        assert sources["speech"]["speakers"] == sources["text"]["speakers"]
        splits = sources["speech"]["speakers"]
        rest = [s for s in range(1, 4) if s not in (i, following)]
        assert splits == {
            "train": speakers(*rest), "dev": speakers(following), "test": speakers(i)
        }  # fmt: skip
        assert not (folder / "state.safetensors").exists()
        assert record.system.protocol.selection is Selection.INNER_FOLD


def test_figures_are_those_of_the_stored_logits(done: tuple[Path, list[RunRecord]]) -> None:
    out, records = done
    for record in records:
        for condition in ("speech", "text", "both"):
            file = out / "seed-5" / f"fold-{record.fold}" / f"predictions-{condition}.npz"
            stored = Predictions.load(file)
            assert set(stored.groups) == set(record.test)
            assert len(set(stored.names)) == PER_SESSION
            report = recognition_report(
                stored.truth, stored.logits, stored.labels,
                temperature=record.temperatures[condition],
            )  # fmt: skip
            figures = record.tallies[View(condition, Classes.FOUR)].figures()
            for name, value in dataclasses.asdict(figures).items():
                assert value == pytest.approx(report[name]), name
            parts = {
                subset: record.tallies[View(condition, Classes.FOUR, subset)].figures().n
                for subset in Subset
            }
            assert parts == {
                Subset.EVERYTHING: 16,
                Subset.IMPROVISED: 8,
                Subset.SCRIPTED: 8,
                Subset.NEW_WORDS: 8,
            }  # fmt: skip  (scripted words are those of other sessions)


def test_the_tested_epoch_is_the_best_of_the_inner_session(
    done: tuple[Path, list[RunRecord]],
) -> None:
    out, records = done
    for record in records:
        log = (out / "seed-5" / f"fold-{record.fold}" / "log.jsonl").read_text().splitlines()
        scores = [json.loads(line)["score"] for line in log]
        assert record.epoch == 1 + int(np.argmax(scores))


def test_a_line_names_no_path_and_says_all(done: tuple[Path, list[RunRecord]]) -> None:
    out, records = done
    text = (out / RUNS_FILE).read_text("utf-8")
    assert str(out.parent) not in text
    assert "wav" not in text
    read = read_records(out / RUNS_FILE)
    assert [record.line() for record in read] == [record.line() for record in records]
    row = json.loads(text.splitlines()[0])
    assert {"config", "data", "code", "seed", "fold", "protocol"} <= set(row)
    both = next(
        r for r in row["results"] if r["condition"] == "both" and r["subset"] == "all items"
    )
    assert both["figures"]["n"] == PER_SESSION
    assert sorted(both["units"]) == ["Ses01F_impro01", "Ses01F_script01_1"]


class KilledError(Exception):
    """In place of the process' end."""


def test_killed_in_a_fold_and_resumed_to_the_same_lines(
    done: tuple[Path, list[RunRecord]],
    data: Path,
    study: Experiment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    saves = 0

    def save_and_die(*arguments: Any) -> None:
        nonlocal saves
        save_state(*arguments)
        saves += 1
        if saves == 5:  # after the second epoch of the second fold
            raise KilledError

    paths = paths_of(data, tmp_path / "out")
    monkeypatch.setattr("train.loop.save_state", save_and_die)
    with pytest.raises(KilledError):
        crossval(study, "iemocap", paths, seeds=1)
    killed = (paths.out / RUNS_FILE).read_text("utf-8")
    assert len(killed.splitlines()) == 1
    (paths.out / RUNS_FILE).write_text(killed + killed[:80], "utf-8")  # and half a line
    monkeypatch.setattr("train.loop.save_state", save_state)
    crossval(study, "iemocap", paths, seeds=1)
    expected = (done[0] / RUNS_FILE).read_text("utf-8")
    assert (paths.out / RUNS_FILE).read_text("utf-8") == expected

    def trains(*_: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(protocol, "fit_experiment", trains)
    crossval(study, "iemocap", paths, seeds=1)
    assert (paths.out / RUNS_FILE).read_text("utf-8") == expected


def protocol_loop_save():
    from train.loop import save_state

    return save_state


def test_labels_of_the_test_session_change_nothing_but_its_figures(
    done: tuple[Path, list[RunRecord]], data: Path, study: Experiment, tmp_path: Path
) -> None:
    shutil.copytree(data, tmp_path / "data")
    relabel(tmp_path / "data", session=1)
    other = protocol._study(study, "iemocap", paths_of(tmp_path / "data", tmp_path), 0, False)
    record = protocol.run_fold(other, 5, other.plan.folds[0])
    out, (first, *_) = done
    theirs, ours = (base / "seed-5" / "fold-1" for base in (out, tmp_path))
    for weights in sorted(path.name for path in theirs.glob("*.safetensors")):
        assert (ours / weights).read_bytes() == (theirs / weights).read_bytes()
    for condition in ("speech", "text", "both"):
        mine, before = (
            Predictions.load(folder / f"predictions-{condition}.npz") for folder in (ours, theirs)
        )
        np.testing.assert_array_equal(mine.logits, before.logits)
        assert (mine.truth != before.truth).all()
    assert (record.epoch, record.temperatures) == (first.epoch, first.temperatures)
    view = View("both", Classes.FOUR)
    assert record.tallies[view].record() != first.tallies[view].record()
    assert record.system.data != first.system.data
    assert record.system.config == first.system.config


def test_the_best_test_epoch_is_seen_and_changes_nothing(
    done: tuple[Path, list[RunRecord]], data: Path, study: Experiment, tmp_path: Path
) -> None:
    looked = protocol._study(study, "iemocap", paths_of(data, tmp_path), 0, True)
    record = protocol.run_fold(looked, 5, looked.plan.folds[0])
    out, (first, *_) = done
    assert record.best_test_epoch is not None
    assert dataclasses.replace(record, best_test_epoch=None).line() == first.line()
    assert first.best_test_epoch is None
    theirs, ours = (base / "seed-5" / "fold-1" for base in (out, tmp_path))
    for weights in sorted(path.name for path in theirs.glob("*.safetensors")):
        assert (ours / weights).read_bytes() == (theirs / weights).read_bytes()
    rows = [json.loads(line) for line in (ours / "test_epochs.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    recalls = []
    for row in rows:
        table = np.sum(list(row["units"].values()), axis=0)  # (C, C + 1)
        recalls.append(np.mean(np.diag(table) / table.sum(axis=1)))
    assert record.best_test_epoch.epoch == 1 + int(np.argmax(recalls))
    tested = next(row for row in rows if row["epoch"] == record.epoch)
    assert tested["units"] == record.tallies[View("both", Classes.FOUR)].record()["units"]
    shutil.copyfile(out / RUNS_FILE, tmp_path / RUNS_FILE)
    with pytest.raises(ValueError, match="without its best test epoch"):
        protocol.run_fold(looked, 5, looked.plan.folds[0])


def test_without_selection_nothing_is_chosen(data: Path, study: Experiment, tmp_path: Path) -> None:
    optim = dataclasses.replace(study.optim, epochs=1, select=False)
    fixed = dataclasses.replace(study, optim=optim)
    records = crossval(fixed, "iemocap", paths_of(data, tmp_path), seeds=2, count=2)
    assert [(record.seed, record.fold) for record in records] == [(5, 1), (5, 2), (6, 1), (6, 2)]
    for record in records:
        assert record.system.protocol.selection is Selection.NONE
        assert (record.inner, record.epoch, record.temperatures) == ((), 1, {})
    assert {name for record in records[:2] for name in record.test} == set(speakers(1, 2, 3))
    seeds = [record.tallies[View("both", Classes.FOUR)].gaps for record in records]
    assert (seeds[0] != seeds[2]).any()  # other first weights


@pytest.mark.parametrize(
    ("corpus", "options", "message"),
    [
        ("ravdess", {}, "reads no speech of ravdess; its corpora of speech are iemocap"),
        ("iemocap", {"seeds": 0}, "--seeds must be 1 or more"),
        ("iemocap", {"count": 9}, "--folds 9: must be from 2 to 3"),
    ],
)
def test_mistakes_are_one_sentence(
    corpus: str, options: dict[str, int], message: str, data: Path, study: Experiment,
    tmp_path: Path,
) -> None:  # fmt: skip
    with pytest.raises(ValueError, match=message):
        crossval(study, corpus, paths_of(data, tmp_path), **options)


def test_epochs_of_several_runs_cannot_be_looked_at(
    data: Path, study: Experiment, tmp_path: Path
) -> None:
    averaged = dataclasses.replace(study, averaged_runs=2)
    with pytest.raises(ValueError, match="averaged_runs=1"):
        crossval(averaged, "iemocap", paths_of(data, tmp_path), literature=True)


def test_voice_and_film_on_the_same_folds(
    foal_net: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Foal-Net on the split-screen films of three sessions, two dialogues each."""
    for session in (1, 2, 3):
        for scene in ("impro01", "script01_1"):
            write_dialogue(tmp_path, session, f"Ses0{session}F_{scene}", numbered(125))
    monkeypatch.setattr("train.evaluate.reading.detect_speech", hears_any_sound)
    speech, video = foal_net.sources.values()
    alone = {"iemocap": 1.0}
    experiment = dataclasses.replace(
        foal_net,
        pairing="natural",
        sources={
            "speech": dataclasses.replace(speech, corpora=alone),
            "video": dataclasses.replace(video, corpora=alone, picture="whole", picture_size=48),
        },
    )
    records = crossval(experiment, "iemocap", paths_of(tmp_path, tmp_path / "out"), seeds=1)
    # Conditions and subsets; every session says the same words.
    assert [len(record.tallies) for record in records] == [3 * 3] * 3
    for record in records:
        assert {view.condition for view in record.tallies} == {"audio", "video", "both"}
        assert {
            tally.figures().n
            for view, tally in record.tallies.items()
            if view.subset is Subset.EVERYTHING
        } == {8}  # fmt: skip  (two scenes of four)


@pytest.mark.slow
def test_folds_dealt_over_two_processes_give_the_same_lines(
    done: tuple[Path, list[RunRecord]], data: Path, study: Experiment, tmp_path: Path
) -> None:
    """The detector's own answers are cached, so that the processes need not be told them."""
    records = crossval(study, "iemocap", RunPaths(data, tmp_path, CPU, done[0].parent / "cache"),
                       seeds=1, jobs=2)  # fmt: skip
    assert [record.line() for record in records] == [record.line() for record in done[1]]
    lines = (tmp_path / RUNS_FILE).read_text("utf-8").splitlines()
    assert sorted(lines) == sorted(record.line() for record in records)
