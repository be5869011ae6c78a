"""Tests of the reference corpus, and of the checker that guards it.

Why: the corpus is the only teacher the offline pipeline has, so it must be complete, run, and stay disjoint from the
held-out part. A checker that finds nothing proves little by itself, so the second half feeds it one hand-made answer
per kind of fault and expects that very fault.

How: ``check_corpus`` does the work; every expected id and every held-out slug is a test of its own, which lets
pytest-xdist spread them.
"""

import os
import re
import time
from pathlib import Path

import pytest
import yaml

import check_corpus
from check_corpus import Corpus, Entry

CORPUS = Corpus()
ALL = CORPUS.entries
HELDOUT = CORPUS.split("heldout")
TRAIN_COUNT, HELDOUT_COUNT = 104, 48


# --- The corpus itself ------------------------------------------------------------------------------------------


def test_every_prompt_has_its_answer() -> None:
    present = CORPUS.answers(ALL)
    assert [entry.file for entry in ALL if entry not in present] == []
    assert check_corpus.check_names(CORPUS) == []


def test_the_parts_have_the_intended_sizes() -> None:
    assert (len(CORPUS.split("train")), len(HELDOUT)) == (TRAIN_COUNT, HELDOUT_COUNT)


@pytest.mark.parametrize("entry", ALL, ids=lambda entry: entry.id)
def test_answer_runs(entry: Entry) -> None:
    text = CORPUS.answer(entry)
    assert text is not None
    assert check_corpus.check_execution(entry, text) == []


@pytest.mark.parametrize("entry", HELDOUT, ids=lambda entry: entry.slug)
def test_hidden_check_discriminates(entry: Entry) -> None:
    assert check_corpus.check_hidden(CORPUS, entry) == []


def test_wording() -> None:
    found = {entry.id: check_corpus.check_wording(entry, text) for entry, text in CORPUS.answers(ALL).items()}
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_lengths() -> None:
    answers = CORPUS.answers(ALL)
    found = {entry.id: check_corpus.check_length(entry, text) for entry, text in answers.items()}
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_mean_length() -> None:
    assert check_corpus.check_mean(CORPUS.answers(ALL)) == []


def test_heldout_texts_share_nothing_with_training_texts() -> None:
    assert check_corpus.check_overlap(CORPUS, ALL) == []


def test_no_training_answer_is_a_near_duplicate() -> None:
    assert check_corpus.check_duplicates(CORPUS.answers(ALL), ALL) == []


# --- The checker: faults of one answer --------------------------------------------------------------------------


def entry_of(modifier: str | None = None, split: str = "train", slug: str = "sample") -> Entry:
    """Build an entry for a hand-made answer."""
    name = f"{slug}--{modifier}" if modifier else slug
    return Entry(name, slug, "python", split, modifier, f"Write the function for {slug}.")


def fenced(code: str, tag: str = "python") -> str:
    """Wrap code into an answer."""
    return f"A short lead-in.\n\n```{tag}\n{code.strip()}\n```\n\n**Notes**\n- A note.\n"


def faults_of(text: str, modifier: str | None = None) -> str:
    """Execute an answer and return its faults as one string."""
    return "\n".join(check_corpus.check_execution(entry_of(modifier), text))


FAILING_DOCTEST = '''
def one() -> int:
    """Return one.

    >>> one()
    2
    """
    return 1
'''
GOOD = '''
# sample.py
class Refused(ValueError):
    """Raised on zero."""


def invert(number: float) -> float:
    """Invert a number.

    >>> invert(4)
    0.25
    >>> invert(0)
    Traceback (most recent call last):
        ...
    Refused: zero has no inverse
    """
    if number == 0:
        raise Refused("zero has no inverse")
    return 1 / number
'''
GOOD_TESTS = """
# test_sample.py
import pytest
from sample import Refused, invert


@pytest.mark.parametrize(("number", "inverse"), [(1, 1), (2, 0.5), (-4, -0.25)])
def test_inverse(number: float, inverse: float) -> None:
    assert invert(number) == inverse


def test_zero() -> None:
    with pytest.raises(Refused):
        invert(0)
"""


