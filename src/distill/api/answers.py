"""What the ledger says about the prompts: the rows of data/teacher_data.jsonl, what is missing, and what it all cost.

Pure functions of prompts, profile and ledger: the same three give the same bytes, whenever and wherever they are
asked. A truncated answer that was asked for again is `superseded`: its usage stays in the row (and in the bill), and
only the second answer goes on.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from distill.api import thinking
from distill.api.ledger.ledger import Ledger, Stored
from distill.api.pricing import Price
from distill.api.profiles import ApiTeacher
from distill.api.request import Request, request_for
from distill.api.response import COUNTS, Answer, Usage
from distill.common.errors import InputError, TeacherError
from distill.common.jsonl import Row
from distill.shared.seen import Seen

PROMPTS = Path("data/prompts.jsonl")
SHOWN = 5
ALWAYS = COUNTS[:2]
"""Counts of tokens that are told of even where they are zero."""


@dataclass(frozen=True)
class Entry:
    """One sample of one prompt: the last call of it that is known, and its answer if there is one."""

    prompt: Row
    request: Request
    answer: Answer | None
    superseded: tuple[tuple[str, Usage], ...]


def entries(prompts: Iterable[Row], teacher: ApiTeacher, ledger: Ledger) -> Iterator[Entry]:
    """Yield an Entry for every sample of every row of prompts.jsonl, in order, one at a time."""
    for prompt in prompts:
        for sample in range(teacher.samples):
            yield resolve(prompt, sample, teacher, ledger)


def resolve(prompt: Row, sample: int, teacher: ApiTeacher, ledger: Ledger) -> Entry:
    """Return what the ledger has for one sample of a prompt."""
    first = request_for(teacher, prompt, sample, teacher.max_tokens)
    stored = ledger.find(first.key)
    if stored and (second := follow_up(teacher, first, stored.answer)):
        answer = _answer(teacher, second, ledger.find(second.key))
        return Entry(prompt, second, answer, ((first.key, stored.answer.usage),))
    return Entry(prompt, first, _answer(teacher, first, stored), ())


def _answer(teacher: ApiTeacher, request: Request, stored: Stored | None) -> Answer | None:
    """Return a stored answer as it goes on, if it has a text."""
    if stored is None or stored.stub:
        return None
    return thinking.apply(honest(request, stored.answer), teacher.on_thinking)


def honest(request: Request, answer: Answer) -> Answer:
    """Return the answer with `max_tokens` as its stop reason if it has all the tokens that it may have.

    There are servers of the Messages API that say `end_turn` of an answer that they cut off.
    """
    if answer.stop_reason == "end_turn" and answer.usage.output_tokens >= request.max_tokens:
        return replace(answer, stop_reason="max_tokens")
    return answer


def follow_up(teacher: ApiTeacher, request: Request, answer: Answer) -> Request | None:
    """Return the call that an answer makes necessary: one more try with a larger cap, if it was cut off."""
    return after_cut_off(teacher, request) if honest(request, answer).stop_reason == "max_tokens" else None


def after_cut_off(teacher: ApiTeacher, request: Request) -> Request | None:
    """Return the one more try after an answer that was cut off, if there is to be one."""
    if teacher.on_stop.max_tokens != "retry" or request.max_tokens >= teacher.retry_max_tokens:
        return None
    prompt = {"id": request.prompt_id, "prompt": request.body["messages"][0]["content"]}
    return request_for(teacher, prompt, request.sample, teacher.retry_max_tokens)


def row(entry: Entry, answer: Answer, samples: int) -> Row:
    """Return an entry as a row of data/teacher_data.jsonl."""
    usage = answer.usage.row()
    if entry.superseded:
        usage["superseded"] = [{"key": key, **spent.row()} for key, spent in entry.superseded]
    return {
        "id": entry.prompt["id"],
        **({"sample": entry.request.sample} if samples > 1 else {}),
        "split": entry.prompt["split"],
        "prompt": entry.prompt["prompt"],
        "completion": answer.text,
        "model": answer.model,
        "stop_reason": answer.stop_reason,
        **({"thinking": "dropped"} if answer.thinking is not None else {}),
        "usage": usage,
        "key": entry.request.key,
    }


class Incomplete(Exception):
    """The ledger lacks an answer: that to `entry`."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(entry.prompt["id"])
        self.entry = entry


