"""Optional (`make judge`): metrics/evaluation.jsonl → metrics/judge.json, a model's preference between the students.

It costs money, so `dvc repro` never runs it, and it is off by default: with `judge: none` it only says so in
metrics/judge.json. With another profile of `judges`, that model is asked twice about each held-out prompt, with the
answers in both orders (`pairwise`), through the same ledger, budget and retries as the teacher's answers, so a second
run costs nothing. Equal answers tie, without asking. metrics/judgements.jsonl has every question and reply.

It does not replace the hidden checks: it tells what a model prefers, not what works.
"""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from distill.api.profiles import ApiTeacher, BatchesTeacher, MessagesTeacher
from distill.common import cli
from distill.common.config import Model, profile
from distill.common.errors import InputError
from distill.common.jsonl import Row, read_jsonl, write_json, write_jsonl

if TYPE_CHECKING:
    from distill.judge.pairwise import Judgement

DETAILS = Path("metrics/evaluation.jsonl")
OUTPUT = Path("metrics/judgements.jsonl")
METRICS = Path("metrics/judge.json")
RESAMPLES, SEED = 10_000, 0


class NoJudge(Model):
    """Nobody is asked."""

    kind: Literal["none"]


class MessagesJudge(MessagesTeacher):
    """A judge on the Messages API: a teacher's profile, asked once an order."""

    samples: Literal[1]


class BatchesJudge(BatchesTeacher):
    """A judge on the Message Batches API: a teacher's profile, asked once an order."""

    samples: Literal[1]


KINDS: dict[str, type[NoJudge] | type[MessagesJudge] | type[BatchesJudge]] = {
    "none": NoJudge,
    "messages": MessagesJudge,
    "batches": BatchesJudge,
}


def main() -> None:
    """Command line: `python -m distill.judge`."""
    args = cli.parser(__doc__).parse_args()
    name, judge = profile(KINDS, "judge", args.params)
    if isinstance(judge, NoJudge):
        write_jsonl(OUTPUT, [])
        write_json(METRICS, {"enabled": False})
        print(f"{METRICS}: off; choose another 'judge' in params.yaml to switch it on (it is paid for)")
        return
    metrics = ask(name, judge, args.params)
    write_json(METRICS, metrics)
    preferred = metrics["preferred"]
    print(f"{METRICS}: {judge.model} gives the distilled student {preferred['distilled']:.0%} of the points over "
          f"{metrics['prompts']} prompts ({preferred['verdict']}), ${metrics['cost_usd']:.2f} in all")  # fmt: skip


def ask(name: str, judge: ApiTeacher, params: Path) -> Row:
    """Ask what was not asked before, write OUTPUT, and return the content of metrics/judge.json.

    Raises:
        InputError: metrics/evaluation.jsonl cannot be used.
        TeacherError: Some replies are missing; all others are kept.
    """
    # Imported late: a judge that is off needs neither NumPy nor the ledger.
    from distill.api.obtain import gather
    from distill.judge.pairwise import summarise

    details = list(read_jsonl(DETAILS, ("id", "prompt", "answers")))
    if len(details) < 2:
        raise InputError(f"{DETAILS}: an interval needs at least 2 prompts; raise expand_prompts.max_heldout")
    bill: Row = {"calls": 0, "cost_usd": 0.0}
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "questions.jsonl"
        if write_jsonl(asked, questions(details)):
            bill = gather(name, judge, params, asked, OUTPUT)
        else:
            write_jsonl(OUTPUT, [])
    figures = summarise(judgements(details, OUTPUT), RESAMPLES, SEED)
    return {"enabled": True, "judge": name, "model": judge.model, **figures,
            "calls": bill["calls"], "cost_usd": bill["cost_usd"]}  # fmt: skip


def questions(details: Iterable[Row]) -> Iterator[Row]:
    """Yield two rows of prompts.jsonl, one for each order, for each row whose answers are not the same."""
    from distill.judge.pairwise import ORDERS, is_tie, question

    for row in details:
        for order in () if is_tie(row) else ORDERS:
            yield {"id": f"{row['id']}/{order[0]}", "split": "judge", "prompt": question(row, order)}


def judgements(details: Iterable[Row], answers: Path) -> "Iterator[Judgement]":
    """Yield the judgement of each row in both orders; a reply that is cut off or refused is unclear."""
    from distill.judge.pairwise import ORDERS, Judgement, is_tie, read_winner
    from distill.shared.stop_reasons import COMPLETE

    said = {row["id"]: row for row in read_jsonl(answers, ("id", "completion", "stop_reason"))}
    for row in details:
        for order in ORDERS:
            winner = "tie"
            if not is_tie(row):
                answer = said[f"{row['id']}/{order[0]}"]
                complete = answer["stop_reason"] in COMPLETE
                winner = read_winner(answer["completion"], order) if complete else "unclear"
            yield Judgement(row["id"], order, winner)
