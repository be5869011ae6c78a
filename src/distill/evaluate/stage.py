"""Stage 5: the base and the distilled student on the held-out prompts, measured against the teacher's answers.

In: data/teacher_data.jsonl (its held-out rows), data/prompts.jsonl, data/train.jsonl, data/prompts/checks, the adapter
in models/distilled-student. Out: metrics/evaluate.json (the headline), metrics/figures.json (all figures, with
intervals and verdicts), metrics/evaluation.jsonl (every answer, likelihood, outcome and style profile),
metrics/report.html and metrics/plots/*.tsv.

Answers' code is run against hidden checks, in a sandbox; where none works, nothing is run and the figure is null. If
it is killed, the same command goes on with the answers that it has, and ends with the same bytes.

What it will not do: choose or tune anything on the held-out prompts, or go on when they leaked into the training data.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from distill.common import cli
from distill.common.config import Model, Number, profile, section
from distill.common.errors import InputError
from distill.common.jsonl import Row, read_json, write_json, write_jsonl, write_text
from distill.evaluate import health, held_out
from distill.evaluate.held_out import HeldOut, Question, Training
from distill.evaluate.overlap import RunIndex
from distill.evaluate.report import page, tables, wording
from distill.evaluate.report.figures import Bootstrap, extract, headline
from distill.evaluate.sandbox import outcomes
from distill.evaluate.sandbox.run_checks import SandboxParams
from distill.evaluate.style import profiles
from distill.student.model import StudentProfile, load_tokenizer

if TYPE_CHECKING:
    from distill.generate.measure import Job

PROMPTS = Path("data/prompts.jsonl")
TEACHER_DATA = Path("data/teacher_data.jsonl")
TRAIN = Path("data/train.jsonl")
CHECKS = Path("data/prompts/checks")
ADAPTER = Path("models/distilled-student")
COLLECT = Path("metrics/collect.json")
CURVE = Path("metrics/plots/train.tsv")
METRICS = Path("metrics/evaluate.json")
FIGURES = Path("metrics/figures.json")
DETAILS = Path("metrics/evaluation.jsonl")
REPORT = Path("metrics/report.html")
PLOTS = Path("metrics/plots")

Positive = Annotated[int, Field(gt=0)]


class EvaluateParams(Model):
    """The section `evaluate` of params.yaml."""

    max_new_tokens: Positive
    samples: Annotated[int, Field(ge=0)]
    pass_k: Annotated[int, Field(ge=2)]
    temperature: Annotated[Number, Field(gt=0)]
    seed: int
    dtype: Literal["auto", "float32", "bfloat16"]
    batch_tokens: Positive
    score_tokens: Positive
    resamples: Annotated[int, Field(ge=100)]
    leakage_words: Annotated[int, Field(ge=2)]
    sandbox: SandboxParams

    @model_validator(mode="after")
    def _enough_samples(self) -> "EvaluateParams":
        if 0 < self.samples < self.pass_k:
            raise ValueError(f"'pass_k' is {self.pass_k} with {self.samples} samples; at most so many can be drawn")
        return self


def main() -> None:
    """Command line: `python -m distill.evaluate`."""
    args = cli.parser(__doc__).parse_args()
    params = section(EvaluateParams, "evaluate", args.params)
    _, student = profile(StudentProfile, "student", args.params)
    collect, curve = read_json(COLLECT), read_tsv(CURVE)
    prompts, training = held_out.read(PROMPTS, TEACHER_DATA), held_out.read_training(TRAIN)
    leakage = held_out.check_leakage(prompts, training, params.leakage_words)
    # Only now: what these import takes seconds, and a typo in params.yaml should not.
    from distill.generate.cache import Store
    from distill.generate.measure import key, measure

    job = prepare(params, student, prompts, training.system)
    with Store(key(job)) as store:  # emptied only when everything is written
        measured = measure(job, store)
        answers = measured.answers_by_side() | {"teacher": teacher_answers(prompts, job.questions)}
        checks = [CHECKS / f"{prompt.base}.py" for prompt in prompts]
        ran = outcomes.judge(texts(answers), checks, params.sandbox)
        unscored = [question.unscored for question in job.questions]
        rows = list(details(prompts, answers, (measured.likelihoods(), unscored), ran.rows, training))
        figures = headline(rows, Bootstrap(params.resamples, params.seed), params.pass_k)
        figures |= ran.metrics() | {"leakage": leakage.metrics(), "cost_usd": collect.get("cost_usd")}
        write(rows, figures, curve, collect)


def prepare(params: EvaluateParams, student: StudentProfile, prompts: Sequence[HeldOut], system: str | None) -> "Job":
    """Return what the models have to do; the adapter is looked at, and not yet loaded."""
    from distill.generate.decode import Decoding
    from distill.generate.measure import Job
    from distill.generate.models import check_adapter
    from distill.shared import device

    check_adapter(ADAPTER, student)
    if warning := device.slow_dtype("evaluate.dtype", params.dtype):
        print(warning, flush=True)
    tokenizer = load_tokenizer(student)
    questions = held_out.encode_all(tokenizer, prompts, system)
    decoding = Decoding(params.max_new_tokens, params.samples, params.temperature, params.seed, params.batch_tokens)
    return Job(student, ADAPTER, tokenizer, questions, decoding, params.dtype, params.score_tokens)


def teacher_answers(prompts: Sequence[HeldOut], questions: Sequence[Question]) -> list[list[Row]]:
    """Return the teacher's answers, one a prompt, in the form of the students'."""
    pairs = zip(prompts, questions, strict=True)
    return [[{"text": row.answer, "tokens": ids.answer_tokens, "ended": row.ended}] for row, ids in pairs]


def texts(answers: Mapping[str, Sequence[Sequence[Row]]]) -> dict[str, list[list[str]]]:
    """Return the answers' texts by side and prompt."""
    return {side: [[answer["text"] for answer in each] for each in rows] for side, rows in answers.items()}


