"""`dvc plots show` and `dvc plots diff`, with the real dvc, drawn by a real Chromium that asks for nothing else."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from browser import Page, browser, executable
from distill.evaluate.report import tables
from evaluation_rows import FEATURES, row, rows
from repository import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(executable() is None, reason="no Chromium or Chrome on PATH (apt-get install chromium)"),
]

CURVE = "update\tsplit\tloss\ttoken_accuracy\n1\ttrain\t1.0\t0.7\n2\ttrain\t0.8\t0.75\n2\tval\t0.9\t0.7\n"


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as opened:
        yield opened


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A Git repository with this project's plots and settings of dvc, and a second, better run in the workspace."""
    folder = tmp_path / "repo"
    shutil.copytree(ROOT / ".dvc" / "plots", folder / ".dvc" / "plots")
    for name in ("config", "plots.html"):
        shutil.copy(ROOT / ".dvc" / name, folder / ".dvc" / name)
    section = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["plots"]
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"plots": section}), encoding="utf-8")
    _write_run(folder, 1.0)
    git = ["git", "-C", str(folder), "-c", "user.name=n", "-c", "user.email=n@localhost"]
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "first"]):
        subprocess.run([*git, *words], check=True)
    _write_run(folder, 0.5)
    return folder


def _write_run(folder: Path, factor: float) -> None:
    details = rows()
    for each in details:
        each["likelihood"]["distilled"]["nll"] *= factor
    tables.write(folder / "metrics" / "plots", details, FEATURES)
    (folder / "metrics" / "plots" / "train.tsv").write_text(CURVE, encoding="utf-8")


def drawn(page: Page, repo: Path, *words: str) -> dict[str, int]:
    """Run `dvc plots`, open its page, wait until all is drawn; return how many marks each plot has."""
    subprocess.run([sys.executable, "-m", "dvc", "plots", *words, "--out", "drawn"], cwd=repo, check=True)
    path = repo / "drawn" / "index.html"
    page.open(path, 1600)
    page.evaluate("Promise.all(drawn).then(() => 0)")
    assert page.requests == [path.as_uri()]
    assert page.errors == []
    marks = "'.mark-line path, .mark-symbol.role-mark path, .mark-rect.role-mark path'"
    found = f"[...document.querySelectorAll('main > div')].map((div) => [div.id, div.querySelectorAll({marks}).length])"
    return dict(page.evaluate(found))


def groups(page: Page) -> list[str]:
    """The groups of the outcomes' plot, from the top."""
    labels = page.evaluate("[...document.querySelectorAll('#outcomes .role-row-header text')].map((n) => n.innerHTML)")
    return [label for label in labels if label not in ("base", "distilled", "teacher")]


def test_show_and_diff_draw_every_plot_offline(page: Page, repo: Path) -> None:
    # Loss: a line a split. Likelihood: four prompts, a stem and two dots each. Style: one feature, three models.
    # Outcomes: three difficulties, three models, nine outcomes.
    counts = {"loss": 2, "likelihood": 12, "style": 3, "outcomes": 81}
    assert drawn(page, repo, "show") == counts
    assert groups(page) == ["easy", "medium", "hard"]
    text = page.evaluate("document.body.innerText")
    for title in (
        "Loss by update",
        "Loss on the teacher's answer",
        "Style profile",
        "What became of the answers",
    ):
        assert title in text
    assert drawn(page, repo, "diff", "HEAD") == {name: 2 * count for name, count in counts.items()}


def test_prompts_of_other_groups_and_without_a_check_leave_no_empty_plot(page: Page, repo: Path) -> None:
    details = [row(name, group) for name, group in (("a", "window-functions"), ("b", "joins"))]
    tables.write(repo / "metrics/plots", [one | {"outcomes": None} for one in details], FEATURES)
    assert drawn(page, repo, "show") == {"loss": 2, "likelihood": 6, "style": 3}
    tables.write(repo / "metrics/plots", details, FEATURES)
    assert drawn(page, repo, "show")["outcomes"] == 54  # two groups, three models, nine outcomes
    assert groups(page) == ["window-functions", "joins"]