def test_a_good_answer_has_no_faults() -> None:
    assert faults_of(fenced(GOOD) + fenced(GOOD_TESTS), "unit-tests") == ""


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("No code at all.", "no fenced block", id="no-code"),
        pytest.param(fenced("def broken(:\n    pass"), "does not compile", id="uncompilable"),
        pytest.param(fenced(FAILING_DOCTEST), "doctest of solution.one", id="doctest"),
        pytest.param(fenced("def test_sum() -> None:\n    assert 1 + 1 == 3"), "pytest: .*test_sum", id="test"),
        pytest.param(fenced("import sample_missing"), "imports sample_missing", id="import"),
        pytest.param(fenced("import yaml"), "imports yaml", id="third-party"),
        pytest.param(fenced("raise SystemExit(3)"), "exit status 3", id="exit-status"),
        pytest.param(fenced("import os\nos._exit(0)"), "ended early", id="early-end"),
        pytest.param(fenced("big = bytearray(8 << 30)"), "MemoryError", id="memory"),
        pytest.param("Text.\n\n```python\nx = 1\n", "not closed", id="unclosed"),
        pytest.param("Text.\n\n```python\nx = 1\n```python\n", "not closed", id="reopened"),
        pytest.param("Text.\n\n```\nx = 1\n```\n", "fence tag ''", id="untagged"),
        pytest.param(fenced("SELECT name FROM nowhere;", "sql"), "sql: no such table", id="sql"),
        pytest.param(
            fenced("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n;", "sql"),
            "sql: interrupted",
            id="endless-sql",
        ),
        pytest.param(fenced("if true; then", "bash"), "bash -n", id="bash"),
        pytest.param(fenced("key = = 1", "toml"), "toml", id="toml"),
    ],
)
def test_fault_is_found(text: str, fault: str) -> None:
    assert_matches(fault, faults_of(text))


def assert_matches(pattern: str, text: str) -> None:
    """Assert that a pattern occurs, showing the text otherwise."""
    assert re.search(pattern, text), text


def test_endless_loop_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_corpus, "TIME_LIMIT", 1)
    started = time.monotonic()
    assert "time limit of 1 s exceeded" in faults_of(fenced("while True:\n    pass"))
    assert time.monotonic() - started < 8


def test_endless_test_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_corpus, "TIME_LIMIT", 1)
    assert "time limit" in faults_of(fenced("def test_endless() -> None:\n    while True:\n        pass"))


