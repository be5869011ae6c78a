"""Both students at work on the held-out prompts: their likelihood of the teacher's answers, and answers of their own.

In: encoded held-out prompts, the student and its adapter. Out: `Measured`, for each side in the prompts' order. What
is worked out is kept in an `evaluate_cache.Store` at once, so a killed run goes on with what it has, batch by batch.

What it will not do: judge answers, or load the weights when everything is there already.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import transformers
from tqdm import tqdm

from distill import student
from distill.common.jsonl import Row
from distill.evaluate.held_out import Question
from distill.generate.cache import Store, make_key
from distill.generate.decode import Decoding, Generation, generate
from distill.generate.likelihood import Score, score
from distill.generate.models import CONFIG, SIDES, WEIGHTS, Pair, Side
from distill.shared import device
from distill.student.chat import Encoded
from distill.student.model import StudentProfile, fingerprint


@dataclass(frozen=True)
class Job:
    """What is measured, and how."""

    student: StudentProfile
    adapter: Path
    tokenizer: Any
    questions: Sequence[Question]
    decoding: Decoding
    dtype: str
    score_tokens: int

    @property
    def prompts(self) -> list[tuple[int, ...]]:
        """The prompts alone, as ids."""
        return [question.prompt for question in self.questions]

    @property
    def examples(self) -> list[Encoded]:
        """Prompts with the teacher's answers, as ids, of those questions whose answer is scored."""
        return [question.example for question in self.questions if question.example]

    @cached_property
    def pair(self) -> Pair:
        """The models; loaded when first asked for."""
        return Pair(self.student, self.adapter)


@dataclass(frozen=True)
class Measured:
    """For each side and prompt: the likelihood, where it was scored, and the answers (the greedy one, then samples)."""

    scores: dict[Side, list[Score | None]]
    answers: dict[Side, list[list[Generation]]]

    def answers_by_side(self) -> dict[str, list[list[Row]]]:
        """The answers as JSON takes them."""
        return {side: [[asdict(answer) for answer in each] for each in rows] for side, rows in self.answers.items()}

    def likelihoods(self) -> list[Row | None]:
        """For each prompt: the likelihood by side, as JSON takes it; None where it was not scored."""
        rows = zip(*self.scores.values(), strict=True)
        return [{side: asdict(one) for side, one in zip(self.scores, row, strict=True) if one} or None for row in rows]


def measure(job: Job, store: Store) -> Measured:
    """Score and answer every prompt with both models; what `store` holds is not worked out again.

    Raises:
        InputError: The adapter is missing, corrupt, or another student's.
        TrainingError: A model's output is not finite.
    """
    if store.values:
        print(f"going on with {len(store.values)} results of a run that did not finish")
    scores = {side: _scores(job, side, store) for side in SIDES}
    return Measured(scores, {side: _answers(job, side, store) for side in SIDES})


def key(job: Job) -> str:
    """Return what names the results: a hash of models, prompts, settings, code, libraries and the kind of machine."""
    facts = [
        job.student.model_dump(), fingerprint(job.student), asdict(job.decoding), str(device.dtype(job.dtype)),
        job.score_tokens,
        [asdict(question) for question in job.questions],
        torch.__version__, transformers.__version__, torch.backends.cpu.get_cpu_capability(), torch.get_num_threads(),
        torch.cuda.is_available(),
    ]  # fmt: skip
    code = [
        path for folder in (Path(__file__).parent, *map(Path, student.__path__)) for path in sorted(folder.glob("*.py"))
    ]
    return make_key(facts, [job.adapter / CONFIG, job.adapter / WEIGHTS, *code])


def _scores(job: Job, side: Side, store: Store) -> list[Score | None]:
    # In fp32: the headline is a difference of likelihoods, and bf16 rounds the weights by up to 0.4%, as much as a
    # light adapter changes them. With oneDNN it costs about 20 seconds a model on two cores, for 48 prompts.
    name = f"{side}/likelihood"
    if name not in store:
        with _bar(f"likelihood, {side}", len(job.examples)) as bar, job.pair.scoring(side) as model:
            found = score(model, job.examples, job.score_tokens, bar.update)
        store[name] = {"scores": [asdict(one) for one in found]}
    scores = (Score(**one) for one in store[name]["scores"])
    return [next(scores) if question.example else None for question in job.questions]


def _answers(job: Job, side: Side, store: Store) -> list[list[Generation]]:
    prompts, samples = range(len(job.questions)), range(job.decoding.samples + 1)
    wanted = {(prompt, sample): f"{side}/{prompt}/{sample}" for prompt in prompts for sample in samples}
    done = {place for place, name in wanted.items() if name in store}
    if len(done) < len(wanted):
        _generate(job, side, store, done, len(wanted))
    return [[Generation(**store[wanted[prompt, sample]]) for sample in samples] for prompt in prompts]


def _generate(job: Job, side: Side, store: Store, done: set[tuple[int, int]], total: int) -> None:
    model = job.pair.decoding(side, device.dtype(job.dtype))
    tokens = 0
    with _bar(f"answers, {side}", total) as bar:

        def keep(prompt: int, sample: int, answer: Generation) -> None:
            store[f"{side}/{prompt}/{sample}"] = asdict(answer)
            bar.update((prompt, sample) not in done)

        def count(new: int) -> None:
            nonlocal tokens
            tokens += new
            bar.set_postfix(tokens=tokens, refresh=False)

        bar.update(len(done))
        generate(model, job.tokenizer, job.prompts, job.decoding, keep, done, count)


def _bar(text: str, total: int) -> Any:
    return tqdm(desc=text, total=total, unit="", dynamic_ncols=True)
