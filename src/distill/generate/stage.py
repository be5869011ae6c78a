"""Stage 5, once for each side: what the base or the distilled student answers, and how likely it finds the teacher.

    python -m distill.generate base
    python -m distill.generate distilled

In: data/heldout.jsonl and, for the distilled student, the adapter in models/distilled-student. Out:
data/answers/<side>.jsonl, one row a held-out prompt: `id`; `teacher_tokens`, the length of the teacher's answer;
`likelihood` of it (tokens, nll in nats, correct: tokens that greedy decoding would have chosen), or null and
`unscored`, why; `answers`, the greedy one and then the samples, each with text, tokens and whether it ended by itself.

The base's side does not depend on the adapter, so it is measured once for all trainings. After a kill, the same command
goes on with the answers that it has, and ends with the same bytes. With `runtime.generate_processes` above 1 several
processes answer, each its share (`generate/shares.py`); the bytes are those of one.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from distill.common import cli
from distill.common.config import Model, Number, profile, section, single
from distill.common.jsonl import Row, write_jsonl
from distill.shared import held_out
from distill.student.model import StudentProfile, load_tokenizer

if TYPE_CHECKING:
    from distill.generate.cache import Store
    from distill.generate.measure import Measurement

ADAPTER = Path("models/distilled-student")
ANSWERS = Path("data/answers")

Positive = Annotated[int, Field(gt=0)]


class GenerateParams(Model):
    """The section `generate` of params.yaml."""

    max_new_tokens: Positive
    samples: Annotated[int, Field(ge=0)]
    temperature: Annotated[Number, Field(gt=0)]
    seed: int
    dtype: Literal["auto", "float32", "bfloat16", "float16"]
    batch_tokens: Positive
    score_tokens: Positive


def main() -> None:
    """Command line: `python -m distill.generate`."""
    parser = cli.parser(__doc__)
    parser.add_argument("side", choices=("base", "distilled"), help="which student")
    parser.add_argument("--share", help=argparse.SUPPRESS)  # what one of several processes does
    args = parser.parse_args()
    params = section(GenerateParams, "generate", args.params)
    processes = single(Positive, "runtime.generate_processes", args.params)
    _, student = profile(StudentProfile, "student", args.params)
    prompts = held_out.read()
    # Only now: what these import takes seconds, and a typo in params.yaml should not.
    from distill.generate import shares
    from distill.generate.cache import Store
    from distill.generate.measure import key

    job = prepare(params, student, prompts, ADAPTER if args.side == "distilled" else None)
    if args.share:
        shares.do(job, key(job), args.share)
        return
    output = ANSWERS / f"{args.side}.jsonl"
    with Store(key(job)) as store:  # emptied only when everything is written
        if store:
            print(f"going on with {len(store)} results of a run that did not finish")
        if processes > 1 and len(store) < job.results:
            shares.start(job, store, processes, args.params)
        write_jsonl(output, rows(job, [prompt.id for prompt in prompts], store))
    print(f"{output}: {len(prompts)} prompts")


def prepare(
    params: GenerateParams, student: StudentProfile, prompts: list[held_out.HeldOut], adapter: Path | None
) -> "Measurement":
    """Return what the model has to do; the adapter is looked at, and not yet loaded."""
    from distill.generate.decode import Decoding
    from distill.generate.measure import Measurement
    from distill.generate.models import check_adapter
    from distill.generate.questions import encode_all
    from distill.shared import device

    if adapter:
        check_adapter(adapter, student)
    if warning := device.slow_dtype("generate.dtype", params.dtype):
        print(warning, flush=True)
    tokenizer = load_tokenizer(student)
    decoding = Decoding(params.max_new_tokens, params.samples, params.temperature, params.seed, params.batch_tokens)
    questions = encode_all(tokenizer, prompts)
    return Measurement(student, adapter, tokenizer, questions, decoding, params.dtype, params.score_tokens)


def rows(job: "Measurement", ids: list[str], store: "Store") -> Iterator[Row]:
    """Yield the rows of the output."""
    from distill.generate.measure import measure

    for name, question, found in zip(ids, job.questions, measure(job, store), strict=True):
        why = {"unscored": question.unscored} if question.unscored else {}
        yield {"id": name, "teacher_tokens": question.answer_tokens} | found | why
