"""A Hugging Face Hub on the loopback: what huggingface_hub asks of it, kept in memory.

It speaks the HTTP that `create_repo`, `create_branch`, `create_commit` (regular files and LFS) and
`snapshot_download` use, refuses what the real one refuses, and can be told to fail.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from tests.hub.routes import ROUTES
from tests.hub.store import OWNER, TOKEN, Answer, Faults, Repo, Tree


class FakeHub(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1 until `close`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repos: dict[tuple[str, str], Repo] = {}
        self.large: dict[str, bytes] = {}  # SHA-256 → content
        self.faults = Faults()
        self.received: list[str] = []  # LFS files that were sent, by hash
        self.asked: list[str] = []  # "METHOD /path"
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        self.thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A broken connection is part of the game, and not to be printed."""

    def add(self, name: str, files: Tree, kind: str = "model") -> str:
        """A repository with these files, put there by hand; the name of its commit."""
        repo = self.repos.setdefault((kind, name), Repo({}))
        return repo.commit("main", dict(files))

    def files(self, name: str, revision: str = "main", kind: str = "model") -> Tree:
        repo = self.repos[kind, name]
        return repo.commits[str(repo.resolve(revision))]


class Handler(BaseHTTPRequestHandler):
    server: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._run("GET")

    def do_GET(self) -> None:
        self._run("GET")

    def do_POST(self) -> None:
        self._run("POST")

    def do_PUT(self) -> None:
        self._run("PUT")

    def _run(self, method: str) -> None:
        path = unquote(urlsplit(self.path).path)
        with self.server.lock:
            self.server.asked.append(f"{method} {path}")
            try:
                if self.server.faults.status:
                    raise Answer(self.server.faults.status, {})
                for wanted, pattern, answer in ROUTES:
                    match = re.fullmatch(pattern, path)
                    if match and wanted == method:
                        answer(self, **match.groupdict())
                raise Answer(404, {})
            except Answer as answer:
                self._send(answer)

    def _send(self, answer: Answer) -> None:
        content = answer.content
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(answer.status)
        headers = {"Content-Length": str(len(body)), **answer.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        if int(headers["Content-Length"]) > len(body):
            self.close_connection = True

    def body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            return self._chunks()
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def check_token(self, name: str) -> None:
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise Answer(401, {"error": "Invalid username or password."})
        if name.partition("/")[0] != OWNER:
            raise Answer(403, {"error": "You don't have the rights."})

    def repo(self, kind: str, name: str) -> Repo:
        if (kind, name) not in self.server.repos:
            raise Answer(404, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")
        return self.server.repos[kind, name]

    def commit_of(self, kind: str, name: str, revision: str) -> str:
        found = self.repo(kind, name).resolve(revision)
        if found is None:
            raise Answer(404, {"error": "No revision"}, X_Error_Code="RevisionNotFound")
        return found


class _NoWaiting:
    """The module `time`, in which nobody sleeps: the client waits before it tries again."""

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

    def sleep(self, seconds: float) -> None:
        pass


@contextmanager
def fake_hub(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Iterator[FakeHub]:
    """A Hub that this process talks to instead of the real one, with `TOKEN`, into `cache`.

    Another process does so with the variables of `environment`.
    """
    hub = FakeHub()
    constants = "huggingface_hub.constants"
    template = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(f"{constants}.ENDPOINT", hub.url)
    monkeypatch.setattr(f"{constants}.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(f"{constants}.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(f"{constants}.HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(f"{constants}.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(f"{constants}.HF_TOKEN_PATH", str(cache / "token"))
    for module in ("utils._http", "file_download"):
        monkeypatch.setattr(f"huggingface_hub.{module}.time", _NoWaiting())
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    try:
        yield hub
    finally:
        hub.close()


def environment(hub: FakeHub, home: Path) -> dict[str, str]:
    """What another process needs to talk to `hub`."""
    return {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home),
        "HF_TOKEN": TOKEN,
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
