"""distill.evaluate, the stage, behind generate on a tiny student: what it writes, and what it refuses."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from browser import browser, executable
from distill.common.jsonl import write_jsonl
from distill.evaluate.style import text
from evaluating import PROMPTS, error_line, generated, held_out, rows, run, workspace
from workspace import set_params

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


def without(finished: Path, folder: Path, checks: int, *, groups: tuple[str, str]) -> Path:
    """The run in a copy: by the profile `text`, with so many checks, and with its prompts in two groups by turns."""
    shutil.copytree(finished, folder, dirs_exist_ok=True)
    set_params(folder, {"evaluate.style": "text", "evaluate.resamples": 200})
    for number in range(checks, PROMPTS):
        (folder / f"data/checks/p{number}.py").unlink()
    write_jsonl(
        folder / "data/heldout.jsonl", [held_out(number, group=groups[number % 2]) for number in range(PROMPTS)]
    )
    (folder / "data/prompts").mkdir()
    for place, group in enumerate(groups):
        text = f"group: {group}\nsplit: heldout\ndifficulty: {2 - place}\nprompts: []\n"
        (folder / f"data/prompts/{place}.yaml").write_text(text, encoding="utf-8")
    return evaluated(folder)


@pytest.fixture(scope="module")
def unchecked(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return without(finished, tmp_path_factory.mktemp("unchecked"), 0, groups=("joins", "window-functions"))


def test_without_any_check_the_figures_are_null_and_the_report_says_so(unchecked: Path) -> None:
    found, few = figures(unchecked), figures(unchecked, "evaluate")
    for key in ("pass_at_1", "runs_as_written", "pass_by_difficulty", "outcomes", "outcomes_as_written", "sandbox"):
        assert found[key] is None
    assert (few["pass_at_1"], few["sandbox"]) == (None, None)
    assert found["heldout"]["judged"] == 0
    assert all(found[key]["verdict"] for key in ("nll", "style_distance", "ended"))
    assert found["style"].keys() == text.FEATURES.keys()
    report = (unchecked / "metrics/report.html").read_text(encoding="utf-8")
    assert "Not measured: no held-out prompt has a hidden check in data/checks." in report
    assert "Tasks solved, by" not in report
    assert "Sentences that ask" in report
    assert "type-hinted" not in report
    header, *lines = (unchecked / "metrics/plots/outcomes.tsv").read_text().splitlines()
    assert (header, lines) == ("difficulty\toutcome\tmodel\tprompts\tshare", [])
    assert "Sentences that ask\tteacher\t" in (unchecked / "metrics/plots/style.tsv").read_text()


def test_with_some_checks_the_others_are_left_out_and_marked(finished: Path, tmp_path: Path) -> None:
    folder = without(finished, tmp_path, 5, groups=("joins", "window-functions"))
    found = figures(folder)
    assert found["heldout"]["judged"] == 5
    assert found["outcomes"]["teacher"] == {"no_code": 5}
    report = (folder / "metrics/report.html").read_text(encoding="utf-8")
    assert "about the 5 of 24 prompts that were checked." in report
    assert report.count(", no check</span>") == PROMPTS - 5
    assert report.index("Window functions (2 prompts)") < report.index("Joins (3 prompts)")  # the easier first
    assert "Tasks solved, by difficulty" in report


@pytest.mark.browser
@pytest.mark.skipif(executable() is None, reason="no Chromium or Chrome on PATH (apt-get install chromium)")
@pytest.mark.parametrize("width", [390, 1280])
def test_a_report_without_checks_is_whole(unchecked: Path, width: int) -> None:
    """No chart, column or filter is empty, the charts leave no gap, and the groups can be filtered."""
    with browser() as page:
        page.open(unchecked / "metrics/report.html", width)
        assert page.errors == []
        assert page.evaluate("document.documentElement.scrollWidth") == width
        sizes = "[...document.querySelectorAll('figure')].map((node) => [node.offsetHeight > 60, node.offsetLeft])"
        shown, left = zip(*page.evaluate(sizes), strict=True)
        assert shown == (True,) * 4
        assert len(set(left)) == (2 if width > 1000 else 1)
        assert page.evaluate("[...document.querySelectorAll('svg.chart')].every((node) => node.children.length > 2)")
        assert page.evaluate("document.getElementById('outcome')") is None
        assert page.evaluate("document.querySelector('.filter select').parentNode.innerText.split('\\n')[0]") == (
            "Difficulty"
        )
        page.evaluate("document.getElementById('difficulty').value = 'joins'")
        page.evaluate("document.getElementById('difficulty').dispatchEvent(new Event('input', {bubbles: true}))")
        assert page.evaluate("document.getElementById('count').textContent") == "12 of 24 prompts"


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
