"""distill.grow: a teacher on a loopback server writes prompts; what is kept, what it costs, what is left alone."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from api_samples import message
from collecting import Folder, Ran, folder
from distill import grow
from distill.expand_prompts.stage import SOURCE, expand
from messages_server import Behaviour, MessagesServer

SORT = "Write a Python function `sort_words(words)` that sorts words by their length, and then by the alphabet."
STACK = "Write a Python class `Stack` with `push(item)` and `pop()`; an empty one raises `IndexError` when popped."
SECRET = "Write a Python function `count_vowels(phrase)` that returns how many letters of the string are vowels."
QUEUE = "Implement `Queue` on a ring of fixed size, with `put` and `take`, and say what happens when it is full."
GROUPS = "Group the files of a folder by their suffix and print, largest group first, how many bytes each one takes."
DATES = "How would you find all Fridays that are the thirteenth of a month between two dates? Show the code."
GOOD = [QUEUE, GROUPS, DATES]


def tagged(*prompts: str) -> str:
    return "\n".join(f"<prompt>\n{prompt}\n</prompt>" for prompt in prompts)


def growing(path: Path, server: MessagesServer, teacher: str = "claude", **runtime: Any) -> Folder:
    """A folder with two training prompts in a group each, and a held-out one."""
    made = folder(path, server.url, prompts=0, teacher=teacher, **runtime)
    (path / "data/prompts").mkdir()
    for group, slug, prompt in (("lists", "sort-words", SORT), ("types", "stack", STACK), ("secret", "vowels", SECRET)):
        split = "heldout" if group == "secret" else "train"
        entry = {"group": group, "split": split, "prompts": [{"slug": slug, "prompt": prompt}]}
        (path / f"data/prompts/{group}.yaml").write_text(yaml.safe_dump(entry), encoding="utf-8")
    return made


def run(made: Folder, *arguments: str) -> Ran:
    """Run `python -m distill.grow`."""
    return made.command(grow.main, *arguments)


def error(ran: Ran) -> str:
    """The one line of a run that failed."""
    assert ran.status == 1
    assert "Traceback" not in ran.stderr
    return next(line for line in ran.stderr.splitlines() if line.startswith("error: "))


def replies(server: MessagesServer, lists: bytes, types: bytes) -> None:
    server.behaviour.replies |= {SORT: (200, lists), STACK: (200, types)}


def grown(made: Folder) -> dict[str, str]:
    """The new prompts by id, as the first stage reads them."""
    rows = expand(made.path / SOURCE, grow.EVERYTHING)
    return {row["id"]: row["prompt"] for row in rows if row["group"].startswith("grown-")}


def test_new_prompts_once_and_never_again(tmp_path: Path) -> None:
    with MessagesServer() as server:
        made = growing(tmp_path, server)
        vowels = "Write a Python function `vowels(text)` that returns how many letters of the text are vowels."
        lists = tagged(QUEUE, vowels, SORT.replace("alphabet", "letters"), "...", GROUPS, DATES)
        replies(server, message(lists), message(f"1. {QUEUE} Please.\n2. Write `parse(text)` for the INI format."))
        ran = run(made, "--per-prompt", "2")
        assert ran.status == 0, ran.stderr
        assert ran.stdout.splitlines() == [
            "data/prompts/grown-lists.yaml: kept 2; dropped 1 more than were asked for, "
            "1 near a held-out prompt, 1 near a training prompt, 1 too short",
            "data/prompts/grown-types.yaml: kept 1; dropped 1 near another new one",
            "calls: 2, $0.00 in all; read what is new, then `make estimate` says what its answers cost",
        ]
        assert list(grown(made).values()) == [QUEUE, GROUPS, "Write `parse(text)` for the INI format."]
        assert list(grown(made)) == ["sort-words-2", "sort-words-3", "parse"]
        # The same again asks nothing and changes nothing: grown prompts are not grown from.
        before = {path: path.read_bytes() for path in (made.path / SOURCE).iterdir()}
        assert run(made, "--per-prompt", "2").stdout == ran.stdout
        assert {path: path.read_bytes() for path in (made.path / SOURCE).iterdir()} == before
        assert server.requests.total() == 2
        # Nor does it cost anything after the files are gone, or for one of the groups.
        (made.path / "data/prompts/grown-lists.yaml").unlink()
        assert run(made, "--per-prompt", "2", "--group", "lists").status == 0
        assert {path: path.read_bytes() for path in (made.path / SOURCE).iterdir()} == before
        assert server.requests.total() == 2


def test_what_the_students_chat_format_cannot_hold(tmp_path: Path) -> None:
    """Only special tokens are in its way; what merely looks like one is not."""
    with MessagesServer() as server:
        made = growing(tmp_path, server)
        generic = "Write a generic `Box<T>` in Java, and explain what <T> stands for in it."
        server.behaviour.replies[SORT] = (200, message(tagged(f"{QUEUE}<|im_end|>", generic)))
        assert "kept 1; dropped 1 with special tokens" in run(made, "--group", "lists").stdout
        assert list(grown(made).values()) == [generic]


def test_a_batch(tmp_path: Path) -> None:
    content = [{"type": "text", "text": tagged(*GOOD)}]
    with MessagesServer(Behaviour(message={"content": content})) as server:
        made = growing(tmp_path, server, "claude-batch")
        assert run(made, "--group", "types").status == 0
        assert list(grown(made).values()) == GOOD
        assert server.requests["POST /v1/messages"] == 0


def test_a_dry_run_asks_nobody(tmp_path: Path) -> None:
    with MessagesServer() as server:
        made = growing(tmp_path, server)
        ran = run(made, "--dry-run", "--group", "lists")
        assert "answers: 1 wanted, 0 in the ledger, 1 missing" in ran.stdout
        assert "cost: about $0.02; at most $0.0" in ran.stdout
        assert set(server.requests) == {"POST /v1/messages/count_tokens"}
        assert not grown(made)


def test_what_a_person_edited_is_not_written_over(tmp_path: Path) -> None:
    with MessagesServer() as server:
        made = growing(tmp_path, server)
        replies(server, message(tagged(QUEUE)), message(tagged(GROUPS)))
        assert run(made).status == 0
        path = made.path / "data/prompts/grown-types.yaml"
        path.write_text(path.read_text(encoding="utf-8").replace("largest", "smallest"), encoding="utf-8")
        edited = path.read_bytes()
        assert error(run(made)) == (
            "error: data/prompts/grown-types.yaml: it says something else than the replies; move it away, or say "
            "--replace"
        )
        # Other arguments ask other questions: refused before anything is paid.
        assert "data/prompts/grown-lists.yaml: it is there, and growing it again asks again" in error(
            run(made, "--per-prompt", "9")
        )
        assert path.read_bytes() == edited
        assert server.requests.total() == 2
        assert run(made, "--replace").status == 0
        assert "largest" in path.read_text(encoding="utf-8")
        assert run(made, "--replace", "--per-prompt", "9").status == 0
        assert server.requests.total() == 4


def test_replies_that_hold_no_prompt(tmp_path: Path) -> None:
    """A refusal does not end it, even where the profile says that one ends `collect`."""
    with MessagesServer() as server:
        made = growing(tmp_path, server)
        made.params("claude", {"on_stop": {**_policy(made), "refusal": "fail"}})
        replies(server, message("I'm sorry, but no.", "refusal"), message(""))
        ran = run(made)
        assert ran.status == 0
        assert ran.stdout.splitlines()[:2] == [
            "data/prompts/grown-lists.yaml: kept 0; dropped 1 replies without a prompt (refusal)",
            "data/prompts/grown-types.yaml: kept 0; dropped 1 replies without a prompt (end_turn)",
        ]
        assert "note: nothing was written" in ran.stderr
        assert not grown(made)


def _policy(made: Folder) -> dict[str, str]:
    params = yaml.safe_load((made.path / "params.yaml").read_text(encoding="utf-8"))
    return dict(params["teachers"]["claude"]["on_stop"])


def test_a_reply_that_is_cut_off_twice(tmp_path: Path) -> None:
    with MessagesServer() as server:
        made = growing(tmp_path, server)
        replies(
            server, message(tagged(QUEUE, GROUPS)[:-20], "max_tokens"), message(f"1. {GROUPS}\n2. Wri", "max_tokens")
        )
        assert run(made).status == 0
        assert list(grown(made).values()) == [QUEUE, GROUPS]
        assert server.requests.total() == 4


def test_the_profiles_own_system_prompt_and_samples_are_for_answers(tmp_path: Path) -> None:
    with MessagesServer() as server:
        made = growing(tmp_path, server)
        replies(server, message(tagged(QUEUE)), message(tagged(GROUPS)))
        assert run(made).status == 0
        made.params("claude", {"samples": 3, "system": "Answer in French.", "stop_sequences": ["."]})
        assert run(made).status == 0
        assert server.requests.total() == 2


def test_the_budget_holds(tmp_path: Path) -> None:
    with MessagesServer() as server:
        made = growing(tmp_path, server, budget_usd=0.01)
        assert "runtime.budget_usd: 0.01 does not cover the next call" in error(run(made))
        assert not server.requests


def test_what_was_paid_for_is_kept_when_another_question_fails(tmp_path: Path) -> None:
    with MessagesServer() as server:
        made = growing(tmp_path, server)
        replies(server, message(tagged(QUEUE)), message(tagged(GROUPS)))
        server.behaviour.replies[STACK] = (400, b'{"type": "error", "error": {"type": "x", "message": "no"}}')
        assert "1 answers are missing, all others are kept: 'stack': 400" in error(run(made))
        assert not grown(made)
        server.behaviour.replies[STACK] = (200, message(tagged(GROUPS)))
        assert run(made).status == 0
        assert len(grown(made)) == 2
        assert server.requests.total() == 3


@pytest.mark.parametrize(
    ("teacher", "arguments", "words"),
    [
        ("reference", [], "teacher: 'reference' is a folder of answers, and cannot write prompts; choose a"),
        ("claude", ["--group", "secret"], "no training prompts have the group 'secret'; choose among lists, types"),
    ],
)  # fmt: skip
def test_mistakes(tmp_path: Path, teacher: str, arguments: list[str], words: str) -> None:
    with MessagesServer() as server:
        assert words in error(run(growing(tmp_path, server, teacher), *arguments))
        assert not server.requests


def test_fewer_than_one(tmp_path: Path) -> None:
    with MessagesServer() as server:
        ran = run(growing(tmp_path, server), "--per-prompt", "0")
        assert ran.status == 2
        assert "--per-prompt: at least 1" in ran.stderr


def test_the_ledger_knows_the_questions(tmp_path: Path) -> None:
    """They are calls like others: of the same budget, and in `python -m distill.ledger`."""
    with MessagesServer() as server:
        made = growing(tmp_path, server)
        replies(server, message(tagged(QUEUE), tokens=(1000, 2000)), message(tagged(GROUPS), tokens=(1000, 2000)))
        assert "calls: 2, $0.07 in all" in run(made).stdout
        metrics = json.dumps([str(path.relative_to(made.path)) for path in made.path.rglob("*.json*")])
        assert metrics == '["data/prompts.jsonl"]'  # no output of a stage was touched
