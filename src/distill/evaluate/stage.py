"""Stage 6: base, distilled student and teacher compared on the held-out prompts; it takes seconds.

In: data/heldout.jsonl, data/answers/*.jsonl (what generate made), data/train.jsonl, data/checks; from data/prompts how
difficult each group is, from metrics/collect.json what the answers cost, from metrics/plots/train.tsv the training
curve. Out: metrics/evaluate.json (the headline), metrics/figures.json (all figures, with intervals and verdicts),
metrics/evaluation.jsonl (every answer, likelihood, outcome and style), metrics/report.html and metrics/plots/*.tsv.
What they mean: docs/evaluate.md.

Answers' code is run against hidden checks, in a sandbox; where none works, nothing is run and the figure is null. If
held-out prompts leaked into the training data, the stage ends with an error.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from distill.common import cli
from distill.common.config import Model, load_yaml, section
from distill.common.errors import InputError
from distill.common.jsonl import Row, read_json, read_jsonl, write_json, write_jsonl, write_text
from distill.evaluate import leakage
from distill.evaluate.overlap import repetition
from distill.evaluate.report import page, tables, wording
from distill.evaluate.report.figures import Bootstrap, extract, headline
from distill.evaluate.style import profiles
from distill.evaluate.style.features import Features
from distill.sandbox import checks, outcomes
from distill.sandbox.run_checks import SandboxParams
from distill.shared import held_out
from distill.shared.held_out import HELD_OUT, HeldOut

ANSWERS = Path("data/answers")
TRAIN = Path("data/train.jsonl")
PROMPTS = Path("data/prompts")
COLLECT = Path("metrics/collect.json")
CURVE = Path("metrics/plots/train.tsv")
METRICS = Path("metrics/evaluate.json")
FIGURES = Path("metrics/figures.json")
DETAILS = Path("metrics/evaluation.jsonl")
REPORT = Path("metrics/report.html")
PLOTS = Path("metrics/plots")
STUDENTS = ("base", "distilled")


def _check_style(name: str) -> str:
    if name not in profiles.PROFILES:
        raise ValueError(f"choose one of the style profiles ({', '.join(profiles.PROFILES)})")
    return name


class EvaluateParams(Model):
    """The section `evaluate` of params.yaml."""

    style: Annotated[str, AfterValidator(_check_style)]
    pass_k: Annotated[int, Field(ge=2)]
    seed: int
    resamples: Annotated[int, Field(ge=100)]
    leakage_words: Annotated[int, Field(ge=2)]
    sandbox: SandboxParams


def main() -> None:
    """Command line: `python -m distill.evaluate`."""
    args = cli.parser(__doc__).parse_args()
    params = section(EvaluateParams, "evaluate", args.params)
    collect, curve = read_json(COLLECT), read_tsv(CURVE)
    prompts = held_out.read()
    measured = {side: read_answers(ANSWERS / f"{side}.jsonl", prompts, params.pass_k) for side in STUDENTS}
    answers = {side: [row["answers"] for row in rows] for side, rows in measured.items()}
    answers["teacher"] = teacher_answers(prompts, measured["base"])
    shared = leakage.compare(prompts, greedy(answers), TRAIN, params.leakage_words)
    ran = outcomes.judge(texts(answers), [checks.load(prompt.base) for prompt in prompts], params.sandbox)
    rows = list(details(prompts, answers, measured, ran.rows, shared.copied, params.style))
    features = profiles.features(params.style)
    figures = headline(rows, Bootstrap(params.resamples, params.seed), params.pass_k, features)
    figures |= ran.metrics() | {"leakage": shared.report.metrics(), "cost_usd": collect.get("cost_usd")}
    write(rows, figures, curve, collect, features)


def read_answers(path: Path, prompts: Sequence[HeldOut], pass_k: int) -> list[Row]:
    """Return what generate found out about one side, in the prompts' order.

    Raises:
        InputError: It is about other prompts, or has too few samples for pass@k.
    """
    rows = list(read_jsonl(path, ("id", "teacher_tokens", "likelihood", "answers")))
    if [row["id"] for row in rows] != [prompt.id for prompt in prompts]:
        raise InputError(f"{path}: its prompts are not those of {HELD_OUT}; run `dvc repro`")
    samples = len(rows[0]["answers"]) - 1
    if 0 < samples < pass_k:
        raise InputError(f"params.yaml: evaluate.pass_k: {pass_k} with {samples} samples a prompt; at most so many can "
                         "be drawn: lower it, or raise generate.samples")  # fmt: skip
    return rows


def teacher_answers(prompts: Sequence[HeldOut], base: Sequence[Row]) -> list[list[Row]]:
    """Return the teacher's answers, one a prompt, in the form of the students'; `base` has their lengths."""
    pairs = zip(prompts, base, strict=True)
    return [[{"text": prompt.answer, "tokens": row["teacher_tokens"], "ended": prompt.ended}] for prompt, row in pairs]


def texts(answers: Mapping[str, Sequence[Sequence[Row]]]) -> dict[str, list[list[str]]]:
    """Return the answers' texts by side and prompt."""
    return {side: [[answer["text"] for answer in each] for each in rows] for side, rows in answers.items()}


