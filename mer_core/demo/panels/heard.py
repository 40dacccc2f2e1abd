"""The words that were heard: in which language, how surely, and when each was said."""

from __future__ import annotations

from mer_core.demo.panels.markup import escape, percent, seconds
from mer_core.types import Transcript, Word

UNSURE = 0.6  # probability below which a word is underlined
EDIT = "Edit the words above if they are wrong."
EDITED = "Press Analyse to judge them as they are now."
POINT = "Choose a word to see how sure it is and when it was said."
UNDERLINED = "Underlined words are less sure."


def heard_panel(transcript: Transcript, language: str, written: str, *, translated: bool) -> str:
    """The mark of heard words and the words one by one.

    `words.js` changes the mark when the text box is edited, and shows a word's facts.

    Args:
        transcript: At least one word.
        language: Its language's name.
        written: What was put into the text box.
        translated: Whether that is the translation.
    """
    mark = f"Heard in {language}" + (", translated to English" if translated else "")
    unsure = any(word.probability < UNSURE for word in transcript.words)
    facts = f"{UNDERLINED} {POINT}" if unsure else POINT
    words = "".join(_word(word, index) for index, word in enumerate(transcript.words))
    return (
        f'<section class="at-heard" data-heard="{escape(written)}" aria-label="Words heard">'
        f'<p><span class="at-badge at-heard-mark" data-testid="heard" '
        f'data-edited="Heard in {escape(language)}, then edited">{escape(mark)}</span> '
        f'<span data-edited="{EDITED}">{EDIT}</span></p>'
        f'<ul dir="auto" aria-label="Each word, with how sure it is">{words}</ul>'
        f'<p class="at-heard-fact" data-testid="word-fact">{facts}</p></section>'
    )


def word_fact(word: Word) -> str:
    """How sure a word is and when it was said; plain text."""
    when = f"{word.start:.1f} to {seconds(word.end)}"
    return f"“{word.text}”: {percent(word.probability)} sure; said at {when}"


def _word(word: Word, index: int) -> str:
    fact = escape(word_fact(word))
    look = ' class="at-unsure"' if word.probability < UNSURE else ""
    return (
        f'<li><button type="button"{look} tabindex="{-1 if index else 0}" title="{fact}" '
        f'aria-label="{fact}">{escape(word.text)}</button></li>'
    )
