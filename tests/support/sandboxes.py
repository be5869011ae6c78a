"""What tests of the sandboxes share: limits, skipping a sandbox that does not work here, and trying a check's file."""

from pathlib import Path

import pytest
import yaml

from distill.common.jsonl import Row
from distill.sandbox.run_checks import SandboxParams, Verdict, available, judge

LIMITS = {
    "wall_s": 60.0,
    "cpu_s": 1,
    "memory_mib": 256,
    "processes": 16,
    "file_kib": 1024,
}
PARAMS = SandboxParams.model_validate(LIMITS)


def needs(sandbox: str) -> None:
    """Skip the test where a sandbox does not work."""
    if reason := available((sandbox,))[1]:
        pytest.skip(reason)


def written(path: Path, check: Row | str) -> Path:
    """Write a check's file."""
    path.write_text(check if isinstance(check, str) else yaml.safe_dump(check, sort_keys=False))
    return path


def put(path: Path, *answers: str, sandbox: str | None = None, params: SandboxParams = PARAMS) -> dict[str, Verdict]:
    """Put answers to a check; return their verdicts."""
    if sandbox is None and (reason := available()[1]):
        pytest.skip(reason)
    return dict(zip(answers, judge(answers, [path] * len(answers), params, sandbox=sandbox), strict=True))