def greedy(answers: Mapping[str, Sequence[Sequence[Row]]]) -> dict[str, list[str]]:
    """Return the text of each side's greedy answer to each prompt."""
    return {side: [each[0]["text"] for each in rows] for side, rows in answers.items()}


def details(
    prompts: Sequence[HeldOut],
    answers: Mapping[str, list[list[Row]]],
    measured: Mapping[str, list[Row]],
    ran: Sequence[Row | None],
    copied: Mapping[str, Sequence[int]],
    style: str,
) -> Iterator[Row]:
    """Yield the rows of metrics/evaluation.jsonl; style (by the profile `style`) and health are the greedy answers'.

    `likelihood` is null, and `unscored` says why, where generate could not score the teacher's answer.
    """
    ranks = difficulties()
    for place, prompt in enumerate(prompts):
        first = {side: each[place][0]["text"] for side, each in answers.items()}
        scores = {side: rows[place]["likelihood"] for side, rows in measured.items()}
        why = measured["base"][place].get("unscored")
        yield {
            "id": prompt.id,
            "group": prompt.group,
            "difficulty": ranks.get(prompt.group),
            "prompt": prompt.prompt,
            "answers": {side: each[place] for side, each in answers.items()},
            "likelihood": None if why else scores,
            **({"unscored": why} if why else {}),
            "outcomes": ran[place],
            "style": {side: profiles.profile(style, text) for side, text in first.items()},
            "health": {side: _health(text, copied[side][place]) for side, text in first.items()},
        }


def difficulties(folder: Path = PROMPTS) -> dict[str, int]:
    """Return the difficulty of each group whose held-out prompt files say one; expand_prompts has checked them."""
    files = [file for path in sorted(folder.glob("*.yaml")) if isinstance(file := load_yaml(path), dict)]
    held_out_files = [file for file in files if file.get("split") == "heldout"]
    return {file["group"]: file["difficulty"] for file in held_out_files if file.get("difficulty")}


def _health(text: str, copied_run: int) -> Row:
    return {"repetition": repetition(text), "copied_run": copied_run}


def write(rows: Sequence[Row], figures: Row, curve: Sequence[Row], collect: Row, features: Features) -> None:
    """Write all outputs, and end with the table of headline figures."""
    write_jsonl(DETAILS, rows)
    tables.write(PLOTS, rows, features)
    write_text(REPORT, page.render(rows, figures, curve, collect, features))
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
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run the stage that writes it (`dvc repro`)") from None
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise InputError(f"{path}:{number}: not as many columns as the header has; remake the file (`dvc repro`)")
    return [{key: _number(text) for key, text in row.items()} for row in rows]


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
