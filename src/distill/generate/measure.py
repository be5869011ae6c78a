"""One of the two students at work on the held-out prompts: its likelihood of the teacher's answers, and its own.

In: encoded held-out prompts, the student and perhaps its adapter. Out: a row a prompt. Every result is kept in a
`cache.Store` at once, so a killed run goes on with what it has, batch by batch; when everything is there, the weights
are not loaded.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import transformers
from tqdm import tqdm

from distill import student
from distill.common.jsonl import Row
from distill.generate import decode, likelihood
from distill.generate.cache import Store, make_key
from distill.generate.decode import Decoding, Generation, generate
from distill.generate.likelihood import Likelihood, score
from distill.generate.memory import Plan
from distill.generate.models import CONFIG, WEIGHTS, Side, load, merge
from distill.generate.questions import Question
from distill.generate.threads import ALL, Share
from distill.shared import device
from distill.shared.memory import Size, check, enough
from distill.student.chat import Encoded
from distill.student.model import StudentProfile, fingerprint, load_config


@dataclass(frozen=True)
class Measurement:
    """What is measured, and how: the distilled student, or the base where `adapter` is None."""

    student: StudentProfile
    adapter: Path | None
    tokenizer: Any
    questions: Sequence[Question]
    decoding: Decoding
    dtype: str
    score_tokens: int

    @property
    def side(self) -> Side:
        """Which of the two models it is about."""
        return "distilled" if self.adapter else "base"

    @property
    def prompts(self) -> list[tuple[int, ...]]:
        """The prompts alone, as ids."""
        return [question.prompt for question in self.questions]

    @property
    def examples(self) -> list[Encoded]:
        """Prompts with the teacher's answers, as ids, of those questions whose answer is scored."""
        return [question.example for question in self.questions if question.example]

    @property
    def results(self) -> int:
        """How many results there are to be: likelihoods and answers."""
        return len(self.examples) + len(self.questions) * (self.decoding.samples + 1)

    @cached_property
    def plan(self) -> Plan:
        """What it takes of the device's memory."""
        size, dtype = Size.of(load_config(self.student)), device.dtype(self.dtype)
        lengths = [len(example.ids) for example in self.examples]
        return Plan(size, dtype, self.prompts, self.decoding, lengths, self.score_tokens)

    @cached_property
    def model(self) -> Any:
        """The model, its adapter beside the weights; loaded when first asked for, and merged once answers are made.

        Raises:
            InputError: It cannot be loaded, or memory will not suffice.
        """
        check(f"generate: {self.student.identity}", self.plan.need(), self.plan.changes())
        return load(self.student, self.adapter, device.dtype(self.dtype))


def measure(job: Measurement, store: Store) -> Iterator[Row]:
    """Score and answer every prompt; what `store` holds is not worked out again.

    Yields:
        For each prompt its `likelihood` (null where it was not scored) and `answers` (the greedy one, then samples).

    Raises:
        InputError: The adapter is missing, corrupt, or another student's; or memory does not suffice.
        TrainingError: The model's output is not finite.
    """
    work(job, store)
    scores = (store[_score_name(number)] for number in range(len(job.examples)))
    for number, question in enumerate(job.questions):
        answers = [store[_answer_name(number, sample)] for sample in range(job.decoding.samples + 1)]
        yield {"likelihood": next(scores) if question.example else None, "answers": answers}


def work(job: Measurement, store: Store, share: Share = ALL) -> None:
    """Work out what `store` lacks of a process's share; raises what `measure` raises."""
    with enough(f"generate: {job.student.identity}", lambda: job.plan.changes()):
        # Likelihoods before the adapter is merged: in bf16 that rounds the weights by up to 0.4%, as much as a light
        # adapter changes them. For 48 prompts they take about 20 seconds on two cores.
        _score(job, store, share)
        device.release()
        _generate(job, store, share)


def key(job: Measurement) -> str:
    """Return what names the results: a hash of models, prompts, settings, code, libraries and the kind of machine."""
    facts = [
        job.side, job.student.model_dump(), fingerprint(job.student),
        asdict(job.decoding), str(device.dtype(job.dtype)), job.score_tokens,
        [asdict(question) for question in job.questions],
        torch.__version__, transformers.__version__, torch.backends.cpu.get_cpu_capability(), torch.get_num_threads(),
        device.kind(),
    ]  # fmt: skip
    folders = (Path(__file__).parent, *map(Path, student.__path__))
    code = [path for folder in folders for path in sorted(folder.glob("*.py"))]
    weights = [job.adapter / name for name in (CONFIG, WEIGHTS)] if job.adapter else []
    return make_key(facts, [*weights, *code])


def _score(job: Measurement, store: Store, share: Share) -> None:
    batches = likelihood.plan([len(example.ids) for example in job.examples], job.score_tokens)
    wanted = [index for batch in share.among(batches) for index in batch]
    done = {index for index in wanted if _score_name(index) in store}
    if len(done) == len(wanted):
        return
    with _bar(f"likelihood, {job.side}", len(wanted), share) as bar:

        def keep(index: int, found: Likelihood) -> None:
            store[_score_name(index)] = asdict(found)
            bar.update(index not in done)

        bar.update(len(done))
        score(job.model, job.examples, job.score_tokens, keep, done, share)


def _generate(job: Measurement, store: Store, share: Share) -> None:
    batches = decode.plan(job.prompts, job.decoding)
    wanted = [(task.prompt, task.sample) for batch in share.among(batches) for task in batch]
    done = {place for place in wanted if _answer_name(*place) in store}
    if len(done) == len(wanted):
        return
    model = merge(job.model)
    device.release()
    tokens = 0
    with _bar(f"answers, {job.side}", len(wanted), share) as bar:

        def keep(prompt: int, sample: int, answer: Generation) -> None:
            store[_answer_name(prompt, sample)] = asdict(answer)
            bar.update((prompt, sample) not in done)

        def count(new: int) -> None:
            nonlocal tokens
            tokens += new
            bar.set_postfix(tokens=tokens, refresh=False)

        bar.update(len(done))
        generate(model, job.tokenizer, job.prompts, job.decoding, keep, done, count, share)


def _score_name(number: int) -> str:
    return f"likelihood/{number}"


def _answer_name(prompt: int, sample: int) -> str:
    return f"{prompt}/{sample}"


def _bar(text: str, total: int, share: Share) -> Any:
    # Of several processes none shows how far it is: `shares` shows it of all of them.
    return tqdm(desc=text, total=total, unit="", dynamic_ncols=True, disable=share != ALL)
