"""`python -m distill.check`: look for mistakes in params.yaml and the prompts before a stage starts.

`make repro` runs it first, since dvc deletes a stage's outputs before it runs the stage. Nothing is written, sent or
loaded; it takes a moment. It finds what a stage would find in its parameters and prompts, for the selected profiles.
"""

from pathlib import Path

from distill import cli, judge, teachers
from distill.collect import read_answer
from distill.config import profile, section
from distill.evaluate import EvaluateParams
from distill.expand_prompts import SOURCE, ExpandParams, expand
from distill.format import FormatParams
from distill.pricing import price_of
from distill.student import StudentProfile, location
from distill.teachers import FilesTeacher, RuntimeParams
from distill.train import TrainParams


def main() -> None:
    """Command line: `python -m distill.check`."""
    check(cli.parser(__doc__).parse_args().params)


def check(params: Path) -> None:
    """Read all that the stages will read before they compute anything.

    Raises:
        InputError: The first mistake found.
    """
    section(RuntimeParams, "runtime", params)
    section(FormatParams, "format", params)
    section(TrainParams, "train", params)
    section(EvaluateParams, "evaluate", params)
    location(profile(StudentProfile, "student", params)[1])
    judge.load(params)
    _, teacher = teachers.load(params)
    for prompt in expand(SOURCE, section(ExpandParams, "expand_prompts", params)):
        if isinstance(teacher, FilesTeacher):
            read_answer(Path(teacher.answers) / f"{prompt['id']}.md", prompt["id"])
    if not isinstance(teacher, FilesTeacher):
        price_of(teacher, params)


if __name__ == "__main__":
    cli.run(main)
