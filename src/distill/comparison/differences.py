"""What two runs were made with and does not agree: parameters, data and code, as recorded in dvc.lock."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from distill.comparison.runs import Run

MISSING = "–"


@dataclass(frozen=True)
class Differences:
    """`params` are (dotted key, A's value, B's value); `data` and `code` are paths."""

    params: list[tuple[str, str, str]]
    data: list[str]
    code: list[str]


def differences(a: Run, b: Run) -> Differences:
    """Return in what the inputs of two runs differ."""
    paths = _changed(a.hashes, b.hashes)
    params = [(key, _value(a.params, key), _value(b.params, key)) for key in _changed(a.params, b.params)]
    # The students' answers are results, not inputs.
    data = [path for path in paths if path.startswith("data/") and not path.startswith("data/answers/")]
    return Differences(params, data, [path for path in paths if path.startswith(("src/", "configs/"))])


def sentences(a: Run, b: Run) -> list[str]:
    """Return the differences as sentences, one for each kind."""
    found = differences(a, b)
    params = ", ".join(f"{key} {one} → {two}" for key, one, two in found.params)
    lines = [f"Parameters: {params or 'the same'}.", f"Data: {', '.join(found.data) or 'the same'}."]
    lines += [f"Code: {', '.join(found.code)}."] if found.code else []
    return lines + [line for run in (a, b) for line in _stale(run)]


def _stale(run: Run) -> list[str]:
    """Return why a run's results may not match its files, with the fix."""
    lines = []
    if run.unused:
        keys = ", ".join(run.unused)
        lines.append(f"params.yaml of {run.name} was changed after its run ({keys}); "
                     "`dvc repro` computes the results again.")  # fmt: skip
    if not run.recorded:
        lines.append(f"The rows of {run.name} are not those that its dvc.lock records, so what they were made with "
                     "is unknown; `dvc repro` computes them again.")  # fmt: skip
    return lines


def _changed(one: Mapping[str, Any], two: Mapping[str, Any]) -> list[str]:
    missing = object()
    return sorted(key for key in {**one, **two} if one.get(key, missing) != two.get(key, missing))


def _value(params: Mapping[str, Any], key: str) -> str:
    return str(params[key]) if key in params else MISSING
