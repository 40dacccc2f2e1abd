"""A prediction as a row of JSON, of CSV or of a printed table."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from mer_core.frameworks.descriptor import MODALITIES
from mer_core.types import (
    COMBINED,
    FaceTrack,
    FloatArray,
    Occlusions,
    Prediction,
    State,
    Transcript,
)

CONDITIONS = (*MODALITIES, COMBINED)  # of all frameworks
HEADINGS = ("file", "emotion", "p", "speech", "text", "face", "note")
SAID = ("language", "words")  # further headings, with transcripts
WIDEST_NAME = 60  # characters of a file name that a table shows

Row = dict[str, Any]


def to_row(file: str | None, prediction: Prediction) -> Row:
    """What `--json` prints: plain types only; `error` is None unless the input was refused."""
    refused = prediction.state == State.REFUSED
    return {
        "file": file,
        "emotion": prediction.emotion,
        "probabilities": _plain(prediction.probabilities),
        "by_modality": {
            name: None if probabilities is None else _plain(probabilities)
            for name, probabilities in prediction.by_modality.items()
        },
        "match": None if prediction.match is None else round(prediction.match, 6),
        "state": str(prediction.state),
        "message": prediction.message,
        "error": {"kind": prediction.error_kind, "message": prediction.message}
        if refused
        else None,
        "framework": prediction.framework,
        "duration": None if prediction.duration is None else round(float(prediction.duration), 3),
        "timeline": [
            {
                "start": round(float(window.start), 3),
                "end": round(float(window.end), 3),
                "emotion": window.emotion,
                "probabilities": _plain(window.probabilities),
            }
            for window in prediction.timeline
        ],
        "transcript": None
        if prediction.transcript is None
        else transcript_row(prediction.transcript),
        "occlusions": None
        if prediction.occlusions is None
        else occlusions_row(prediction.occlusions),
        "face": None if prediction.face is None else _face(prediction.face),
        "companion": None if prediction.companion is None else to_row(file, prediction.companion),
    }


def transcript_row(transcript: Transcript) -> dict[str, Any]:
    """The words, their language and their times; `translation` is None without one."""
    return {
        "text": transcript.text,
        "language": transcript.language,
        "language_probability": round(transcript.language_probability, 4),
        "translation": transcript.translation,
        "words": [
            {
                "text": word.text,
                "start": round(word.start, 3),
                "end": round(word.end, 3),
                "probability": round(word.probability, 4),
            }
            for word in transcript.words
        ],
    }


def occlusions_row(found: Occlusions) -> dict[str, Any]:
    """The category's probability, and without each word and each moment, by modality."""
    edges = [round(float(edge), 3) for edge in found.times]
    return {
        "emotion": found.emotion,
        "probability": _plain(found.whole),
        "words": [
            {"text": word, "without": _without(found.without_word, index)}
            for index, word in enumerate(found.words)
        ],
        "moments": [
            {"start": start, "end": end, "without": _without(found.without_moment, index)}
            for index, (start, end) in enumerate(pairwise(edges))
        ],
    }


def _without(by_condition: Mapping[str, FloatArray], part: int) -> dict[str, float | None]:
    """Condition → the probability without one part; None where nothing else is left."""
    chances = {condition: float(values[part]) for condition, values in by_condition.items()}
    return {c: None if math.isnan(value) else round(value, 6) for c, value in chances.items()}


def _face(face: FaceTrack) -> list[dict[str, Any]]:
    """Time and box of every frame in which the face was found; shares of width and height."""
    return [
        {"time": round(float(time), 3), "box": [round(float(side), 4) for side in box]}
        for time, box, found in zip(face.times, face.boxes, face.found, strict=True)
        if found
    ]


def _plain(probabilities: dict[str, float]) -> dict[str, float]:
    return {name: round(float(value), 6) for name, value in probabilities.items()}


def csv_row(row: Row, labels: Sequence[str]) -> dict[str, Any]:
    """The same row without nesting: a column for each label, combined and by modality."""
    flat = {key: row[key] for key in ("file", "emotion", "state", "framework", "duration")}
    flat |= {f"p_{label}": row["probabilities"].get(label) for label in labels}
    for modality in CONDITIONS:
        probabilities = row["by_modality"].get(modality) or {}
        flat |= {f"{modality}_{label}": probabilities.get(label) for label in labels}
    error = row["error"] or {"kind": "", "message": ""}
    flat["match"] = row["match"]
    said = row["transcript"] or dict.fromkeys(("text", "language", "translation"))
    flat |= {"transcript": said["text"]} | {k: said[k] for k in ("language", "translation")}
    flat["words"] = json.dumps(said["words"], ensure_ascii=False) if row["transcript"] else None
    return flat | {"message": row["message"], "error": error["kind"]}


def table_lines(rows: Sequence[Row]) -> list[str]:
    """A table to read: headings, then one line a row; with the words if they were transcribed."""
    cells = [HEADINGS, *(_cells(row) for row in rows)]
    if any(row["transcript"] for row in rows):
        said = [SAID, *(_said(row["transcript"]) for row in rows)]
        cells = [(*line, *words) for line, words in zip(cells, said, strict=True)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]


def _cells(row: Row) -> tuple[str, ...]:
    name = "(text)" if row["file"] is None else _visible(row["file"])
    if len(name) > WIDEST_NAME:
        name = "…" + name[-WIDEST_NAME + 1 :]
    confidence = max(row["probabilities"].values(), default=None)
    return (
        name,
        "error" if row["error"] else row["emotion"] or "-",
        "-" if confidence is None else f"{confidence:.2f}",
        _top(row["by_modality"].get("speech") or row["by_modality"].get("audio")),
        _top(row["by_modality"].get("text")),
        _top(row["by_modality"].get("video")),
        _visible(row["message"]),
    )


def _said(transcript: dict[str, Any] | None) -> tuple[str, str]:
    """Language and words, with their translation."""
    from mer_core.media.languages import language_name  # `--help` does without torch

    if not transcript or not transcript["text"]:
        return "-", "-"
    words = _visible(transcript["text"])
    if transcript["translation"]:
        words += f" (in English: {_visible(transcript['translation'])})"
    return language_name(transcript["language"]), words


def _top(probabilities: dict[str, float] | None) -> str:
    if not probabilities:
        return "-"
    best = max(probabilities, key=lambda label: probabilities[label])
    return f"{best} {probabilities[best]:.2f}"


def _visible(text: str) -> str:
    """Control characters escaped: a file name must not move the cursor or break the table."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def state_line(counts: Mapping[State, int]) -> str:
    """How many rows are in which state, the most frequent first: `97 rows, 95 ok, 2 silence`."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    parts = [f"{sum(counts.values()):,} rows", *(f"{n:,} {state}" for state, n in ordered)]
    return ", ".join(parts)


def info_lines(info: dict[str, Any], indent: int = 0) -> Iterator[str]:
    """Nested facts as indented lines."""
    width = max((len(str(key)) for key in info), default=0)
    for key, value in info.items():
        start = " " * indent + str(key).ljust(width)
        if isinstance(value, dict):
            yield start.rstrip()
            yield from info_lines(value, indent + 2)
        elif isinstance(value, list | tuple) and value and isinstance(value[0], list | tuple):
            yield start.rstrip()
            for line in value:
                yield " " * (indent + 2) + "  ".join(f"{_short(item):>6}" for item in line)
        elif isinstance(value, list | tuple):
            yield f"{start}  {', '.join(_short(item) for item in value)}"
        else:
            yield f"{start}  {_short(value)}"


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
