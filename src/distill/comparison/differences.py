"""What differs between two runs beside their results: parameters, data and code, by what dvc.lock recorded of them."""

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
    """Return what the results of two runs were made with, as far as it is not the same."""
    paths = _changed(a.hashes, b.hashes)
    params = [(key, _value(a.params, key), _value(b.params, key)) for key in _changed(a.params, b.params)]
    # What the students answered is the result, not what it was made from.
    data = [path for path in paths if path.startswith("data/") and not path.startswith("data/answers/")]
    return Differences(params, data, [path for path in paths if path.startswith(("src/", "configs/"))])


def sentences(a: Run, b: Run) -> list[str]:
    """Return the differences in words, one line for each kind."""
    found = differences(a, b)
    params = ", ".join(f"{key} {one} → {two}" for key, one, two in found.params)
    lines = [f"Parameters: {params or 'the same'}.", f"Data: {', '.join(found.data) or 'the same'}."]
    lines += [f"Code: {', '.join(found.code)}."] if found.code else []
    return lines + [line for run in (a, b) for line in _stale(run)]


def _stale(run: Run) -> list[str]:
    """Return why a run's results may not be what its files say, with the fix."""
    lines = []
    if run.unused:
        keys = ", ".join(run.unused)
        lines.append(f"params.yaml of {run.name} has other values by now ({keys}) than its results were made with; "
                     "`dvc repro` makes them anew.")  # fmt: skip
    if not run.recorded:
        lines.append(f"The rows of {run.name} are not those that its dvc.lock speaks of, so what they were made with "
                     "is not known; `dvc repro` makes them anew.")  # fmt: skip
    return lines


def _changed(one: Mapping[str, Any], two: Mapping[str, Any]) -> list[str]:
    missing = object()
    return sorted(key for key in {**one, **two} if one.get(key, missing) != two.get(key, missing))


def _value(params: Mapping[str, Any], key: str) -> str:
    return str(params[key]) if key in params else MISSING
