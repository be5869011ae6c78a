"""distill.hydrate, and the ledger under the real dvc: experiments share it, a clone fills it from what is committed."""

import json
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from api_samples import message, pay
from collecting import KEY, RUNTIME
from distill.api import hydrate
from distill.api.ledger.ledger import Ledger
from distill.api.response import Usage
from distill.common.errors import TeacherError
from distill.common.jsonl import Row
from messages_server import Behaviour, MessagesServer
from workspace import commit, copy_repository, dvc, git, load, set_params

A, B = "a" * 64, "b" * 64
ROW: Row = {
    "id": "p", "split": "train", "prompt": "?", "completion": "Yes \u2028 😀", "model": "m", "stop_reason": "refusal",
    "key": A, "usage": {"input_tokens": 1, "output_tokens": 2, "service_tier": "batch",
              "superseded": [{"key": B, "input_tokens": 3, "output_tokens": 4}]},
}  # fmt: skip


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


def test_a_row_becomes_its_calls(ledger: Ledger) -> None:
    assert hydrate.add(ledger, iter([ROW])) == 2
    assert hydrate.add(ledger, iter([ROW])) == 0
    answer, stub = ledger.find(A), ledger.find(B)
    assert answer is not None
    assert stub is not None
    assert (answer.answer.text, answer.answer.stop_reason) == ("Yes \u2028 😀", "refusal")
    assert answer.answer.usage == Usage(1, 2, batch=True)
    assert stub.stub
    assert stub.answer.usage == Usage(3, 4)
    # Somebody else paid for these.
    assert ledger.spent({}) == (Decimal(0), Decimal(0))


def test_what_is_there_stays(ledger: Ledger) -> None:
    pay(ledger, A, message("Mine."))
    assert hydrate.add(ledger, iter([ROW])) == 1
    found = ledger.find(A)
    assert found is not None
    assert found.answer.text == "Mine."


def test_a_text_is_added_to_a_stub(ledger: Ledger) -> None:
    hydrate.add(ledger, iter([ROW]))
    assert hydrate.add(ledger, iter([ROW | {"key": B, "usage": {"input_tokens": 3, "output_tokens": 4}}])) == 1
    found = ledger.find(B)
    assert found is not None
    assert not found.stub


def test_answers_of_files_are_nobodys(ledger: Ledger) -> None:
    assert hydrate.add(ledger, iter([ROW | {"key": "merge-intervals"}])) == 0


@pytest.mark.parametrize("row", [{"id": "p", "key": A, "completion": "Yes."}, ROW | {"usage": {}}, ROW | {"usage": 3}])
def test_a_committed_row_that_collect_does_not_write(ledger: Ledger, row: Row) -> None:
    with pytest.raises(TeacherError, match=r"the committed row 'p' is not what collect writes .* set runtime.hydrate"):
        hydrate.add(ledger, iter([row]))


def test_prompts_that_read_the_same_share_their_calls(ledger: Ledger) -> None:
    assert hydrate.add(ledger, iter([ROW, ROW | {"id": "q"}])) == 2
    assert ledger.states() == {"paid": 2}


def test_calls_can_follow(ledger: Ledger) -> None:
    """Numbers of calls go on behind what was taken over."""
    hydrate.add(ledger, iter([ROW]))
    pay(ledger, "k", message("Yes."))
    assert ledger.find("k") is not None


def test_nothing_committed(ledger: Ledger, tmp_path: Path) -> None:
    assert hydrate.hydrate(ledger, tmp_path) == 0


@pytest.mark.slow
def test_under_the_real_dvc(tmp_path: Path) -> None:
    """Deleting, forcing and temporary experiments pay for nothing twice; a clone pays for what is new alone."""
    with MessagesServer(Behaviour(odd_share=0.5, seed=2)) as server:
        env = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": server.url}
        repo, store = tmp_path / "repo", tmp_path / "store"
        repo.mkdir()
        copy_repository(repo)
        small = {"expand_prompts.modifiers": [], "expand_prompts.max_train_bases": 6, "expand_prompts.max_heldout": 3}
        set_params(repo, small | {"teacher": "claude"} | {f"runtime.{key}": value for key, value in RUNTIME.items()})
        dvc(repo, "remote", "add", "-d", "store", str(store))
        dvc(repo, "repro", "collect", **env)
        paid = len(server.answered)
        answers = (repo / "data/teacher_data.jsonl").read_bytes()
        assert paid > 9 == len(answers.splitlines())
        commit(repo, "answers")

        (repo / "data/teacher_data.jsonl").unlink()
        dvc(repo, "repro", "-f", "-s", "collect", **env)
        assert len(server.answered) == paid

        # A copy of the workspace without what Git ignores; its answers land in the main repository's ledger.
        change = "teachers.claude.system=Be brief."
        dvc(repo, "exp", "run", "--temp", "-s", "collect", "-S", change, **env)
        brief = len(server.answered)
        assert brief >= paid + 9
        set_params(repo, {"teachers.claude.system": "Be brief."})
        dvc(repo, "repro", "-s", "collect", **env)
        assert len(server.answered) == brief

        # Of the ledger nothing can be read; what is committed is not paid for again, and there is nothing to stop for.
        (repo / ".distill/ledger.sqlite").write_bytes(b"rubbish" * 1000)
        set_params(repo, {"teachers.claude.system": None})
        rebuilt = dvc(repo, "repro", "-f", "-s", "collect", **env)
        assert "0 calls rescued" in rebuilt.stderr
        assert (repo / "data/teacher_data.jsonl").read_bytes() == answers
        assert len(server.answered) == brief

        git(repo, "checkout", "-q", "--", ".")
        dvc(repo, "checkout", "-q", "data/prompts.jsonl", "data/teacher_data.jsonl")
        dvc(repo, "push", "-q")
        clone = tmp_path / "clone"
        git(tmp_path, "clone", "-q", str(repo), str(clone))
        set_params(clone, {"expand_prompts.max_train_bases": 7})
        metrics = load(repo / "metrics/collect.json")
        moved = store.rename(tmp_path / "away")
        failed = dvc(clone, "repro", "collect", check=False, **env)
        assert failed.returncode != 0
        assert "answers are committed, and neither DVC's cache nor its remote has them" in failed.stderr
        assert len(server.answered) == brief
        moved.rename(store)
        shutil.rmtree(clone / ".distill")
        dvc(clone, "repro", "collect", **env)
        rows = {row["id"]: row for row in map(json.loads, answers.splitlines())}
        new = [row for row in map(json.loads, (clone / "data/teacher_data.jsonl").read_bytes().splitlines())
               if rows.pop(row["id"], None) != row]  # fmt: skip
        assert not rows
        assert len(new) == 1
        # The bill of the whole is the committed one and what the new answer cost, superseded answers included.
        cost = sum((answered.dollars for answered in server.answered[brief:]), Decimal(0))
        assert cost > 0
        assert (
            Decimal(str(load(clone / "metrics/collect.json")["cost_usd"])) == Decimal(str(metrics["cost_usd"])) + cost
        )
