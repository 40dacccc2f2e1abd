"""What a check finds, as data; `train.checks.report` puts it into words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum


class FindingKind(StrEnum):
    """What is wrong, or worth knowing."""

    # Would spoil a result
    NO_CORPUS = "no_corpus"  # it cannot be read at all
    UNREADABLE = "unreadable"  # files that are missing or damaged
    SHARED_SPEAKERS = "shared_speakers"  # groups in two splits
    DUPLICATES = "duplicates"  # the same sound, film or picture in two splits
    EMPTY_SPLIT = "empty_split"
    UNTRAINED_CLASS = "untrained_class"  # in dev or test, but not in train
    NO_HALF = "no_half"  # a source names a corpus that has nothing of its modality
    WRONG_COUNTS = "wrong_counts"  # a complete copy with other counts than the published ones
    # Worth knowing
    INCOMPLETE = "incomplete"  # a part of a corpus whose counts are known
    LACKING_HALF = "lacking_half"  # some recordings lack a modality that others have
    PUBLISHED_DUPLICATES = "published_duplicates"  # of dev and test, left as the owners have them
    REPEATED_TEXTS = "repeated_texts"  # texts of dev or test that training has verbatim
    TWO_LABELS = "two_labels"  # the same sound, film or picture with different labels
    UNKNOWN_SPEAKERS = "unknown_speakers"  # every example is its own group
    SILENT = "silent"  # recordings of zeros


NOTES = frozenset(
    {
        FindingKind.INCOMPLETE,
        FindingKind.LACKING_HALF,
        FindingKind.PUBLISHED_DUPLICATES,
        FindingKind.REPEATED_TEXTS,
        FindingKind.TWO_LABELS,
        FindingKind.UNKNOWN_SPEAKERS,
        FindingKind.SILENT,
    }
)


@dataclass(frozen=True)
class Finding:
    """One thing found in one corpus.

    Attributes:
        kind: Of the thing.
        corpus: Its name, or two of them with `+`.
        count: How many examples, files, speakers or texts it concerns.
        total: Of how many; 0 where that says nothing.
        subject: What the kind leaves open: splits, a class, a modality, an error.
        items: Names of what it concerns; a report shows the first few.
    """

    kind: FindingKind
    corpus: str
    count: int = 0
    total: int = 0
    subject: str = ""
    items: tuple[str, ...] = ()

    @property
    def spoils(self) -> bool:
        """Whether a result on such data would be wrong, or training impossible."""
        return self.kind not in NOTES


@dataclass(frozen=True)
class Probe:
    """What one file turned out to hold.

    Attributes:
        seconds: Its length; None for pictures and for what cannot be read.
        content: Hash of the decoded sound or picture, or of the film's bytes and stretch.
        problem: Why it cannot be read; empty if it can.
        silent: Whether all samples are zero.
    """

    seconds: float | None = None
    content: str = ""
    problem: str = ""
    silent: bool = False


@dataclass(frozen=True)
class CorpusSummary:
    """What a corpus holds.

    Attributes:
        name: Of the corpus.
        counts: (split, emotion) → examples.
        groups: Split → its speakers, writers or dialogues.
        seconds: Length of every recording that could be read.
    """

    name: str
    counts: Counter[tuple[str, str]]
    groups: dict[str, int]
    seconds: tuple[float, ...] = ()


@dataclass(frozen=True)
class CheckResult:
    """All corpora that were looked at, and all findings."""

    corpora: tuple[CorpusSummary, ...]
    findings: tuple[Finding, ...]

    @property
    def spoiled(self) -> bool:
        """Whether any finding would spoil a result."""
        return any(finding.spoils for finding in self.findings)
