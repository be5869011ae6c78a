"""distill.evaluate, the stage, behind generate on a tiny student: what it writes, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest

from distill.common.jsonl import write_jsonl
from evaluating import PROMPTS, error_line, generated, held_out, rows, run, workspace

pytestmark = pytest.mark.slow
OUTPUTS = ["metrics/evaluate.json", "metrics/figures.json", "metrics/evaluation.jsonl", "metrics/report.html"]
DISTILLED = Path("data/answers/distilled.jsonl")


def evaluated(folder: Path) -> Path:
    code, errors = run(folder, "evaluate")
    assert code == 0, errors
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return evaluated(generated(workspace(tmp_path_factory.mktemp("evaluate"))))


def figures(folder: Path, name: str = "figures") -> dict[str, Any]:
    return json.loads((folder / f"metrics/{name}.json").read_text())  # type: ignore[no-any-return]


def test_it_writes_what_the_contract_names(finished: Path) -> None:
    found = figures(finished)
    details = rows(finished / "metrics/evaluation.jsonl")
    assert found["heldout"] == {"prompts": PROMPTS, "answer_tokens": 4 * PROMPTS}  # three words and the end of turn
    assert [row["id"] for row in details] == [f"p{n}" for n in range(PROMPTS)]
    assert found["cost_usd"] == 1.25
    for side in ("base", "distilled"):
        nll = sum(row["likelihood"][side]["nll"] for row in details) / (4 * PROMPTS)
        assert found["nll"][side] == pytest.approx(nll, abs=1e-4)
        assert found["answer_tokens"][side] == pytest.approx(
            sum(row["answers"][side][0]["tokens"] for row in details) / PROMPTS, abs=1e-4
        )
    assert found["outcomes"]["teacher"] == {"no_code": PROMPTS}
    few = figures(finished, "evaluate")
    assert few["nll"] == {key: found["nll"][key] for key in ("base", "distilled", "ci_low", "ci_high")}
    assert (few["val_loss"], few["cost_usd"]) == (0.9, 1.25)
    assert sum(len(value) if isinstance(value, dict) else 1 for value in few.values()) <= 26  # columns to be read
    assert "</html>" in (finished / "metrics/report.html").read_text()


def test_the_same_input_gives_the_same_bytes(finished: Path) -> None:
    before = {name: (finished / name).read_bytes() for name in OUTPUTS}
    evaluated(finished)
    assert [name for name in OUTPUTS if (finished / name).read_bytes() != before[name]] == []


def test_it_needs_no_torch(finished: Path) -> None:
    """It is the stage that reruns most often: starting it must not take seconds."""
    code = "import sys, distill.evaluate.stage; print('torch' in sys.modules, 'transformers' in sys.modules)"
    import subprocess
    import sys

    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.split() == ["False", "False"]


def test_answers_without_a_likelihood_are_left_out_of_it_and_said(tmp_path: Path) -> None:
    folder = workspace(tmp_path)
    changed = [held_out(number) for number in range(PROMPTS)]
    changed[0] |= {"stop_reason": "max_tokens", "ended": False}
    changed[1] |= {"completion": [{"role": "assistant", "content": "w10 <end> user w7"}]}
    write_jsonl(folder / "data/heldout.jsonl", changed)
    evaluated(generated(folder))
    found = figures(folder)
    unscored = {"max_tokens": 1, "special_tokens": 1}
    assert found["heldout"] == {"prompts": PROMPTS, "answer_tokens": 4 * (PROMPTS - 2), "unscored": unscored}
    details = rows(folder / "metrics/evaluation.jsonl")
    assert [(row["likelihood"], row["unscored"]) for row in details[:2]] == [
        (None, "max_tokens"),
        (None, "special_tokens"),
    ]
    assert "leave out 2 of the teacher’s 24 answers" in (folder / "metrics/report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("data/heldout.jsonl", '{"id": 1\n', "data/heldout.jsonl:1: not valid JSON"),
        (str(DISTILLED), "", "distilled.jsonl: its prompts are not those of data/heldout.jsonl; run `dvc repro`"),
        ("metrics/collect.json", "{", "metrics/collect.json: not valid JSON"),
        ("metrics/plots/train.tsv", "update\tsplit\n1\n", "metrics/plots/train.tsv:2: not as many columns"),
    ],
)
def test_bad_input_is_one_line(finished: Path, name: str, text: str, words: str) -> None:
    path = finished / name
    kept = path.read_bytes()
    path.write_text(text)
    try:
        code, errors = run(finished, "evaluate")
    finally:
        path.write_bytes(kept)
    assert code == 1
    assert words in error_line(errors)


def test_too_few_samples_for_pass_at_k_are_named(finished: Path) -> None:
    path = finished / DISTILLED
    kept = path.read_bytes()
    write_jsonl(path, [row | {"answers": row["answers"] * 3} for row in rows(path)])
    try:
        code, errors = run(finished, "evaluate")
    finally:
        path.write_bytes(kept)
    assert code == 1
    assert "params.yaml: evaluate.pass_k: 5 with 2 samples a prompt" in error_line(errors)
