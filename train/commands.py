"""What each command of `python -m train` does with its options."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mer_core.checkpoints.checkpoint import METRICS_FILE, write_json
from mer_core.checkpoints.shipped import ASSETS, CHECKOUT, DEFAULT_MODEL, PACKAGE, WHISPER
from mer_core.device import pick_device
from mer_core.media.transcribe import Transcriber
from train.ablation.runs import RunPaths, ablate, sweep
from train.ablation.strategies import chosen, on_encoders
from train.ablation.tables import markdown as ablation_markdown
from train.checks.check import check_data
from train.checks.report import report
from train.config import Experiment
from train.config_file import load_experiment
from train.data.transcription import transcribe_corpora
from train.distributed import join_world
from train.evaluate.tables import metrics_table
from train.evaluate.words import evaluate_words, words_table
from train.protocols.crossfit import (
    RESULT_FILE,
    crossfit_encoder,
    crossfit_framework,
    crossfit_table,
)
from train.protocols.crossval import crossval
from train.protocols.robustness import robustness, robustness_table
from train.protocols.transcripts import transcripts, transcripts_table
from train.protocols.transfer import transfer, transfer_table
from train.publish.atlas import atlas_table, make_atlas
from train.publish.export import evaluate_folder, export, head_name
from train.publish.model_package import model_package
from train.publish.package import RepoKind, listing
from train.publish.push import Target, check_target, push
from train.publish.space_package import space_package
from train.publish.whisper import SOURCE_FILE, make_whisper, write_whisper_card
from train.report.records import RUNS_FILE, read_all
from train.report.writers import chapters, file_name, markdown, write_report
from train.stages import fit_experiment, prune_text_encoder

CONFIGS = Path(__file__).parent / "configs"
RUNS = Path("runs")
# Where published files go by default: a checkout's assets or, once installed, the current folder's.
OUTPUT = ASSETS if ASSETS == CHECKOUT else Path("assets")


def config_path(value: str) -> Path:
    """A TOML file, or a shipped one by its name without suffix."""
    shipped = CONFIGS / f"{value}.toml"
    return shipped if shipped.is_file() and not Path(value).exists() else Path(value)


def run_check(options: argparse.Namespace) -> int:
    """Look for what would spoil a result; 1 if there is anything."""
    experiment = load_experiment(options.config, ()) if options.config else None
    result = check_data(options.data, experiment, options.corpora)
    print(report(result))
    return int(result.spoiled)


def run_transcribe(options: argparse.Namespace) -> None:
    """Write down the words that an experiment takes from the transcriber."""
    experiment = load_experiment(options.config, options.overrides)
    transcribe_corpora(experiment, options.data, Transcriber(str(WHISPER), options.device))


def run_fit(options: argparse.Namespace) -> None:
    """Train the experiment of a TOML file, in all processes that were launched."""
    experiment = load_experiment(options.config, options.overrides)
    folder = options.out or RUNS / experiment.name
    world = join_world(options.device)
    fit_experiment(experiment, options.data, folder, world.device, options.cache, world)
    world.leave()


def run_prune(options: argparse.Namespace) -> None:
    """Make the starting point of the text encoder."""
    experiment = load_experiment(options.config, options.overrides)
    prune_text_encoder(
        experiment, options.data, options.source, options.out, options.vocabulary, options.layers
    )


def run_export(options: argparse.Namespace) -> None:
    """Write what ships."""
    experiment = load_experiment(options.config, options.overrides)
    metrics = export(
        options.model, options.out, experiment, options.data, options.cache, options.crossfit
    )
    print(metrics_table(metrics))


def run_evaluate(options: argparse.Namespace) -> None:
    """Measure a checkpoint.

    Raises:
        ValueError: The figures would be written into the installed package.
    """
    experiment = load_experiment(options.config, options.overrides)
    folder = options.model or DEFAULT_MODEL / head_name(experiment)
    if options.out is None and folder.resolve().is_relative_to(PACKAGE):
        raise ValueError("The figures of the installed model need a folder of yours: give --out.")
    metrics = evaluate_folder(
        folder, experiment, options.data, options.cache, options.seed, options.out,
        options.crossfit, options.split,
    )  # fmt: skip
    print(metrics_table(metrics))


def run_words(options: argparse.Namespace) -> None:
    """Measure the transcriber.

    Raises:
        ValueError: The figures would be written into the installed package, or next to a model
            that is not in a folder.
    """
    model = Path(options.model)
    if options.out is None and (not model.is_dir() or model.resolve().is_relative_to(PACKAGE)):
        raise ValueError("The figures of this model need a folder of yours: give --out.")
    out = options.out or model
    transcriber = Transcriber(options.model, options.device)
    metrics = evaluate_words(transcriber, options.data, options.split, options.seed, options.clips)
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / METRICS_FILE, metrics)
    if (out / SOURCE_FILE).is_file():
        write_whisper_card(out)
    print(words_table(metrics))


def run_ablate(options: argparse.Namespace) -> None:
    """Train and measure every strategy, or every value of the settings to sweep.

    Raises:
        ValueError: A sweep on the test split.
    """
    if options.sweep and options.split == "test":
        raise ValueError("--sweep uses development data only; leave out --split test.")

    def load(overrides: Sequence[str]) -> Experiment:
        experiment = load_experiment(options.config, [*options.overrides, *overrides])
        return on_encoders(experiment, options.model) if options.model else experiment

    experiment = load([])
    out = options.out or RUNS / f"ablation_{experiment.name}"
    paths = RunPaths(options.data, out, pick_device(options.device), options.cache)
    if not options.sweep:
        split = options.split or "test"
        print(ablation_markdown(ablate(experiment, paths, options.seeds, split, options.jobs)))
    for setting in options.sweep:
        print(ablation_markdown(sweep(load, setting, paths, options.seeds, options.jobs)))


def run_crossval(options: argparse.Namespace) -> None:
    """Test every fold of a corpus by runs on the others, and print their tables."""
    experiment = load_experiment(options.config, options.overrides)
    (source, *_) = experiment.sources.values()
    corpus = options.corpus or next(iter(source.corpora))
    paths = _paths(options, f"crossval_{experiment.name}_{file_name(corpus)}")
    systems = {"": experiment}
    if options.strategies is not None:
        systems = chosen(experiment, options.strategies)
    records = [
        record
        for group, system in systems.items()
        for record in crossval(
            system, corpus, paths,
            seeds=options.seeds, count=options.folds, literature=options.literature, group=group,
            jobs=options.jobs,
        )
    ]  # fmt: skip
    found = [table for chapter in chapters(records, beside=False) for table in chapter.tables]
    (paths.out / "crossval.md").write_text(markdown(found), "utf-8")
    print(markdown(found))


def run_report(options: argparse.Namespace) -> None:
    """Write tables and pictures of finished runs.

    Raises:
        ValueError: There are none.
    """
    files = options.runs or sorted(RUNS.glob(f"*/{RUNS_FILE}"))
    if not files:
        raise ValueError(f"No {RUNS_FILE} in {RUNS}/*; run `crossval` first, or give --runs.")
    records = read_all(files)
    for file in write_report(records, options.out or RUNS / "report"):
        print(file)


def run_crossfit(options: argparse.Namespace) -> None:
    """Fit temperatures on speakers that the predicting run never heard.

    Raises:
        ValueError: A framework without the crossfit of its speech encoder.
    """
    experiment = load_experiment(options.config, options.overrides)
    paths = _paths(options, f"crossfit_{experiment.name}")
    if len(experiment.sources) == 1:
        result = crossfit_encoder(experiment, paths, options.folds)
    elif options.encoders is None:
        raise ValueError("A framework needs --encoders: the crossfit of its speech encoder.")
    else:
        result = crossfit_framework(experiment, paths, options.encoders)
    print(crossfit_table(result))


def run_robustness(options: argparse.Namespace) -> None:
    """Measure speech alone under every condition."""
    out, model = options.out or RUNS / "robustness", options.model or DEFAULT_MODEL / "mgcma"
    result = robustness(model, options.data, options.corpora, out, options.cache)
    print(robustness_table(result))


def run_transcripts(options: argparse.Namespace) -> None:
    """Measure text alone in every style of writing."""
    out, model = options.out or RUNS / "transcripts", options.model or DEFAULT_MODEL / "mgcma"
    result = transcripts(model, options.data, options.corpora, options.split, out)
    print(transcripts_table(result))


def run_transfer(options: argparse.Namespace) -> None:
    """Train on each corpus, test on the others."""
    experiment = load_experiment(options.config, options.overrides)
    paths = _paths(options, f"transfer_{experiment.name}")
    print(transfer_table(transfer(experiment, paths)))


def _paths(options: argparse.Namespace, name: str) -> RunPaths:
    """Where a command of several runs reads and writes."""
    out = options.out or RUNS / name
    return RunPaths(options.data, out, pick_device(options.device), options.cache)


def run_atlas(options: argparse.Namespace) -> None:
    """Write heads, reference embeddings, maps and their figure."""
    experiment = load_experiment(options.config, options.overrides)
    name = head_name(experiment)
    out = options.out or OUTPUT / "atlas" / name
    model = options.model or DEFAULT_MODEL / name
    ablation = options.ablation or RUNS / f"ablation_{experiment.name}"
    paths = RunPaths(options.data, ablation, pick_device(options.device), options.cache)
    if options.model:
        experiment = on_encoders(experiment, model)
    built = make_atlas(experiment, paths, model, out, pairs=options.pairs, seed=options.seed)
    print(atlas_table(built, out))


def run_whisper(options: argparse.Namespace) -> None:
    """Write the transcriber's model."""
    make_whisper(options.source, options.out)