def details(
    prompts: Sequence[HeldOut],
    answers: Mapping[str, list[list[Row]]],
    likelihoods: tuple[Sequence[Row | None], Sequence[str | None]],
    ran: Sequence[Row | None],
    training: Training,
) -> Iterator[Row]:
    """Yield the rows of metrics/evaluation.jsonl; style and health are those of the greedy answers.

    `likelihoods` are the scores, and why there is none; a row says so where that is so.
    """
    copied = RunIndex({row["id"]: row["completion"] for row in training.rows})
    scores, unscored = likelihoods
    for place, prompt in enumerate(prompts):
        first = {side: each[place][0]["text"] for side, each in answers.items()}
        yield {
            "id": prompt.id,
            "group": prompt.group,
            "prompt": prompt.prompt,
            "answers": {side: each[place] for side, each in answers.items()},
            "likelihood": scores[place],
            **({"unscored": unscored[place]} if unscored[place] else {}),
            "outcomes": ran[place],
            "style": {side: profiles.profile(text) for side, text in first.items()},
            "health": {side: _health(text, copied) for side, text in first.items()},
        }


def _health(text: str, copied: RunIndex) -> Row:
    return {"repetition": health.repetition(text), "copied_run": health.longest_copied_run(text, copied)}


def write(rows: Sequence[Row], figures: Row, curve: Sequence[Row], collect: Row) -> None:
    """Write all outputs, and end with the table of headline figures."""
    write_jsonl(DETAILS, rows)
    tables.write(PLOTS, rows)
    write_text(REPORT, page.render(rows, figures, curve, collect))
    write_json(FIGURES, figures)
    write_json(METRICS, extract(figures, curve))
    wording.show(figures)
    print(f"{REPORT}: the answers side by side")


def read_tsv(path: Path) -> list[Row]:
    """Return the rows of a tab-separated file with a header, numbers as numbers.

    Raises:
        InputError: The file is missing, or a line has another number of columns than the header.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run the stage that writes it (`dvc repro`)") from None
    header, *rows = [line.split("\t") for line in lines] or [[]]
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise InputError(f"{path}:{number}: {len(row)} columns, and the header has {len(header)}; remake the file")
    return [{key: _number(text) for key, text in zip(header, row, strict=True)} for row in rows]


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
