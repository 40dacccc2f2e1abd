"""A check in words: a table for each corpus, then what would spoil a result, then notes."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from mer_core.data.splits import SPLITS
from train.checks.findings import CheckResult, CorpusSummary, Finding, FindingKind

SHOWN = 5  # names of a finding; the rest is counted

SENTENCES = {
    FindingKind.NO_CORPUS: "{subject}",
    FindingKind.UNREADABLE: "{count} of {total} files cannot be read. Repair or remove them",
    FindingKind.SHARED_SPEAKERS: (
        "{count} of {total} speakers (or dialogues, writers) are in more than one split. Move all "
        "of a speaker's clips to one"
    ),
    FindingKind.DUPLICATES: (
        "{count} × the same recording or picture in {subject}. Keep one of each"
    ),
    FindingKind.EMPTY_SPLIT: "the split {subject} is empty",
    FindingKind.UNTRAINED_CLASS: (
        "{subject} ({count} examples) is in dev or test, but not in train"
    ),
    FindingKind.NO_HALF: (
        "none of the {total} examples has {subject}, which the experiment reads. Add the files, or "
        "take the corpus out of that source"
    ),
    FindingKind.WRONG_COUNTS: (
        "{subject}: {count} utterances, where the literature has {total}. Restore the label files "
        "as they were released"
    ),
    FindingKind.INCOMPLETE: (
        "only {count} of {total} dialogues are here, so figures are not comparable to the "
        "literature's"
    ),
    FindingKind.LACKING_HALF: (
        "{count} of {total} examples have no {subject}; they are trained and measured on what they "
        "have"
    ),
    FindingKind.PUBLISHED_DUPLICATES: (
        "{count} × the same picture in {subject}, as its owners published it; training has none of "
        "them"
    ),
    FindingKind.REPEATED_TEXTS: (
        "{count} of {total} texts of {subject} occur word by word in train; a text model may know "
        "them by heart"
    ),
    FindingKind.TWO_LABELS: "{count} × the same recording or picture with different labels",
    FindingKind.UNKNOWN_SPEAKERS: (
        "the speakers are unknown, so that nobody can say whether one is in two splits"
    ),
    FindingKind.SILENT: "{count} of {total} recordings hold only silence",
}


def report(result: CheckResult) -> str:
    """All of a check, for a terminal; the tables are Markdown."""
    parts = [_summary(corpus) for corpus in result.corpora]
    problems = [finding for finding in result.findings if finding.spoils]
    notes = [finding for finding in result.findings if not finding.spoils]
    if notes:
        parts.append("Worth knowing:\n" + "\n".join(map(sentence, notes)))
    if problems:
        parts.append("Would spoil a result:\n" + "\n".join(map(sentence, problems)))
    else:
        parts.append("Nothing was found that would spoil a result.")
    return "\n\n".join(parts)


def sentence(finding: Finding) -> str:
    """One finding, with the first few names."""
    text = SENTENCES[finding.kind].format(
        count=_counted(finding.count), total=_counted(finding.total), subject=finding.subject
    )
    shown = ", ".join(finding.items[:SHOWN])
    more = len(finding.items) - SHOWN
    names = f": {shown}" + (f" and {more} more" if more > 0 else "") if shown else ""
    return f"- {finding.corpus}: {text.rstrip('.')}{names}."


def _summary(corpus: CorpusSummary) -> str:
    """Name, length, and a table of splits × classes."""
    emotions = sorted({emotion for _, emotion in corpus.counts})
    lines = [
        f"{corpus.name}: {_counted(sum(corpus.counts.values()))} examples{_lengths(corpus)}",
        f"| split | {' | '.join(emotions)} | all | groups |",
        f"|---|{'---|' * (len(emotions) + 2)}",
    ]
    return "\n".join([*lines, *_rows(corpus, emotions)])


def _rows(corpus: CorpusSummary, emotions: list[str]) -> Iterator[str]:
    for split in SPLITS:
        counts = [corpus.counts[split, emotion] for emotion in emotions]
        cells = " | ".join(_counted(count) for count in [*counts, sum(counts)])
        yield f"| {split} | {cells} | {_counted(corpus.groups[split])} |"


def _lengths(corpus: CorpusSummary) -> str:
    if not corpus.seconds:
        return ""
    hours = sum(corpus.seconds) / 3_600
    return (
        f", {hours:.2f} h (shortest {min(corpus.seconds):.1f} s, median "
        f"{statistics.median(corpus.seconds):.1f} s, longest {max(corpus.seconds):.1f} s)"
    )


def _counted(number: int) -> str:
    return f"{number:,}".replace(",", " ")
