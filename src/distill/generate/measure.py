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
from distill.generate.cache import Store, make_key
from distill.generate.decode import Decoding, Generation, generate
from distill.generate.likelihood import Likelihood, score
from distill.generate.memory import Plan
from distill.generate.models import CONFIG, WEIGHTS, Side, load, merge
from distill.generate.questions import Question
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
    if store:
        print(f"going on with {len(store)} results of a run that did not finish")
    with enough(f"generate: {job.student.identity}", lambda: job.plan.changes()):
        scores, answers = _scores(job, store), _answers(job, store)
    for one, each in zip(scores, answers, strict=True):
        yield {"likelihood": asdict(one) if one else None, "answers": [asdict(answer) for answer in each]}


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


def _scores(job: Measurement, store: Store) -> list[Likelihood | None]:
    # Before the adapter is merged: in bf16 that rounds the weights by up to 0.4%, as much as a light adapter changes
    # them. For 48 prompts it takes about 20 seconds on two cores.
    name = "likelihood"
    if name not in store:
        with _bar(f"likelihood, {job.side}", len(job.examples)) as bar:
            found = score(job.model, job.examples, job.score_tokens, bar.update)
        store[name] = {"scores": [asdict(one) for one in found]}
    scores = (Likelihood(**one) for one in store[name]["scores"])
    return [next(scores) if question.example else None for question in job.questions]


def _answers(job: Measurement, store: Store) -> list[list[Generation]]:
    prompts, samples = range(len(job.questions)), range(job.decoding.samples + 1)
    wanted = {(prompt, sample): f"{prompt}/{sample}" for prompt in prompts for sample in samples}
    done = {place for place, name in wanted.items() if name in store}
    if len(done) < len(wanted):
        _generate(job, store, done, len(wanted))
    return [[Generation(**store[wanted[prompt, sample]]) for sample in samples] for prompt in prompts]


def _generate(job: Measurement, store: Store, done: set[tuple[int, int]], total: int) -> None:
    model = merge(job.model)
    tokens = 0
    with _bar(f"answers, {job.side}", total) as bar:

        def keep(prompt: int, sample: int, answer: Generation) -> None:
            store[f"{prompt}/{sample}"] = asdict(answer)
            bar.update((prompt, sample) not in done)

        def count(new: int) -> None:
            nonlocal tokens
            tokens += new
            bar.set_postfix(tokens=tokens, refresh=False)

        bar.update(len(done))
        generate(model, job.tokenizer, job.prompts, job.decoding, keep, done, count)


def _bar(text: str, total: int) -> Any:
    return tqdm(desc=text, total=total, unit="", dynamic_ncols=True)