def run_push(options: argparse.Namespace) -> None:
    """Upload a model or the page, or only list what would go.

    Raises:
        ValueError: A licence or tables for a Space.
    """
    check_target(options.repo)
    if options.space and (options.tables or options.license):
        raise ValueError("--tables and --license go with a model, not with --space.")
    if options.space:
        package = space_package(PACKAGE.parent)
    else:
        package = model_package(
            options.model or DEFAULT_MODEL, options.repo,
            tables=options.tables, licence=options.license,
        )  # fmt: skip
    if options.dry_run:
        print(listing(package, options.repo))
        return
    pushed = push(package, Target(options.repo, options.revision, options.private))
    print(f"{len(package.uploads)} files are at {pushed.url}")
    if pushed.deleted:
        print(f"deleted, of an earlier push: {', '.join(pushed.deleted)}")
    if package.kind is RepoKind.MODEL:
        print(f'load them: Predictor.load("{options.repo}", revision="{pushed.commit}")')


def run_default(options: argparse.Namespace) -> None:
    """Every stage of the shipped default; finished ones are not repeated."""
    overrides, source = options.overrides, options.speech_source
    speech = [f"architecture.encoder.source={source}"] if source else []
    pruned = RUNS / "text_pruned"
    text = load_experiment(CONFIGS / "text_base.toml", overrides)
    if not (pruned / "model.safetensors").exists():
        prune_text_encoder(text, options.data, options.source, pruned)
    stages = ("speech", "text_base", "text", "mgcma_default", "face", "foal_net_default")
    for name in stages:
        options.config, options.out = CONFIGS / f"{name}.toml", None
        options.overrides = overrides + (speech if name == "speech" else [])
        run_fit(options)
        if name != "text_base":  # a starting point
            options.model, options.out = RUNS / name, OUTPUT / "default"
            crossfit = RUNS / f"crossfit_{name}"
            options.crossfit = crossfit if (crossfit / RESULT_FILE).is_file() else None
            run_export(options)


DISTRIBUTED = (run_fit,)  # commands that several processes can run together
