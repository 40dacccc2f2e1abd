"""`python -m train COMMAND`: see `parser`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from mer_core.checkpoints.shipped import WHISPER
from train import commands
from train.distributed import is_one_of_several
from train.publish.whisper import HUB_ID
from train.stages import LAYERS, VOCABULARY

Run = Callable[[argparse.Namespace], int | None]


def main(arguments: Sequence[str] | None = None, prog: str = "python -m train") -> int:
    """Parse, run, and turn the caller's mistakes into one sentence and exit code 2.

    A command may return another exit code: `check` returns 1 for data that would spoil a result.
    """
    options = parser(prog).parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        if is_one_of_several() and options.run not in commands.DISTRIBUTED:
            raise ValueError("Only fit runs in several processes; start this command by itself.")
        if getattr(options, "transcribe", False):
            if is_one_of_several():
                raise ValueError("--transcribe runs in one process; do it before training.")
            commands.run_transcribe(options)
        return options.run(options) or 0
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def parser(prog: str = "python -m train") -> argparse.ArgumentParser:
    """The command line, with a subcommand for each stage."""
    top = argparse.ArgumentParser(
        prog=prog, description="Train, evaluate and publish models; each stage resumes."
    )
    stages = top.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str, run: Run, text: str, *, common: bool = True, config: bool = True
    ) -> argparse.ArgumentParser:
        command = stages.add_parser(name, help=text, description=text)
        command.add_argument(
            "--threads", type=int, default=0, help="CPU threads (0: torch's default)"
        )
        if common:
            _add_common(command, config)
        command.set_defaults(run=run)
        return command

    _add_checks(add)
    _add_training(add)
    _add_measuring(add)
    _add_crossval(add)
    _add_protocols(add)
    _add_publishing(add)
    return top


Add = Callable[..., argparse.ArgumentParser]  # name, run, text → the parser of a subcommand


def _add_common(command: argparse.ArgumentParser, config: bool) -> None:
    command.add_argument("--data", type=Path, required=True, help="folder of the corpora")
    command.add_argument(
        "--cache", type=Path, default=commands.RUNS / "cache", help="decoded clips"
    )
    command.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    if config:
        command.add_argument(
            "--config", type=commands.config_path, required=True,
            help="an experiment (TOML), or the name of a shipped one, such as mgcma_base",
        )  # fmt: skip
        command.add_argument(
            "--transcribe", action="store_true",
            help="first write down the words of the corpora named transcribed:CORPUS",
        )  # fmt: skip
    command.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides",
        help="override a setting, such as optim.epochs=3",
    )  # fmt: skip


def _add_crossfit(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--crossfit", type=Path, help="folder of a crossfit, whose temperatures are used"
    )


def _add_checks(add: Add) -> None:
    check = add(
        "check", commands.run_check, "look for what in the corpora would spoil a result",
        common=False,
    )  # fmt: skip
    check.add_argument("--data", type=Path, required=True, help="folder of the corpora")
    check.add_argument(
        "--config", type=commands.config_path,
        help="look at what this experiment reads (default: at every corpus that is there)",
    )  # fmt: skip
    check.add_argument(
        "--corpora", nargs="+", default=[], help="further ones, such as manifest:clips.csv"
    )


def _add_jobs(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--jobs", type=int, default=1,
        help="processes over which the runs are dealt; of --device cuda, each on its own GPU",
    )  # fmt: skip


def _add_training(add: Add) -> None:
    fit = add("fit", commands.run_fit, "train one experiment; run again to resume")
    fit.add_argument("--out", type=Path, help="folder of the run (default: runs/NAME)")
    prune = add("prune", commands.run_prune, "cut a BERT checkpoint down for the text stage")
    prune.add_argument("--source", type=Path, required=True, help="folder of the BERT checkpoint")
    prune.add_argument("--out", type=Path, required=True, help="folder to write")
    prune.add_argument("--vocabulary", type=int, default=VOCABULARY, help="word pieces to keep")
    prune.add_argument("--layers", type=int, nargs="+", default=LAYERS, help="layers to keep")


def _add_measuring(add: Add) -> None:
    evaluate = add("evaluate", commands.run_evaluate, "measure a checkpoint on the test sets")
    evaluate.add_argument("--model", type=Path, help="its folder (default: the shipped one)")
    evaluate.add_argument("--seed", type=int, default=0, help="of pairing and bootstrap")
    evaluate.add_argument(
        "--out", type=Path,
        help="folder for metrics.json (default: the model's; its temperatures are then updated)",
    )  # fmt: skip
    evaluate.add_argument(
        "--split", choices=("test", "dev"), default="test", help="to measure (%(default)s)"
    )
    _add_crossfit(evaluate)
    words = add(
        "words", commands.run_words, "measure the transcriber's word error rate", common=False
    )
    words.add_argument("--data", type=Path, required=True, help="folder of RAVDESS and nEMO")
    words.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    words.add_argument(
        "--model", default=str(WHISPER), help="folder, size or Hub id (default: the shipped one)"
    )
    words.add_argument("--split", choices=("test", "dev"), default="test", help="(%(default)s)")
    words.add_argument("--seed", type=int, default=0, help="of the clips and of the bootstrap")
    words.add_argument("--clips", type=int, help="of a corpus, drawn at random (default: all)")
    words.add_argument(
        "--out", type=Path,
        help="folder for metrics.json (default: the model's, whose card is renewed)",
    )  # fmt: skip
    ablate = add("ablate", commands.run_ablate, "train and measure every alignment strategy")
    ablate.add_argument("--seeds", type=int, default=3, help="runs of each strategy")
    _add_jobs(ablate)
    ablate.add_argument("--out", type=Path, help="folder (default: runs/ablation_NAME)")
    ablate.add_argument("--model", type=Path, help="checkpoint whose encoders are used")
    ablate.add_argument(
        "--sweep", action="append", default=[], metavar="KEY=V1,V2",
        help="instead, compare values of a setting, with everything on, to no alignment, on "
        "development data",
    )  # fmt: skip
    ablate.add_argument(
        "--split", choices=("test", "dev"),
        help="split to measure strategies on (default: test; sweeps: always dev); finished runs "
        "are not trained again",
    )  # fmt: skip


def _add_crossval(add: Add) -> None:
    crossval = add(
        "crossval", commands.run_crossval, "leave sessions out: test every fold of a corpus"
    )
    crossval.add_argument("--corpus", help="its name (default: the source's first)")
    crossval.add_argument("--seeds", type=int, default=3, help="runs of each fold (%(default)s)")
    _add_jobs(crossval)
    crossval.add_argument(
        "--folds", type=int, default=0,
        help="how many (0: one a session, else the published ones, else one a speaker)",
    )  # fmt: skip
    crossval.add_argument(
        "--literature", action="store_true",
        help="also find the epoch that is best on the test fold, as much of the literature does",
    )  # fmt: skip
    crossval.add_argument(
        "--strategies", nargs="*", metavar="NAME",
        help="instead, alignment strategies of a framework on frozen encoders (none named: all)",
    )  # fmt: skip
    crossval.add_argument("--out", type=Path, help="folder (default: runs/crossval_NAME_CORPUS)")
    report = add(
        "report", commands.run_report, "tables of cross-validations beside published results",
        common=False,
    )  # fmt: skip
    report.add_argument(
        "--runs", type=Path, nargs="+", help="runs.jsonl files (default: runs/*/runs.jsonl)"
    )
    report.add_argument("--out", type=Path, help="folder (default: runs/report)")


def _add_protocols(add: Add) -> None:
    crossfit = add("crossfit", commands.run_crossfit, "temperatures from speakers never heard")
    crossfit.add_argument("--folds", type=int, default=3, help="of the speakers that do not test")
    crossfit.add_argument(
        "--encoders", type=Path,
        help="crossfit of the speech encoder: refit the framework on the encoder of each fold",
    )  # fmt: skip
    crossfit.add_argument("--out", type=Path, help="folder (default: runs/crossfit_NAME)")
    robust = add(
        "robustness", commands.run_robustness, "speech under noise, rooms, codecs and lengths",
        config=False,
    )  # fmt: skip
    robust.add_argument("--model", type=Path, help="its folder (default: the shipped one)")
    robust.add_argument("--corpora", nargs="+", default=["ravdess", "nemo"], help="of speech")
    robust.add_argument("--out", type=Path, help="folder (default: runs/robustness)")
    written = add(
        "transcripts", commands.run_transcripts, "text without an editor's marks", common=False
    )
    written.add_argument("--data", type=Path, required=True, help="folder of the corpora")
    written.add_argument("--model", type=Path, help="its folder (default: the shipped one)")
    written.add_argument(
        "--corpora", nargs="+", default=["goemotions", "meld", "emorynlp"], help="of text"
    )
    written.add_argument("--split", choices=("test", "dev"), default="test", help="(%(default)s)")
    written.add_argument("--out", type=Path, help="folder (default: runs/transcripts)")
    transfer = add("transfer", commands.run_transfer, "train on one corpus, test on the others")
    transfer.add_argument("--out", type=Path, help="folder (default: runs/transfer_NAME)")


def _add_publishing(add: Add) -> None:
    export = add("export", commands.run_export, "round a run to fp16, measure it, write its card")
    export.add_argument("--model", type=Path, required=True, help="folder of the run")
    export.add_argument(
        "--out", type=Path, default=commands.OUTPUT / "default", help="bundle to write into"
    )
    _add_crossfit(export)
    atlas = add("atlas", commands.run_atlas, "heads and maps of an ablation's strategies")
    atlas.add_argument("--ablation", type=Path, help="its folder (default: runs/ablation_NAME)")
    atlas.add_argument("--model", type=Path, help="as for ablate (default: the shipped one)")
    atlas.add_argument("--out", type=Path, help="folder to write (default: assets/atlas/NAME)")
    atlas.add_argument("--pairs", type=int, default=1_000, help="of the reference, all emotions")
    atlas.add_argument("--seed", type=int, default=0, help="of the choice of pairs and the maps")
    whisper = add(
        "whisper", commands.run_whisper, "make assets/whisper, the transcriber's model",
        common=False,
    )  # fmt: skip
    whisper.add_argument("--source", default=HUB_ID, help="folder or Hub id (default: %(default)s)")
    whisper.add_argument(
        "--out", type=Path, default=commands.OUTPUT / "whisper", help="folder to write"
    )
    default = add(
        "default", commands.run_default, "make assets/default from the corpora: all stages",
        config=False,
    )  # fmt: skip
    default.add_argument("--source", type=Path, required=True, help="folder of MiniLM (a BERT)")
    default.add_argument(
        "--speech-source", help="folder or Hub id of Whisper-base (default: as in speech.toml)"
    )
    _add_push(add)


def _add_push(add: Add) -> None:
    push = add("push", commands.run_push, "upload a model, or the page, to the Hub", common=False)
    push.add_argument("repo", metavar="REPO", help="id on the Hugging Face Hub, OWNER/NAME")
    what = push.add_mutually_exclusive_group()
    what.add_argument("--model", type=Path, help="checkpoint or bundle (default: the shipped one)")
    what.add_argument(
        "--space", action="store_true", help="upload this repository as a Space instead"
    )
    push.add_argument(
        "--dry-run", action="store_true", help="list what would go, and the card's metadata"
    )
    push.add_argument("--private", action="store_true", help="make a new repository private")
    push.add_argument("--revision", help="branch to write to, made if missing (default: main)")
    push.add_argument(
        "--tables", type=Path, nargs="+", default=[], metavar="FOLDER",
        help="folders of tables and figures to add, such as those of ablate",
    )  # fmt: skip
    push.add_argument(
        "--license", default="", help="id of the Hub, such as mit, for a model without a card"
    )


if __name__ == "__main__":
    sys.exit(main())
