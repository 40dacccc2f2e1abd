"""The command line: recordings, videos and text in, one row a file out; or a manifest of them.

Heavy modules are imported only after the arguments are parsed, so that `--help` and a wrong
option answer at once.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO

from tqdm import tqdm

from mer_core import __version__
from mer_core.serving.bulk import command as bulk
from mer_core.serving.bulk.job import BATCH_SIZE
from mer_core.serving.rows import csv_row, info_lines, state_line, table_lines, to_row
from mer_core.types import State

if TYPE_CHECKING:
    from mer_core.serving.predictor import Predictor

ALL_FINE, SOME_FAILED, WRONG_USAGE = 0, 1, 2  # exit codes
INTERRUPTED, READER_GONE = 130, 141  # 128 + SIGINT and SIGPIPE, as shells count them

Row = dict[str, Any]


def main(arguments: Sequence[str] | None = None, prog: str = "python -m mer_core") -> int:
    """Run one command and return its exit code (0 all fine, 1 some files failed, 2 wrong usage)."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # file names may hold bytes that are no UTF-8
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    parser = build_parser(prog)
    options = parser.parse_args(arguments)
    if options.command == "predict":
        if mistake := bulk.mistake(options):
            parser.error(mistake)
        if not options.files and options.text is None and options.manifest is None:
            parser.error("give at least one FILE, or --text, or --manifest")
        if options.explain and not options.json:
            parser.error("--explain needs --json")
    try:
        code = int(options.run(options))
        sys.stdout.flush()  # here, so that a reader that has left is noticed here
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (`head`, say) has left; the interpreter must not try to flush again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    return code


def build_parser(prog: str) -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = argparse.ArgumentParser(
        prog=prog, description="Emotion recognition from speech, text and video."
    )
    parser.set_defaults(prog=prog)
    commands = parser.add_subparsers(dest="command", required=True)
    predict = commands.add_parser(
        "predict",
        help="assign a category to recordings, videos, a text, or both",
        description="One row a FILE. Exit code: 0 all fine, 1 some files failed, 2 wrong usage.",
    )
    predict.add_argument(
        "files", nargs="*", metavar="FILE",
        help="recordings, up to 5 minutes; videos, up to 60 seconds",
    )  # fmt: skip
    predict.add_argument("--text", help="what was said; goes with every FILE, or is judged alone")
    predict.add_argument(
        "--transcribe", action="store_true",
        help="write down what is said and judge the words too, other languages in English "
        "translation; a --text is judged instead",
    )  # fmt: skip
    predict.add_argument(
        "--sound-only", action="store_true", help="judge a video by its sound, like a recording"
    )
    predict.add_argument(
        "--explain", action="store_true",
        help="with --json: the category's probability without each word and each moment",
    )  # fmt: skip
    output = predict.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print one JSON object a line")
    output.add_argument("--csv", metavar="OUT", help="write a table to the file OUT")
    bulk.add_options(predict)
    predict.set_defaults(run=run_predict)
    info = commands.add_parser("info", help="show the model, its labels and its metrics")
    info.add_argument("--json", action="store_true", help="print one JSON object")
    info.set_defaults(run=run_info)
    for command in (predict, info):
        command.add_argument(
            "--model", metavar="M", help="checkpoint folder or Hub id (default: the shipped model)"
        )
        command.add_argument("--device", default="auto", help="auto, cpu, cuda, ... (%(default)s)")
    predict.add_argument(
        "--face-detector", metavar="F", help="file or Hub id of another YuNet model"
    )
    predict.add_argument(
        "--whisper", metavar="W",
        help="speech-to-text model: CTranslate2 folder, size such as small, or Hub id (default: "
        "the shipped one)",
    )  # fmt: skip
    return parser


def run_predict(options: argparse.Namespace) -> int:
    """Print or write one row a file, whatever each file holds."""
    if options.manifest is not None:
        return run_manifest(options)
    predictor = load_or_explain(options)
    if predictor is None:
        return WRONG_USAGE
    failed = 0
    try:
        with row_writer(options, predictor.labels) as write:
            for row in predicted_rows(predictor, options):
                write(row)
                failed += row["error"] is not None
    except BrokenPipeError:
        raise
    except OSError as error:  # only the writer touches files; unreadable input is a row
        return explain(
            options.prog,
            f"{options.csv or 'The output'} cannot be written: {error.strerror or error}.",
        )
    return SOME_FAILED if failed else ALL_FINE


