"""`python -m distill.check`: look for mistakes in params.yaml, the prompts and the checks before a stage starts.

`make repro` runs it first, because DVC deletes a stage's outputs before it runs the stage. It finds the mistakes that
the stages would find in their parameters and prompts, for the selected profiles. It writes and sends nothing, and is
quick: the student's tokenizer is loaded only if a prompt has something like a special token in it.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from distill.api import profiles
from distill.api.pricing import price_of
from distill.api.profiles import FilesTeacher, RuntimeParams
from distill.collect.stage import read_answer
from distill.common import cli
from distill.common.config import profile, section
from distill.common.errors import InputError
from distill.common.jsonl import Row
from distill.evaluate.stage import EvaluateParams
from distill.expand_prompts.stage import SOURCE, ExpandParams, expand
from distill.format import verify
from distill.format.stage import FormatParams, check_system
from distill.generate.stage import GenerateParams
from distill.judge.stage import KINDS as JUDGES
from distill.sandbox import checks
from distill.student.chat import Unfit, encode_prompt
from distill.student.model import StudentProfile, load_tokenizer, location
from distill.train.params import TrainParams

MARKUP = re.compile(r"<[^<>\s]+>|\[/?[A-Z_]+\]")
"""What special tokens look like: `<|im_end|>`, `</s>`, `[INST]`. The stages find those that look different."""


def main() -> None:
    """Command line: `python -m distill.check`."""
    check(cli.parser(__doc__).parse_args().params)


def check(params: Path) -> None:
    """Read everything that the stages read before they compute.

    Raises:
        InputError: The first mistake found.
    """
    section(RuntimeParams, "runtime", params)
    formatting = section(FormatParams, "format", params)
    section(TrainParams, "train", params)
    section(GenerateParams, "generate", params)
    section(EvaluateParams, "evaluate", params)
    _, student = profile(StudentProfile, "student", params)
    location(student)
    profile(JUDGES, "judge", params)
    _, teacher = profiles.load(params)
    doubtful = []
    for prompt in expand(SOURCE, section(ExpandParams, "expand_prompts", params)):
        if isinstance(teacher, FilesTeacher):
            read_answer(Path(teacher.answers) / f"{prompt['id']}.md", prompt["id"])
        if MARKUP.search(prompt["prompt"]):
            doubtful.append(prompt)
    checks.read_all()
    if formatting.verify:
        verify.check_sandbox()
        checks.read_all(verify.CHECKS)
    if not isinstance(teacher, FilesTeacher):
        price_of(teacher, params)
    if doubtful or MARKUP.search(formatting.system or ""):
        _check_chat_format(student, formatting.system, doubtful)


def _check_chat_format(student: StudentProfile, system: str | None, prompts: Sequence[Row]) -> None:
    """Refuse prompts that the student's chat format cannot hold, before their answers are paid for."""
    tokenizer = load_tokenizer(student)
    check_system(tokenizer, system)
    for prompt in prompts:
        try:
            encode_prompt(tokenizer, [{"role": "user", "content": prompt["prompt"]}])
        except Unfit as error:
            raise InputError(f"{SOURCE}: the prompt '{prompt['id']}': {error}; change the prompt") from None


if __name__ == "__main__":
    cli.run(main)
