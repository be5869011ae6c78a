"""A Hugging Face hub on loopback: the HTTP API that the real client asks, over repositories that are folders.

It lists trees, and hands out files at a commit by HEAD and GET, with ETags and ranges. It keeps the books: every
request, and how many bytes of which file it sent. As the real one it asks nobody who they are before they list a gated
repository, and everybody before they read a file of it; and it can break off in the middle of a file.
"""

import contextlib
import hashlib
import http.server
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TOKEN = "hf_of_somebody_who_accepted"
STRANGER = "hf_of_somebody_who_did_not"


@dataclass
class Repository:
    """A repository with one commit; a gated one is for those who accepted its licence, a private one seems absent."""

    folder: Path
    gated: bool = False
    private: bool = False

    @property
    def commit(self) -> str:
        """A commit's name, as Git would have made it of the files: 40 hexadecimal digits."""
        content = b"".join(path.name.encode() + path.read_bytes() for path in self.files())
        return hashlib.sha1(content, usedforsecurity=False).hexdigest()

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.iterdir() if path.is_file())


@dataclass
class Hub:
    """What is on the hub, and what was asked of it."""

    url: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path and `Range` header of each request."""
    sent: Counter[str] = field(default_factory=Counter)
    """Bytes of each file."""
    break_after: int | None = None
    """Break the connection off, once, after so many bytes of a file that is longer."""

    def add(self, name: str, folder: Path, **kind: bool) -> str:
        """Put a folder on the hub, and return its commit."""
        self.repositories[name] = Repository(folder, **kind)
        return self.repositories[name].commit

    def asked(self, name: str) -> list[tuple[str, str, str]]:
        """The requests about a repository; the client also asks about itself."""
        return [request for request in self.requests if f"/{name}/" in request[1]]


@contextlib.contextmanager
def serve() -> Iterator[Hub]:
    """A hub on a port of its own, for as long as the block runs."""
    hub = Hub()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self) -> None:
        self.hub.requests.append((self.command, self.path, self.headers.get("Range", "")))
        path = self.path.partition("?")[0]
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/(tree|revision)/([^/]+)", path):
            name, what, revision = found.groups()
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            name, revision, what = found.groups()
        else:
            return self._refuse(404, "")
        repository = self.hub.repositories.get(name)
        if repository is None or (repository.private and self._token() != TOKEN):
            return self._refuse(404 if self._token() else 401, "RepoNotFound")
        if revision not in (repository.commit, "main"):
            return self._refuse(404, "RevisionNotFound")
        if path.startswith("/api/"):
            return self._list(name, repository, what)
        if repository.gated and self._token() != TOKEN:
            return self._refuse(403 if self._token() else 401, "GatedRepo")
        file = repository.folder / what
        return self._file(file, repository.commit) if file.is_file() else self._refuse(404, "EntryNotFound")

    def _token(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")

    def _refuse(self, status: int, code: str) -> None:
        message = f"refused to {self._token()}"  # what a careless server may say
        self._send(status, message.encode(), {"X-Error-Code": code, "X-Error-Message": message})

    def _list(self, name: str, repository: Repository, what: str) -> None:
        tree = [{"type": "file", "path": path.name, "size": path.stat().st_size, "oid": _digest(path)[:40]}
                for path in repository.files()]  # fmt: skip
        info = {"id": name, "modelId": name, "sha": repository.commit, "gated": repository.gated, "private": False,
                "tags": [], "siblings": [{"rfilename": entry["path"]} for entry in tree]}  # fmt: skip
        body = json.dumps(tree if what == "tree" else info).encode()
        self._send(200, body, {"Content-Type": "application/json"})

    def _file(self, file: Path, commit: str) -> None:
        content, headers = file.read_bytes(), {"ETag": f'"{_digest(file)}"', "Accept-Ranges": "bytes"}
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").partition("-")[0])
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self._send(206 if start else 200, content[start:], headers | {"X-Repo-Commit": commit}, file.name)

    def _send(self, status: int, body: bytes, headers: dict[str, str], file: str | None = None) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        limit = self.hub.break_after
        if file and limit is not None and len(body) > limit:
            self.hub.break_after, self.close_connection, body = None, True, body[:limit]
        self.wfile.write(body)
        if file:
            self.hub.sent[file] += len(body)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