def run_manifest(options: argparse.Namespace) -> int:
    """Judge what is left of a manifest, whatever each of its rows holds."""
    from mer_core.checkpoints.errors import CheckpointError
    from mer_core.serving.bulk.errors import BulkError

    # Workers may run in another folder, and Hub ids are no paths.
    models = (options.model, options.face_detector, options.whisper)
    model, detector, whisper = (
        os.path.abspath(name) if name and os.path.exists(name) else name for name in models
    )
    load = partial(load_predictor, model, options.device, detector, whisper)
    try:
        states = bulk.run(options, load, __version__)
    except (BulkError, CheckpointError) as error:
        return explain(options.prog, str(error))
    except OSError as error:
        reason = error.strerror or error
        return explain(options.prog, f"{options.out} cannot be written: {reason}.")
    print(f"{options.out}: {state_line(states)}")
    return SOME_FAILED if State.REFUSED in states else ALL_FINE


def run_info(options: argparse.Namespace) -> int:
    """Print what the model is."""
    predictor = load_or_explain(options)
    if predictor is None:
        return WRONG_USAGE
    info = predictor.info()
    if options.json:
        print(json.dumps(info, ensure_ascii=False, default=str))
    else:
        print("\n".join(info_lines(info)))
    return ALL_FINE


def load_predictor(
    model: str | None, device: str, face_detector: str | None = None, whisper: str | None = None
) -> Predictor:
    """The model; imports torch, which takes seconds."""
    from mer_core.serving.predictor import Predictor

    return Predictor.load(model, device=device, face_detector=face_detector, whisper=whisper)


def load_or_explain(options: argparse.Namespace) -> Predictor | None:
    """The model, or None after a sentence on why it cannot be had."""
    # `info` looks at no face and transcribes nothing.
    detector, whisper = (getattr(options, name, None) for name in ("face_detector", "whisper"))
    try:
        predictor = load_predictor(options.model, options.device, detector, whisper)
    # Folder, Hub, safetensors and torch each raise errors of their own, and all of them mean the
    # same to the user.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        name = "The shipped model" if options.model is None else f"The model {options.model!r}"
        explain(options.prog, f"{name} cannot be loaded on device {options.device!r}: {reason}")
        return None
    try:
        if getattr(options, "transcribe", False):
            predictor.transcriber.load()
    except RuntimeError as error:  # a TranscriberError, whose message says all
        explain(options.prog, str(error))
        return None
    return predictor


def explain(prog: str, sentence: str) -> int:
    """Print on stderr what is wrong with the usage; `prog` is the command as it was typed."""
    print(f"{prog}: {sentence}", file=sys.stderr)
    return WRONG_USAGE


def predicted_rows(predictor: Predictor, options: argparse.Namespace) -> Iterator[Row]:
    """One row a file in order, or one for the text alone; a bad file is a row with its error."""
    from mer_core.media.video import has_picture

    def kind(file: str | None) -> str:
        """How to pass a file: as a video if it has pictures and the model judges them."""
        videos = predictor.judges_video and not options.sound_only
        return "video" if videos and file is not None and has_picture(file) else "audio"

    entries: list[str | None] = [*options.files] or [None]
    with tqdm(total=len(entries), desc="predict", unit="file", disable=len(entries) < 2) as bar:
        for start in range(0, len(entries), BATCH_SIZE):
            chunk = entries[start : start + BATCH_SIZE]
            items = [{kind(file): file, "text": options.text, "name": file or ""} for file in chunk]
            predictions = predictor.predict_many(
                items, BATCH_SIZE, transcribe=options.transcribe, explain=options.explain
            )
            for file, prediction in zip(chunk, predictions, strict=True):
                bar.update()
                yield to_row(file, prediction)


@contextmanager
def row_writer(
    options: argparse.Namespace, labels: Sequence[str]
) -> Iterator[Callable[[Row], None]]:
    """What takes a row: a line of JSON, a line of the CSV file, or the table, printed at the end.

    `tqdm.write` keeps a line out of the progress bar where both share a terminal.
    """
    if options.csv:
        with open(options.csv, "w", encoding="utf-8", errors="backslashreplace", newline="") as out:
            yield csv_writer(out, labels)
    elif options.json:
        yield lambda row: tqdm.write(
            json.dumps(row, ensure_ascii=False, allow_nan=False), file=sys.stdout
        )
    else:
        rows: list[Row] = []
        yield rows.append
        print("\n".join(table_lines(rows)))


def csv_writer(out: TextIO, labels: Sequence[str]) -> Callable[[Row], None]:
    """Writes the header now and a line a row later."""
    writer: csv.DictWriter[str] | None = None

    def write(row: Row) -> None:
        nonlocal writer
        flat = csv_row(row, labels)
        if writer is None:
            writer = csv.DictWriter(out, list(flat))
            writer.writeheader()
        writer.writerow(flat)

    return write
