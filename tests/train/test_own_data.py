"""docs/own_data.md, followed word by word: its table, its experiment and its commands."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
import soundfile

import train.__main__ as training
from mer_core import cli
from mer_core.checkpoints.shipped import ASSETS
from mer_core.data.manifest import COLUMNS
from mer_core.media import load_audio
from mer_core.types import SAMPLE_RATE
from tests.clips import VOICE

PAGE = (Path(__file__).parents[2] / "docs" / "own_data.md").read_text("utf-8")


def block(language: str) -> str:
    """The first one, on one's own folder."""
    return str(re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[0])


def test_the_page_names_every_column() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.partition("## What")[0], re.MULTILINE)
    assert rows == [*COLUMNS[:2], "text", "emotion", "speaker", "session", "split"]


@pytest.mark.slow
def test_the_page_can_be_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With two more speakers, whose clips the page leaves to the reader."""
    mine = tmp_path / "mine"
    (mine / "wav").mkdir(parents=True)
    (tmp_path / "assets").symlink_to(ASSETS)
    printed = list(csv.DictReader(io.StringIO(block("csv"))))
    ana = [row for row in printed if row["speaker"] == "ana"]
    rows = [
        {key: value.replace("ana", name) for key, value in row.items()}
        for name in ("ana", "ben", "cem", "dee")
        for row in ana
    ]
    assert printed[-1]["speaker"] == "ben"
    with (mine / "clips.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(printed[0]))
        writer.writeheader()
        writer.writerows(rows)
    for i, row in enumerate(rows):  # a voice that is heard, at another level for each clip
        soundfile.write(mine / row["audio"], load_audio(VOICE) * (1 - i / 40), SAMPLE_RATE)
    (mine / "mine.toml").write_text(block("toml"), "utf-8")
    monkeypatch.chdir(tmp_path)
    for line in block("sh").splitlines():
        _, _, module, *arguments = line.split()
        if module == "train":
            assert training.main(arguments) == 0, line
        else:
            assert cli.main([*arguments, "--json"]) == 0, line
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert answer["emotion"] in {"angry", "happy", "neutral", "sad"}
