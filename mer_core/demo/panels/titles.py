"""Titles in plain words and in the papers' terms; the page's class `at-papers` says which is seen.

Both are in the markup, so that the switch works at once and everywhere, and asks no server.
"""

from __future__ import annotations

from mer_core.demo.panels.markup import escape
from mer_core.frameworks.descriptor import strategy_title
from mer_core.frameworks.variants import Terms


def strategy_name(strategy: str) -> str:
    """A strategy's title as markup."""
    return in_both_terms(*(strategy_title(strategy, terms) for terms in Terms))


def in_both_terms(plain: str, papers: str) -> str:
    """Two titles of one thing as markup; one where they are the same."""
    if plain == papers:
        return escape(plain)
    return (
        f'<span class="at-plain">{escape(plain)}</span>'
        f'<span class="at-papers-term">{escape(papers)}</span>'
    )