def test_processes_left_behind_are_killed(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = "import subprocess\nfrom pathlib import Path\nchild = subprocess.Popen(['sleep', '60'])\n"
    faults_of(fenced(f"{code}Path({str(note)!r}).write_text(str(child.pid))"))
    deadline = time.monotonic() + 5  # a kill takes a moment to arrive
    while (left := is_running(int(note.read_text()))) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not left


def is_running(pid: int) -> bool:
    """Tell whether a process is alive and not merely waiting to be reaped."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def test_the_caller_environment_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMPLE_TOKEN", "secret")
    assert faults_of(fenced("import os\nassert 'SAMPLE_TOKEN' not in os.environ")) == ""
    assert os.environ["SAMPLE_TOKEN"] == "secret"


def test_too_few_unit_tests_are_found() -> None:
    assert "1 tests passed, at least 4" in faults_of(fenced("def test_one() -> None:\n    assert True"), "unit-tests")


def test_blocks_become_files() -> None:
    text = fenced("a = 1") + fenced("b = 2") + fenced("# other.py\nc = 3") + fenced("d = 4") + fenced("x", "text")
    files = check_corpus.lay_out(check_corpus.extract_blocks(text))
    assert files == {"solution.py": "a = 1\n\nb = 2\n\n", "other.py": "# other.py\nc = 3\n\nd = 4\n\n"}


@pytest.mark.parametrize(
    ("text", "modifier", "fault"),
    [
        ("Certainly! " + fenced("x = 1"), None, "opens with filler"),
        (fenced("x = 1") + "I hope this helps.", None, "closing filler"),
        (fenced("x = 1").removeprefix("A short lead-in.\n\n"), None, "lead-in"),
        (fenced("x = 1"), "error-handling", "honour"),
        (fenced("x = 1"), "unit-tests", "honour"),
        (fenced("x = 1"), "complexity", "honour"),
        (fenced("x = 1"), "alternative", "honour"),
        (fenced("x = 1"), "step-by-step", "honour"),
        (fenced("x = 1"), "production-ready", "honour"),
    ],
)
def test_wording_fault_is_found(text: str, modifier: str | None, fault: str) -> None:
    assert fault in "\n".join(check_corpus.check_wording(entry_of(modifier), text))


@pytest.mark.parametrize(("words", "fault"), [(20, "not within"), (950, "not below 1000")])
def test_length_fault_is_found(words: int, fault: str) -> None:
    assert fault in "\n".join(check_corpus.check_length(entry_of(), "word " * words + "and so on " * 20))


# --- The checker: faults between answers ------------------------------------------------------------------------


def make_corpus(root: Path, answers: dict[str, str], heldout: str = "clamp") -> Corpus:
    """Write a corpus with one training prompt per answer, except for the held-out one."""
    for split, slugs in {"train": [slug for slug in answers if slug != heldout], "heldout": [heldout]}.items():
        prompts = [{"slug": slug, "prompt": f"Write something about {slug}."} for slug in slugs]
        write(root / f"data/prompts/{split}.yaml", yaml.safe_dump({"group": "x", "split": split, "prompts": prompts}))
    for slug, text in answers.items():
        write(root / f"data/reference/{slug}.md", text)
    return Corpus(root)


def write(path: Path, text: str) -> None:
    """Write a file and the directories above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_overlap_is_found(tmp_path: Path) -> None:
    words = "one two three four five six seven eight"
    corpus = make_corpus(tmp_path, {"sum": f"Zero, {words.title()}!", "clamp": f"Minus one; {words}."})
    (problem,) = check_corpus.check_overlap(corpus, corpus.entries)
    assert str(problem) == f"data/reference/clamp.md: shares 1 runs with data/reference/sum.md: '{words}'"
    assert check_corpus.check_overlap(corpus, []) == []


def test_seven_common_words_are_no_overlap(tmp_path: Path) -> None:
    words = "one two three four five six seven"
    corpus = make_corpus(tmp_path, {"sum": f"{words} ate", "clamp": f"{words} eight"})
    assert check_corpus.check_overlap(corpus, corpus.entries) == []


def test_near_duplicates_are_found(tmp_path: Path) -> None:
    text = " ".join(f"word{number}" for number in range(300))
    corpus = make_corpus(tmp_path, {"sum": text, "total": f"{text} more", "product": text.replace("word", "term")})
    problems = check_corpus.check_duplicates(corpus.answers(corpus.entries), corpus.entries)
    assert [str(one) for one in problems] == ["data/reference/sum.md: is a near-duplicate of data/reference/total.md"]


def test_missing_and_surplus_answers_are_found(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path, {"sum": "text"})
    write(tmp_path / "data/reference/orphan.md", "text")
    assert [str(one) for one in check_corpus.check_names(corpus)] == ["data/reference/orphan.md: belongs to no prompt"]
    assert [str(one) for one in check_corpus.check_entry(corpus, corpus.split("heldout")[0])] == [
        "data/reference/clamp.md: is missing"
    ]


def test_an_id_given_twice_is_found(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path, {"sum": "text", "clamp": "text"})
    write(tmp_path / "data/prompts/more.yaml", (tmp_path / "data/prompts/train.yaml").read_text())
    assert [str(one) for one in check_corpus.check_names(corpus)] == ["data/prompts: id sum occurs twice"]


def test_modifiers_apply_to_their_groups(tmp_path: Path) -> None:
    prompts = [{"slug": "sum", "prompt": "Add.\n"}]
    modifiers = [{"slug": "short", "text": "Be brief.", "groups": ["sql"]}, {"slug": "long", "text": "!", "groups": []}]
    write(tmp_path / "data/prompts/a.yaml", yaml.safe_dump({"group": "sql", "split": "train", "prompts": prompts}))
    write(tmp_path / "data/prompts/modifiers.yaml", yaml.safe_dump({"modifiers": modifiers}))
    found = {entry.id: entry.prompt for entry in Corpus(tmp_path).entries}
    assert found == {"sum": "Add.", "sum--short": "Add.\n\nBe brief."}


def test_an_unknown_prefix_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_corpus.main(["no-such-id", "--no-overlap"]) == 1
    assert "no id starts with no-such-id" in capsys.readouterr().out


# --- The checker: hidden checks ---------------------------------------------------------------------------------

CLAMP = """
def clamp(value: int, low: int, high: int) -> int:
    if low > high:
        raise ValueError("empty range")
    return min(max(value, low), high)
"""
WRONG_CLAMP = CLAMP.replace("low > high", "low >= high")
CLAMP_CHECK = """
import pytest
from solution import clamp


def test_inside_and_outside():
    assert clamp(5, 0, 9) == 5
    assert clamp(-5, 0, 9) == 0
    assert clamp(50, 0, 9) == 9


def test_edges():
    assert clamp(1, 3, 3) == 3
    assert clamp(3, 3, 4) == 3
    with pytest.raises(ValueError):
        clamp(1, 4, 3)
"""
WEAK_CHECK = """
from solution import clamp


def test_same():
    assert clamp(5, 0, 9) == 5
    assert clamp(3, 3, 4) == 3
    assert clamp(4, 3, 4) == 4


def test_more():
    assert clamp(1, 0, 3) == 1
    assert clamp(2, 0, 3) == 2
"""


def hidden_problems(root: Path, check: str, wrong: str = WRONG_CLAMP, reference: str = CLAMP) -> str:
    """Judge a hidden check for ``clamp`` and return the problems as one string."""
    corpus = make_corpus(root, {"clamp": fenced(reference)})
    write(root / "data/checks/clamp.py", check)
    write(root / "tests/sandbox/wrong_answers/clamp.py", wrong)
    return "\n".join(map(str, check_corpus.check_hidden(corpus, corpus.split("heldout")[0])))


def test_a_good_hidden_check_has_no_faults(tmp_path: Path) -> None:
    assert hidden_problems(tmp_path, CLAMP_CHECK) == ""


def test_a_hidden_check_that_a_stub_passes_is_found(tmp_path: Path) -> None:
    assert "checks/clamp.py: is passed by a stub returning its argument" in hidden_problems(tmp_path, WEAK_CHECK)


def test_a_wrong_answer_that_passes_is_found(tmp_path: Path) -> None:
    assert "is passed by the wrong answer" in hidden_problems(tmp_path, CLAMP_CHECK, wrong=CLAMP)


def test_a_reference_that_fails_is_found(tmp_path: Path) -> None:
    assert "the reference fails" in hidden_problems(tmp_path, CLAMP_CHECK, reference=WRONG_CLAMP)


@pytest.mark.parametrize(
    ("check", "wrong", "fault"),
    [
        (CLAMP_CHECK.replace("import pytest", "import pytest, yaml"), WRONG_CLAMP, "imports yaml"),
        (CLAMP_CHECK.replace("    assert clamp(3, 3, 4) == 3\n", ""), WRONG_CLAMP, "has 4 asserts"),
        (CLAMP_CHECK.replace("test_edges()", "test_edges(tmp_path)"), WRONG_CLAMP, "has parameters or decorators"),
        (CLAMP_CHECK.replace("test_edges", "edges"), WRONG_CLAMP, "has 1 test functions"),
        (CLAMP_CHECK, WRONG_CLAMP.replace("def clamp", "def limit"), "does not define clamp"),
        (CLAMP_CHECK, "def clamp(:", "does not compile"),
    ],
)
def test_fault_of_form_is_found(tmp_path: Path, check: str, wrong: str, fault: str) -> None:
    assert fault in hidden_problems(tmp_path, check, wrong)


def test_a_missing_hidden_check_is_found(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path, {"clamp": fenced(CLAMP)})
    problems = [str(one) for one in check_corpus.check_hidden(corpus, corpus.split("heldout")[0])]
    assert problems == [
        "data/checks/clamp.py: is missing",
        "tests/sandbox/wrong_answers/clamp.py: is missing",
    ]


def test_stubs_keep_the_interface_only() -> None:
    methods = "    def __init__(self, a):\n        self.a = a\n    def get(self, key):\n        return [key]\n"
    stub = check_corpus.stub(f"import os\nprint(os)\nclass Box:\n{methods}", "ARG")
    assert "print" not in stub
    assert "return None" in stub
    assert "return key" in stub
