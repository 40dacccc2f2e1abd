"""Which corpora are looked at, and their check from the first file to the last finding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mer_core.data import CORPORA, Example, load_corpus
from mer_core.data.splits import SPLITS
from mer_core.emotions import FOUR, LABEL_SETS
from train.checks.examine import across_corpora, examine, published_counts, summarise
from train.checks.findings import CheckResult, CorpusSummary, Finding, FindingKind
from train.checks.probe import probe_files
from train.config import Experiment
from train.data.tasks import FIELDS, is_in


@dataclass(frozen=True)
class Wanted:
    """A corpus to look at, and what of it.

    Attributes:
        name: Of the corpus.
        modalities: Those that an experiment reads of it; none: all that it has.
    """

    name: str
    modalities: tuple[str, ...] = ()


def check_data(
    root: Path, experiment: Experiment | None = None, corpora: Sequence[str] = ()
) -> CheckResult:
    """Read every file of some corpora, and look for what would spoil a result.

    Args:
        root: Folder of the corpora.
        experiment: Looks at the corpora, labels, splits and modalities that it reads.
        corpora: Names of further ones; without these and an experiment, all that are in `root`.

    Raises:
        ValueError: There is nothing to look at.
    """
    wanted = [Wanted(name) for name in corpora]
    if experiment is not None:
        wanted += _of_experiment(experiment)
    named = bool(wanted)
    findings: list[Finding] = []
    loaded: dict[str, list[Example]] = {}
    modalities = {}
    for want in wanted or [Wanted(name) for name in CORPORA]:
        try:
            loaded[want.name] = _examples(want, root, experiment)
            modalities[want.name] = want.modalities
        except ValueError as error:
            if named:
                findings.append(Finding(FindingKind.NO_CORPUS, want.name, subject=str(error)))
    if not loaded and not findings:
        raise ValueError(f"There is no corpus in {root}; corpora are {', '.join(CORPORA)}.")
    return _checked(loaded, modalities, findings, root)


def _checked(
    loaded: dict[str, list[Example]],
    modalities: dict[str, tuple[str, ...]],
    findings: Iterable[Finding],
    root: Path,
) -> CheckResult:
    probes = probe_files([e for examples in loaded.values() for e in examples])
    found = list(findings)
    summaries: list[CorpusSummary] = []
    for name, examples in loaded.items():
        summaries.append(summarise(name, examples, probes))
        found += examine(name, examples, probes, root, modalities[name])
    found += across_corpora(loaded, probes, root)
    if "iemocap" in loaded:
        found += published_counts(root)
    return CheckResult(tuple(summaries), tuple(found))


def _of_experiment(experiment: Experiment) -> list[Wanted]:
    """Every corpus of an experiment's sources, with the modalities that read it."""
    readers: dict[str, tuple[str, ...]] = {}
    for modality, source in experiment.sources.items():
        for corpus in source.corpora:
            readers[corpus] = (*readers.get(corpus, ()), modality)
    return [Wanted(corpus, modalities) for corpus, modalities in readers.items()]


def _examples(want: Wanted, root: Path, experiment: Experiment | None) -> list[Example]:
    """The examples of a corpus; of an experiment, as it reads them."""
    if experiment is None or not want.modalities:
        return load_corpus(want.name, root)
    paired = len(experiment.sources) > 1
    labels = FOUR if paired else LABEL_SETS[experiment.labels]
    source = experiment.sources[want.modalities[0]]
    unread = (m for m in FIELDS if m not in want.modalities)
    nothing: dict[str, Any] = {field: None for modality in unread for field in FIELDS[modality]}
    return [
        replace(example, split=split, **nothing)
        for example in load_corpus(want.name, root, labels=labels)
        for split in SPLITS
        if is_in(example, split, source)
    ]
