"""Markup as a browser would read it, for tests."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"img", "br", "input", "meta", "link"}


class Page(HTMLParser):
    """Checks that tags nest, and collects them with the text."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(markup)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def having(self, **wanted: str) -> list[dict[str, str | None]]:
        names = {name.replace("_", "-").rstrip("-"): value for name, value in wanted.items()}
        return [
            attrs
            for _, attrs in self.tags
            if all(value in (attrs.get(name) or "").split(" ") for name, value in names.items())
        ]
