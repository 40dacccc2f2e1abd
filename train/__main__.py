"""`python -m train fit|prune|evaluate|export`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from train.config import load_experiment
from train.stages import fit_experiment, prune_text_encoder


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, run, and turn the caller's mistakes into one sentence and exit code 2."""
    options = parser().parse_args(arguments)
    try:
        options.run(options)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line, one subcommand a stage."""
    top = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    fit = commands.add_parser("fit", help="train one experiment; run again to resume")
    fit.add_argument("--out", type=Path, help="folder of the run (default: runs/NAME)")
    fit.set_defaults(run=run_fit)
    prune = commands.add_parser("prune", help="cut a BERT checkpoint down for the text stage")
    prune.add_argument("--source", type=Path, required=True, help="folder of the BERT checkpoint")
    prune.add_argument("--out", type=Path, required=True, help="folder to write")
    prune.add_argument("--vocabulary", type=int, default=7500, help="word pieces to keep")
    prune.add_argument(
        "--layers", type=int, nargs="+", default=[0, 1, 2, 3, 4], help="layers to keep, from 0"
    )
    prune.set_defaults(run=run_prune)
    for command in (fit, prune):
        command.add_argument("--config", type=Path, required=True, help="train/configs/….toml")
        command.add_argument("--data", type=Path, required=True, help="folder of the corpora")
        command.add_argument(
            "--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides",
            help="override a setting, such as optim.epochs=3",
        )
    fit.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    fit.add_argument("--threads", type=int, default=0, help="CPU threads (default: torch's own)")
    fit.add_argument("--cache", type=Path, default=Path("runs/cache"), help="decoded recordings")
    return top


def run_fit(options: argparse.Namespace) -> None:
    """Train the experiment of a TOML file."""
    experiment = load_experiment(options.config, options.overrides)
    if options.threads:
        torch.set_num_threads(options.threads)
    folder = options.out or Path("runs") / experiment.name
    fit_experiment(experiment, options.data, folder, pick_device(options.device), options.cache)


def run_prune(options: argparse.Namespace) -> None:
    """Cut the text encoder's starting point down."""
    experiment = load_experiment(options.config, options.overrides)
    prune_text_encoder(
        experiment, options.data, options.source, options.out, options.vocabulary, options.layers
    )


def pick_device(name: str) -> torch.device:
    """The device asked for; `auto` takes the GPU where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


if __name__ == "__main__":
    sys.exit(main())
