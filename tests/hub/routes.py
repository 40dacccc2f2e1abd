"""What the fake Hub answers to each request of huggingface_hub."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from huggingface_hub import RepoCard
from huggingface_hub.repocard_data import model_index_to_eval_results

from tests.hub.store import OWNER, Answer, Repo, is_lfs, oid, sha256

if TYPE_CHECKING:
    from tests.hub.server import Handler

LARGEST_OUTSIDE_LFS = 10 * 2**20  # bytes
KINDS = {"": "model", "spaces/": "space", "datasets/": "dataset"}


def create(handler: Handler) -> None:
    asked = json.loads(handler.body())
    name = f"{asked['organization'] or OWNER}/{asked['name']}"
    handler.check_token(name)
    key = asked.get("type", "model"), name
    if key in handler.server.repos:
        url = f"{handler.server.url}/{name}"
        raise Answer(409, {"error": "You already created this model repo", "url": url})
    handler.server.repos[key] = Repo(asked)
    handler.server.repos[key].commit("main", {".gitattributes": b"*.safetensors filter=lfs"})
    raise Answer(200, {"url": f"{handler.server.url}/{name}"})


def validate_card(handler: Handler) -> None:
    """As far as a parser goes that is not ours."""
    asked = json.loads(handler.body())
    try:
        metadata = RepoCard(asked["content"]).data.to_dict()
        if asked["repoType"] == "model" and not metadata.get("license"):
            raise ValueError("no license")
        if "model-index" in metadata:
            model_index_to_eval_results(metadata["model-index"])
    except (KeyError, TypeError, ValueError) as error:
        raise Answer(400, {"errors": [{"message": str(error)}], "warnings": []}) from None
    raise Answer(200, {"errors": [], "warnings": []})


def create_branch(handler: Handler, kind: str, name: str, branch: str) -> None:
    handler.check_token(name)
    handler.body()
    repo = handler.repo(kind, name)
    if branch in repo.branches:
        raise Answer(409, {"error": "Reference already exists"})
    repo.branches[branch] = repo.branches["main"]
    raise Answer(200, {})


def preupload(handler: Handler, kind: str, name: str, revision: str) -> None:
    handler.check_token(name)
    tree = handler.repo(kind, name).commits[handler.commit_of(kind, name, revision)]
    files = [
        {
            "path": asked["path"],
            "uploadMode": "lfs" if is_lfs(asked["path"]) else "regular",
            "shouldIgnore": False,
            "oid": oid(path, tree[path]) if (path := asked["path"]) in tree else None,
        }
        for asked in json.loads(handler.body())["files"]
    ]
    raise Answer(200, {"files": files})


def lfs_batch(handler: Handler, prefix: str, name: str) -> None:
    handler.check_token(name)
    objects = []
    for asked in json.loads(handler.body())["objects"]:
        described = {"oid": asked["oid"], "size": asked["size"]}
        if asked["oid"] not in handler.server.large:
            href = f"{handler.server.url}/lfs/{asked['oid']}"
            described["actions"] = {"upload": {"href": href}}
        objects.append(described)
    raise Answer(200, {"transfer": "basic", "objects": objects})


def lfs_put(handler: Handler, hash: str) -> None:
    limit = handler.server.faults.break_uploads_after
    if limit is not None and len(handler.server.received) >= limit:
        handler.close_connection = True
        raise Answer(200, b"", Content_Length="9")  # less than is announced
    content = handler.body()
    if sha256(content) != hash:
        raise Answer(400, {"error": "wrong hash"})
    handler.server.large[hash] = content
    handler.server.received.append(hash)
    raise Answer(200, b"")


def commit(handler: Handler, kind: str, name: str, revision: str) -> None:
    handler.check_token(name)
    repo = handler.repo(kind, name)
    tree = dict(repo.commits[handler.commit_of(kind, name, revision)])
    for line in handler.body().splitlines():
        item = json.loads(line)
        value = item["value"]
        if item["key"] == "file":
            content = base64.b64decode(value["content"])
            if len(content) > LARGEST_OUTSIDE_LFS:
                raise Answer(413, {"error": "too large outside LFS"})
            tree[value["path"]] = content
        elif item["key"] == "lfsFile":
            tree[value["path"]] = handler.server.large[value["oid"]]
        elif item["key"] == "deletedFile":
            del tree[value["path"]]
    made = repo.commit(revision, tree)
    prefix = {kind: prefix for prefix, kind in KINDS.items()}[kind]
    url = f"{handler.server.url}/{prefix}{name}/commit/{made}"
    raise Answer(200, {"commitUrl": url, "commitOid": made})


def info(handler: Handler, kind: str, name: str, revision: str | None = None) -> None:
    found = handler.commit_of(kind, name, revision or "main")
    repo = handler.repo(kind, name)
    siblings = [{"rfilename": path} for path in repo.commits[found]]
    described = {"id": name, "sha": found, "private": repo.private, "tags": []}
    raise Answer(200, {**described, "siblings": siblings})


def list_tree(handler: Handler, kind: str, name: str, revision: str) -> None:
    tree = handler.repo(kind, name).commits[handler.commit_of(kind, name, revision)]
    entries: list[dict[str, Any]] = []
    for path, content in tree.items():
        entry = {"type": "file", "path": path, "size": len(content), "oid": oid(path, content)}
        if is_lfs(path):
            entry["lfs"] = {"oid": sha256(content), "size": len(content), "pointerSize": 130}
        entries.append(entry)
    raise Answer(200, entries)


def resolve(handler: Handler, prefix: str, name: str, revision: str, path: str) -> None:
    found = handler.commit_of(KINDS[prefix or ""], name, revision)
    tree = handler.repo(KINDS[prefix or ""], name).commits[found]
    faults = handler.server.faults
    if path not in tree or path in faults.lost:
        raise Answer(404, b"", X_Error_Code="EntryNotFound", X_Repo_Commit=found)
    content = tree[path]
    headers = {"ETag": f'"{oid(path, content)}"', "X-Repo-Commit": found}
    headers["Content-Length"] = str(len(content))
    if path in faults.damaged:
        content = content[:-1] + bytes([content[-1] ^ 1])
    if path in faults.cut:
        content = content[: len(content) // 2]
    raise Answer(200, content, **headers)


NAME = r"(?P<name>[^/]+/[^/]+)"
API = rf"/api/(?P<kind>model|space|dataset)s/{NAME}"
REVISION = r"(?P<revision>[^/]+)"
ROUTES: list[tuple[str, str, Callable[..., None]]] = [
    ("POST", "/api/repos/create", create),
    ("POST", "/api/validate-yaml", validate_card),
    ("POST", rf"{API}/branch/(?P<branch>.+)", create_branch),
    ("POST", rf"{API}/preupload/{REVISION}", preupload),
    ("POST", rf"/(?P<prefix>spaces/|datasets/)?{NAME}\.git/info/lfs/objects/batch", lfs_batch),
    ("PUT", r"/lfs/(?P<hash>[0-9a-f]{64})", lfs_put),
    ("POST", rf"{API}/commit/{REVISION}", commit),
    ("GET", API, info),
    ("GET", rf"{API}/revision/{REVISION}", info),
    ("GET", rf"{API}/tree/{REVISION}", list_tree),
    ("GET", rf"/(?P<prefix>spaces/|datasets/)?{NAME}/resolve/{REVISION}/(?P<path>.+)", resolve),
]
