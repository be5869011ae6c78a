"""Committed answers back into a ledger that lacks them: what a teammate paid for is not paid for again.

The last committed data/teacher_data.jsonl (at Git's HEAD; DVC's cache first, then its remote) carries the key, the text
and the usage of every answer, which is all that a ledger needs. What it will not do: overwrite an answer that is there.
"""

import json
import re
import subprocess
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import yaml

from distill.api.ledger.ledger import Ledger
from distill.api.response import COUNTS, usage_of
from distill.common.errors import TeacherError
from distill.common.jsonl import Row

TEACHER_DATA = "data/teacher_data.jsonl"
KEY = re.compile(r"[0-9a-f]{64}")


def hydrate(ledger: Ledger, root: Path) -> int:
    """Copy the committed answers that `ledger` lacks into it; return their number.

    Raises:
        TeacherError: There are committed answers of an API's, and they cannot be had.
    """
    return add(ledger, committed(root))


def add(ledger: Ledger, rows: Iterator[Row]) -> int:
    """Copy answers from rows of teacher_data.jsonl; return how many were new."""
    return ledger.add(call for row in rows for call in _calls_of(row))


def _calls_of(row: Row) -> list[Row]:
    try:
        return list(calls_of(row))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise TeacherError(f"{TEACHER_DATA}: the committed row '{row.get('id')}' is not what collect writes "
                           f"({type(error).__name__}: {error}); commit a whole file, or set runtime.hydrate to false "
                           "to pay for its answers again") from None  # fmt: skip


def calls_of(row: Row) -> Iterator[Row]:
    """Yield the calls that a row of teacher_data.jsonl tells of, as rows of the ledger; none if it is not an API's."""
    if not KEY.fullmatch(str(row.get("key"))):
        return
    usage = {name: count for name, count in row["usage"].items() if name in COUNTS}
    # Thinking that was dropped cannot be had back, but goes on being counted.
    thinking = [{"type": "redacted_thinking", "data": ""}] if row.get("thinking") == "dropped" else []
    message = {"type": "message", "role": "assistant", "model": row["model"], "stop_reason": row["stop_reason"],
               "content": [*thinking, {"type": "text", "text": row["completion"]}], "usage": usage}  # fmt: skip
    raw = json.dumps(message, ensure_ascii=False).encode()
    yield _call(row, row["key"], row["usage"], "hydrated") | {"response": raw, "crc": zlib.crc32(raw)}
    for spent in row["usage"].get("superseded", ()):
        yield _call(row | {"stop_reason": "max_tokens"}, spent["key"], spent, "stub")


def committed(root: Path) -> Iterator[Row]:
    """Yield the rows of the last committed teacher_data.jsonl, if an API was paid for it.

    Raises:
        TeacherError: It can be had neither from DVC's cache nor from its remote.
    """
    if not _was_paid_for(root):
        return
    from dvc.api import DVCFileSystem

    try:
        data = DVCFileSystem(str(root), rev="HEAD")
        for part in sorted(data.find(TEACHER_DATA)):  # one file, or a folder's parts
            with data.open(part, "rb") as file:
                for line in file:
                    yield json.loads(line)
    except Exception as error:  # whatever a remote's library raises
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise TeacherError(f"{TEACHER_DATA}: answers are committed, and neither DVC's cache nor its remote has them "
                           f"({reason}); run `dvc pull {TEACHER_DATA}`, or set runtime.hydrate to false to pay for "
                           "them again") from None  # fmt: skip


def _was_paid_for(root: Path) -> bool:
    """Whether the committed dvc.lock tells of a teacher that is asked; so nothing is fetched for answers in files."""
    try:
        shown = subprocess.run(["git", "-C", root, "show", "HEAD:./dvc.lock"], capture_output=True, check=True).stdout
        params = yaml.safe_load(shown)["stages"]["collect"]["params"]["params.yaml"]
        return bool(params[f"teachers.{params['teacher']}"]["kind"] != "files")
    except (OSError, subprocess.CalledProcessError, yaml.YAMLError, KeyError, TypeError):
        return False


def _call(row: Row, key: str, usage: Row, source: str) -> Row:
    counts = usage_of(usage, batch=False)
    return {
        "key": key,
        "state": "paid",
        "source": source,
        "via": "batch" if usage.get("service_tier") == "batch" else "online",
        "model": row["model"],
        "server": "committed",
        "day": datetime.now(UTC).date().isoformat(),
        "max_tokens": 0,
        "worst_usd": "0",
        "stop_reason": row["stop_reason"],
        **{name: getattr(counts, name) for name in COUNTS},
    }