@dataclass
class Tally:
    """What metrics/collect.json says; it is filled while the rows go by."""

    teacher: str
    profile: ApiTeacher
    price: Price
    prompts: int = 0
    answers: int = 0
    calls: int = 0
    superseded: list[Usage] = field(default_factory=list)
    stop_reasons: Counter[str] = field(default_factory=Counter)
    thinking_dropped: int = 0
    unusable: dict[str, list[str]] = field(default_factory=dict)
    _spent: dict[bool, list[int]] = field(default_factory=lambda: {False: [0] * len(COUNTS), True: [0] * len(COUNTS)})
    _keys: Seen = field(default_factory=Seen)

    def rows(self, found: Iterable[Entry]) -> Iterator[Row]:
        """Yield the rows of data/teacher_data.jsonl, and count.

        Raises:
            Incomplete: There is no answer to an entry.
            TeacherError: At the end, if there are answers that the profile's `on_stop` does not accept.
        """
        for entry in found:
            if entry.answer is None:
                raise Incomplete(entry)
            self._count(entry, entry.answer)
            yield row(entry, entry.answer, self.profile.samples)
        if not self.answers:
            raise InputError(
                f"{PROMPTS}: there is no prompt in it; check data/prompts and expand_prompts in params.yaml"
            )
        for reason, ids in self.unusable.items():
            if self.profile.on_stop.fails(reason):
                raise TeacherError(f"{len(ids)} answers ended with '{reason}', and on_stop.{reason} is 'fail': "
                                   f"{listed(ids)}; change these prompts, or set it to 'exclude'")  # fmt: skip

    def _count(self, entry: Entry, answer: Answer) -> None:
        self.prompts += entry.request.sample == 0
        self.answers += 1
        self.stop_reasons[answer.stop_reason] += 1
        self.thinking_dropped += answer.thinking is not None
        new = [usage for key, usage in entry.superseded if self._is_new(key)]
        self.superseded += new
        for usage in [answer.usage] * self._is_new(entry.request.key) + new:
            spent = self._spent[usage.batch]
            for place, name in enumerate(COUNTS):
                spent[place] += getattr(usage, name)
        if answer.unusable:
            name = f"{entry.prompt['id']}#{entry.request.sample}" if entry.request.sample else entry.prompt["id"]
            self.unusable.setdefault(answer.unusable, []).append(name)

    def _is_new(self, key: str) -> bool:
        """Whether a call has not been counted yet: prompts that read the same share one, which is billed once."""
        new = self._keys.add(key)
        self.calls += new
        return new

    @property
    def cost(self) -> Decimal:
        """What all calls cost, exactly: a price is for a token, so sums of tokens are enough."""
        return self.price.total(Usage.of(counts, batch) for batch, counts in self._spent.items())

    def metrics(self) -> Row:
        """Return the content of metrics/collect.json; `cost_usd` is exact, and counts superseded answers."""
        tokens = zip(COUNTS, map(sum, zip(*self._spent.values(), strict=True)), strict=True)
        return {
            "teacher": self.teacher,
            "model": self.profile.model,
            "prompts": self.prompts,
            "answers": self.answers,
            "calls": self.calls,
            "cost_usd": float(self.cost),
            "tokens": {name: count for name, count in sorted(tokens) if count or name in ALWAYS},
            "stop_reasons": dict(sorted(self.stop_reasons.items())),
            "thinking_dropped": self.thinking_dropped,
            "superseded": {"calls": len(self.superseded), "cost_usd": float(self.price.total(self.superseded))},
            "unusable": {reason: len(ids) for reason, ids in sorted(self.unusable.items())},
            "unusable_ids": dict(sorted(self.unusable.items())),
        }


def listed(ids: list[str]) -> str:
    """Return the first few ids as text."""
    more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    return ", ".join(ids[:SHOWN]) + more
