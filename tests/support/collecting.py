"""A folder in which `collect` can run: short waits, some prompts, and the real stage, in process or out of it."""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

from distill.collect import stage
from distill.common import cli
from distill.common.jsonl import Row, write_jsonl
from messages_server import Answered, MessagesServer
from repository import ROOT

KEY = "sk-test-key"
RUNTIME = {
    "concurrency": 8, "timeout_s": 1.0, "max_attempts": 10, "retry_wait_s": 0.01, "max_wait_s": 0.1, "budget_usd": None,
    "poll_interval_s": 0.02, "adopt_wait_s": 0.2, "batch_max_requests": 10000, "batch_max_bytes": 64000000,
    "expected_output_tokens": 1200, "hydrate": True, "generate_processes": 1,
}  # fmt: skip


@dataclass
class Ran:
    """How a run ended, and what it showed."""

    status: int
    stderr: str
    stdout: str


@dataclass
class Folder:
    """A working directory for `collect`."""

    path: Path
    url: str

    @property
    def ledger(self) -> Path:
        return self.path / ".distill/ledger.sqlite"

    @property
    def output(self) -> Path:
        return self.path / "data/teacher_data.jsonl"

    def rows(self) -> list[Row]:
        return [json.loads(line) for line in self.output.read_text(encoding="utf-8").split("\n") if line]

    def metrics(self) -> Any:
        return json.loads((self.path / "metrics/collect.json").read_text(encoding="utf-8"))

    def prompts(self, *texts: str) -> None:
        rows = ({"id": f"p{number}", "split": "train", "prompt": text} for number, text in enumerate(texts))
        write_jsonl(self.path / "data/prompts.jsonl", rows)

    def sources(self, *texts: str) -> None:
        """Write the prompts as data/prompts has them."""
        prompts = [{"slug": f"p{number}", "prompt": text} for number, text in enumerate(texts)]
        (self.path / "data/prompts").mkdir(parents=True, exist_ok=True)
        (self.path / "data/prompts/all.yaml").write_text(
            yaml.safe_dump({"group": "all", "split": "train", "prompts": prompts}), encoding="utf-8"
        )

    def params(self, teacher: str = "claude", profile: dict[str, Any] | None = None, **runtime: Any) -> None:
        params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        params["teacher"] = teacher
        params["teachers"][teacher] |= profile or {}
        params["runtime"] = RUNTIME | runtime
        (self.path / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")

    def environment(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if name not in ("DISTILL_LEDGER", "DVC_ROOT")}
        return clean | {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": self.url, "PYTHONPATH": str(ROOT / "src")}

    def run(self) -> Ran:
        """Run the stage in this process."""
        return self.command(stage.main)

    def command(self, main: Callable[[], None], *arguments: str) -> Ran:
        """Run a command in this process."""
        stderr, stdout, status = io.StringIO(), io.StringIO(), 0
        with (
            contextlib.chdir(self.path),
            mock.patch.dict(os.environ, self.environment(), clear=True),
            mock.patch.object(sys, "argv", ["distill", *arguments]),
            contextlib.redirect_stderr(stderr),
            contextlib.redirect_stdout(stdout),
        ):
            try:
                cli.run(main)
            except SystemExit as ended:
                status = int(ended.code or 0)
        return Ran(status, stderr.getvalue(), stdout.getvalue())

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start the stage in a process of its own."""
        command = [sys.executable, *(arguments or ("-m", "distill.collect"))]
        return subprocess.Popen(command, cwd=self.path, env=self.environment(), text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)  # fmt: skip


def folder(path: Path, url: str, prompts: int = 20, teacher: str = "claude", **runtime: Any) -> Folder:
    """Make a folder with so many prompts."""
    path.mkdir(parents=True, exist_ok=True)
    made = Folder(path, url)
    made.params(teacher, **runtime)
    made.prompts(*(f"Prompt number {number}?" for number in range(prompts)))
    return made


def served(server: MessagesServer, prompt: str) -> list[Answered]:
    """What the server handed over in full for a prompt."""
    return [answered for answered in server.answered if answered.prompt == prompt and answered.delivered]
