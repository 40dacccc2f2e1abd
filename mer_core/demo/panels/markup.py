"""Pieces that every panel shares: escaping, numbers, colours, cards, tables and legends."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping

# How data sets write their own names.
CORPUS_TITLES = {
    "ravdess": "RAVDESS",
    "nemo": "nEMO",
    "fer2013": "FER2013",
    "goemotions": "GoEmotions",
    "meld": "MELD",
    "emorynlp": "EmoryNLP",
    "isear": "ISEAR",
    "iemocap": "IEMOCAP",
}


def escape(value: object) -> str:
    """`value` as text that is safe inside elements and quoted attributes."""
    return html.escape(str(value), quote=True)


def percent(probability: float) -> str:
    """A probability in whole percent; never a rounded 0% or 100%."""
    if probability < 0.005:
        return "<1%"
    if probability >= 0.995:
        return ">99%"
    return f"{max(1, round(100 * probability))}%"


def seconds(value: float) -> str:
    """A moment: `2.5 s` below a minute, `1:05` from there on."""
    if value < 59.95:
        return f"{value:.1f} s"
    whole = round(value)
    return f"{whole // 60}:{whole % 60:02d}"


def number(value: float, digits: int = 2) -> str:
    """A fixed number of decimals with a true minus; never a negative zero."""
    return f"{value:z.{digits}f}".replace("-", "−")


def signed(value: float) -> str:
    """A difference with three decimals and its sign: `+0.012`, `−0.640`, `0.000`."""
    return "0.000" if abs(value) < 0.0005 else f"{value:+.3f}".replace("-", "−")


def emotion_style(emotion: str) -> str:
    """Inline style that hands an emotion's colours to the element and what is inside it."""
    slug = re.sub(r"[^a-z0-9]+", "-", emotion.lower()).strip("-")
    return (
        f"--fill:var(--emotion-{slug},var(--emotion-other));"
        f"--ink:var(--emotion-{slug}-ink,var(--emotion-other-ink))"
    )


def ranked(probabilities: Mapping[str, float]) -> list[tuple[str, float]]:
    """Categories from most to least probable; ties keep the model's order."""
    return sorted(probabilities.items(), key=lambda pair: -pair[1])


def dotted(name: str) -> str:
    """A name behind a dot in the colour of its surroundings."""
    return f'<span class="at-dot" aria-hidden="true"></span>{escape(name)}'


def capitalised(sentence: str) -> str:
    """With a capital first letter; the rest stays as it is."""
    return sentence[:1].upper() + sentence[1:]


# Below, arguments are markup: callers escape what is foreign.


def caption(text: str) -> str:
    """An explanation in small print."""
    return f'<p class="at-caption">{text}</p>'


def card(title: str, inside: str, *, label: str = "", classes: str = "") -> str:
    """A section under a heading; `label` names it to screen readers where the heading does not."""
    return (
        f'<section class="{f"at-card {classes}".strip()}" aria-label="{label or title}">'
        f'<h2 class="at-title">{title}</h2>{inside}</section>'
    )


def table(heads: Iterable[str], rows: Iterable[str], *, classes: str = "", title: str = "") -> str:
    """Rows `<tr>…</tr>` under named columns; `title` is a whole `<caption>` element."""
    look = f' class="{classes}"' if classes else ""
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return (
        f"<table{look}>{title}<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def folded_table(heads: Iterable[str], rows: Iterable[str]) -> str:
    """A drawing's numbers, to be unfolded."""
    return (
        f'<details class="at-details"><summary>As a table</summary>{table(heads, rows)}</details>'
    )


def legend(emotions: Iterable[str], attributes: str, more: str = "") -> str:
    """Emotions beside their colours; `more` holds further `<li>` elements."""
    entries = "".join(
        f'<li style="{emotion_style(name)}"><span class="at-dot"></span>{escape(name)}</li>'
        for name in emotions
    )
    return f'<ul class="at-legend" {attributes}>{entries}{more}</ul>'
