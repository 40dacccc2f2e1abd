"""`python -m train fit|prune|export|evaluate|ablate|atlas|default`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from mer_core.checkpoints.shipped import ASSETS, CHECKOUT, DEFAULT_MODEL
from mer_core.device import pick_device
from train.ablation.runs import RunPaths, ablate, sweep
from train.ablation.strategies import on_encoders
from train.ablation.table import markdown
from train.config import Experiment, load_experiment
from train.publish.atlas import atlas_table, make_atlas
from train.publish.export import evaluate_folder, export, head_name, metrics_table
from train.stages import LAYERS, VOCABULARY, fit_experiment, prune_text_encoder

CONFIGS = Path(__file__).parent / "configs"
RUNS = Path("runs")
# What gets published by default: a checkout's assets, or, once installed, the working directory's.
OUTPUT = ASSETS if ASSETS == CHECKOUT else Path("assets")
Run = Callable[[argparse.Namespace], None]


def main(arguments: Sequence[str] | None = None, prog: str = "python -m train") -> int:
    """Parse, run, and turn the caller's mistakes into one sentence and exit code 2."""
    options = parser(prog).parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        options.run(options)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def parser(prog: str = "python -m train") -> argparse.ArgumentParser:
    """The command line, one subcommand a stage."""
    top = argparse.ArgumentParser(
        prog=prog, description="Train, evaluate and publish models; each stage resumes."
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str, run: Callable[[argparse.Namespace], None], text: str
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--data", type=Path, required=True, help="folder of the corpora")
        command.add_argument("--cache", type=Path, default=RUNS / "cache", help="decoded clips")
        command.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
        command.add_argument("--threads", type=int, default=0, help="CPU threads (0: torch's own)")
        if name != "default":
            command.add_argument(
                "--config", type=_config, required=True,
                help="an experiment (TOML), or the name of a shipped one, such as mgcma_base",
            )  # fmt: skip
        command.add_argument(
            "--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides",
            help="override a setting, such as optim.epochs=3",
        )  # fmt: skip
        command.set_defaults(run=run)
        return command

    fit = add("fit", run_fit, "train one experiment; run again to resume")
    fit.add_argument("--out", type=Path, help="folder of the run (default: runs/NAME)")
    prune = add("prune", run_prune, "cut a BERT checkpoint down for the text stage")
    prune.add_argument("--source", type=Path, required=True, help="folder of the BERT checkpoint")
    prune.add_argument("--out", type=Path, required=True, help="folder to write")
    prune.add_argument("--vocabulary", type=int, default=VOCABULARY, help="word pieces to keep")
    prune.add_argument("--layers", type=int, nargs="+", default=LAYERS, help="layers to keep")
    ship = add("export", run_export, "round a run to fp16, measure it, write its card")
    ship.add_argument("--model", type=Path, required=True, help="folder of the run")
    ship.add_argument("--out", type=Path, default=OUTPUT / "default", help="bundle to write into")
    judge = add("evaluate", run_evaluate, "measure a checkpoint on the test sets")
    judge.add_argument("--model", type=Path, help="its folder (default: the shipped one)")
    judge.add_argument("--seed", type=int, default=0, help="of pairing and bootstrap")
    strategies = add("ablate", run_ablate, "train and measure every alignment strategy; resumes")
    strategies.add_argument("--seeds", type=int, default=3, help="runs of each strategy")
    strategies.add_argument("--out", type=Path, help="folder (default: runs/ablation_NAME)")
    strategies.add_argument("--model", type=Path, help="checkpoint whose encoders are taken")
    strategies.add_argument(
        "--sweep", action="append", default=[], metavar="KEY=V1,V2",
        help="instead, try values of a setting with everything on, against none, on dev data",
    )  # fmt: skip
    strategies.add_argument(
        "--split", choices=("test", "dev"),
        help="what strategies are measured on (default: test; sweeps: always dev); runs that are "
        "there are not trained again",
    )  # fmt: skip
    chart = add("atlas", run_atlas, "heads and maps of an ablation's strategies, for the page")
    chart.add_argument("--ablation", type=Path, help="its folder (default: runs/ablation_NAME)")
    chart.add_argument("--model", type=Path, help="as for ablate (default: what ships)")
    chart.add_argument("--out", type=Path, help="folder to write (default: assets/atlas/NAME)")
    chart.add_argument("--pairs", type=int, default=1_000, help="of the reference, all emotions")
    chart.add_argument("--seed", type=int, default=0, help="of the choice of pairs and the maps")
    whole = add("default", run_default, "make assets/default from the corpora: all of the above")
    whole.add_argument("--source", type=Path, required=True, help="folder of MiniLM (a BERT)")
    return top


def _config(value: str) -> Path:
    """A TOML file, or a shipped one by its name without suffix."""
    shipped = CONFIGS / f"{value}.toml"
    return shipped if shipped.is_file() and not Path(value).exists() else Path(value)


def run_fit(options: argparse.Namespace) -> None:
    """Train the experiment of a TOML file."""
    experiment = load_experiment(options.config, options.overrides)
    folder = options.out or RUNS / experiment.name
    fit_experiment(experiment, options.data, folder, pick_device(options.device), options.cache)


def run_prune(options: argparse.Namespace) -> None:
    """Cut the text encoder's starting point down."""
    experiment = load_experiment(options.config, options.overrides)
    prune_text_encoder(
        experiment, options.data, options.source, options.out, options.vocabulary, options.layers
    )


def run_export(options: argparse.Namespace) -> None:
    """Write what ships."""
    experiment = load_experiment(options.config, options.overrides)
    metrics = export(options.model, options.out, experiment, options.data, options.cache)
    print(metrics_table(metrics))


def run_evaluate(options: argparse.Namespace) -> None:
    """Measure a checkpoint in place."""
    experiment = load_experiment(options.config, options.overrides)
    folder = options.model or DEFAULT_MODEL / head_name(experiment)
    metrics = evaluate_folder(folder, experiment, options.data, options.cache, options.seed)
    print(metrics_table(metrics))


def run_ablate(options: argparse.Namespace) -> None:
    """Train and measure every strategy, or every value of the settings to sweep.

    Raises:
        ValueError: A sweep is to look at the test split.
    """
    if options.sweep and options.split == "test":
        raise ValueError("--sweep looks at development data only; leave out --split test.")

    def load(more: Sequence[str]) -> Experiment:
        experiment = load_experiment(options.config, [*options.overrides, *more])
        return on_encoders(experiment, options.model) if options.model else experiment

    experiment = load([])
    out = options.out or RUNS / f"ablation_{experiment.name}"
    place = RunPaths(options.data, out, pick_device(options.device), options.cache)
    if not options.sweep:
        print(markdown(ablate(experiment, place, options.seeds, options.split or "test")))
    for setting in options.sweep:
        print(markdown(sweep(load, setting, place, options.seeds)))


def run_atlas(options: argparse.Namespace) -> None:
    """Write heads, reference embeddings, maps and their figure."""
    experiment = load_experiment(options.config, options.overrides)
    name = head_name(experiment)
    out = options.out or OUTPUT / "atlas" / name
    model = options.model or DEFAULT_MODEL / name
    ablation = options.ablation or RUNS / f"ablation_{experiment.name}"
    place = RunPaths(options.data, ablation, pick_device(options.device), options.cache)
    if options.model:
        experiment = on_encoders(experiment, model)
    built = make_atlas(experiment, place, model, out, pairs=options.pairs, seed=options.seed)
    print(atlas_table(built, out))


def run_default(options: argparse.Namespace) -> None:
    """Every stage of the shipped default, resuming what has been done."""
    pruned = RUNS / "text_pruned"
    text = load_experiment(CONFIGS / "text.toml", options.overrides)
    if not (pruned / "model.safetensors").exists():
        prune_text_encoder(text, options.data, options.source, pruned)
    for name in ("speech", "text", "mgcma_default", "face", "foal_net_default"):
        options.config, options.out = CONFIGS / f"{name}.toml", None
        run_fit(options)
        if name not in ("speech", "text"):  # those ship inside MGCMA
            options.model, options.out = RUNS / name, OUTPUT / "default"
            run_export(options)


if __name__ == "__main__":
    sys.exit(main())
