"""Looks for what would spoil a result in some examples and in what their files hold."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from mer_core.data import Example, iemocap
from mer_core.data.splits import SPLITS
from train.checks.findings import CorpusSummary, Finding, FindingKind
from train.checks.probe import File, Probes
from train.data.tasks import FIELDS

# Copies between dev and test that the owners published, which every published figure includes;
# training is checked all the same.
PUBLISHED_DUPLICATES = ("fer2013",)
UNKNOWN = 0.99  # groups per example from which groups are no speakers but single clips

Contents = Mapping[str, Sequence[Example]]  # hash of a sound, film or picture → who has it


def summarise(name: str, examples: Sequence[Example], probes: Probes) -> CorpusSummary:
    """Counts, groups and lengths of one corpus."""
    groups = {split: {e.group for e in examples if e.split == split} for split in SPLITS}
    seconds = {
        file: probe.seconds
        for example in examples
        for file in [example.path or example.video]
        if file is not None and (probe := probes[file]).seconds is not None
    }
    return CorpusSummary(
        name,
        Counter((e.split, e.emotion) for e in examples),
        {split: len(of) for split, of in groups.items()},
        tuple(s for s in seconds.values() if s is not None),
    )


def examine(
    name: str, examples: Sequence[Example], probes: Probes, root: Path, modalities: Sequence[str]
) -> list[Finding]:
    """Findings in one corpus.

    Args:
        name: Of the corpus.
        examples: Of all splits.
        probes: Of every file that they name.
        root: Folder of the corpora, to which names are relative.
        modalities: Those that are wanted of it; none: whatever it has.
    """
    return [
        *_unreadable(name, examples, probes, root),
        *_splits(name, examples),
        *_groups(name, examples),
        *_halves(name, examples, modalities),
        *_texts(name, examples),
        *_contents(name, examples, probes, root),
    ]


def across_corpora(
    corpora: Mapping[str, Sequence[Example]], probes: Probes, root: Path
) -> Iterator[Finding]:
    """The same sound, film or picture in two splits of two corpora."""
    contents = _by_content([e for examples in corpora.values() for e in examples], probes)
    shared: dict[tuple[str, str], list[Example]] = defaultdict(list)
    for owners in contents.values():
        of_corpus = {e.corpus: e for e in owners}
        if len(of_corpus) > 1 and len({e.split for e in owners}) > 1:
            first, second, *_ = sorted(of_corpus)
            shared[first, second].append(of_corpus[second])
    for names, examples in shared.items():
        items = _names(examples, root)
        yield Finding(
            FindingKind.DUPLICATES, " + ".join(names), len(items), subject="two splits", items=items
        )


def published_counts(root: Path) -> Iterator[Finding]:
    """Whether IEMOCAP has the utterances by session and class that the literature counts."""
    files = sum(len(iemocap.label_files(root, session)) for session in iemocap.SESSIONS)
    if files < iemocap.DIALOGUES:
        yield Finding(FindingKind.INCOMPLETE, "iemocap", files, iemocap.DIALOGUES)
        return
    found = Counter((e.session, e.emotion) for e in iemocap.load(root))
    for session, counts in iemocap.COUNTS.items():
        for emotion, count in counts.items():
            have = found[f"iemocap_{session}", emotion]
            if have != count:
                subject = f"session {session}, {emotion}"
                yield Finding(FindingKind.WRONG_COUNTS, "iemocap", have, count, subject)


def files_of(example: Example) -> list[File]:
    """Sound, picture and film of an example, as far as it has them."""
    files: tuple[File | None, ...] = (example.path, example.image, example.video)
    return [file for file in files if file is not None]


def _unreadable(
    name: str, examples: Iterable[Example], probes: Probes, root: Path
) -> Iterator[Finding]:
    files = list(dict.fromkeys(file for e in examples for file in files_of(e)))
    problems: dict[str, list[str]] = defaultdict(list)  # reason → names
    for file in files:
        if probes[file].problem:
            reason = probes[file].problem.partition(". ")[0].rstrip(".")  # not what is accepted
            problems[reason].append(_name(file, root))
    if problems:
        items = tuple(f"{i} ({problem})" for problem, of in problems.items() for i in of)
        yield Finding(FindingKind.UNREADABLE, name, len(items), len(files), items=items)
    silent = tuple(_name(file, root) for file in files if probes[file].silent)
    if silent:
        yield Finding(FindingKind.SILENT, name, len(silent), len(files), items=silent)


def _splits(name: str, examples: Sequence[Example]) -> Iterator[Finding]:
    classes = {split: {e.emotion for e in examples if e.split == split} for split in SPLITS}
    for split in SPLITS:
        if not classes[split]:
            yield Finding(FindingKind.EMPTY_SPLIT, name, subject=split)
    for emotion in sorted((classes["dev"] | classes["test"]) - classes["train"]):
        if classes["train"]:
            count = sum(e.emotion == emotion for e in examples)
            yield Finding(FindingKind.UNTRAINED_CLASS, name, count, subject=emotion)


def _groups(name: str, examples: Sequence[Example]) -> Iterator[Finding]:
    splits: dict[str, set[str]] = defaultdict(set)
    for example in examples:
        splits[example.group].add(example.split)
    shared = tuple(sorted(group for group, of in splits.items() if len(of) > 1))
    if shared:
        yield Finding(FindingKind.SHARED_SPEAKERS, name, len(shared), len(splits), items=shared)
    if len(splits) >= UNKNOWN * len(examples) and any(files_of(e) for e in examples):
        yield Finding(FindingKind.UNKNOWN_SPEAKERS, name, len(examples))


def _halves(name: str, examples: Sequence[Example], modalities: Sequence[str]) -> Iterator[Finding]:
    for modality in modalities or FIELDS:
        lacking = sum(not _has(example, modality) for example in examples)
        if lacking == len(examples) and modalities:
            yield Finding(FindingKind.NO_HALF, name, lacking, len(examples), modality)
        elif 0 < lacking < len(examples):
            yield Finding(FindingKind.LACKING_HALF, name, lacking, len(examples), modality)


def _has(example: Example, modality: str) -> bool:
    return any(getattr(example, field) for field in FIELDS[modality])


def _texts(name: str, examples: Sequence[Example]) -> Iterator[Finding]:
    texts = {
        split: [_plain(e.text) for e in examples if e.split == split and e.text] for split in SPLITS
    }
    known = set(texts["train"])
    for split in ("dev", "test"):
        repeated = sum(text in known for text in texts[split])
        if repeated:
            yield Finding(
                FindingKind.REPEATED_TEXTS, name, repeated, len(texts[split]), subject=split
            )


def _plain(text: str | None) -> str:
    return " ".join((text or "").casefold().split())


def _contents(
    name: str, examples: Sequence[Example], probes: Probes, root: Path
) -> Iterator[Finding]:
    shared: dict[tuple[str, ...], list[Example]] = defaultdict(list)
    two_labels = []
    for owners in _by_content(examples, probes).values():
        splits = tuple(split for split in SPLITS if any(e.split == split for e in owners))
        if len(splits) > 1:
            shared[splits].append(owners[0])
        if len({e.emotion for e in owners}) > 1:
            two_labels.append(owners[0])
    for splits, copies in shared.items():
        published = name in PUBLISHED_DUPLICATES and "train" not in splits
        kind = FindingKind.PUBLISHED_DUPLICATES if published else FindingKind.DUPLICATES
        items = _names(copies, root)
        yield Finding(kind, name, len(items), subject=" and ".join(splits), items=items)
    if two_labels:
        items = _names(two_labels, root)
        yield Finding(FindingKind.TWO_LABELS, name, len(items), items=items)


def _by_content(examples: Sequence[Example], probes: Probes) -> Contents:
    """Of contents that several examples have: who has them."""
    owners: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        for content in {probes[file].content for file in files_of(example)} - {""}:
            owners[content].append(example)
    return {content: of for content, of in owners.items() if len(of) > 1}


def _names(examples: Iterable[Example], root: Path) -> tuple[str, ...]:
    return tuple(_name(files_of(example)[0], root) for example in examples)


def _name(file: File, root: Path) -> str:
    path = file if isinstance(file, Path) else file.path
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
    return name if isinstance(file, Path) else f"{name} at {file.start:g} s"
