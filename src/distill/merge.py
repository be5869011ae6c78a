"""The adapter merged into the student's weights: models/distilled-student → models/merged, a plain Hugging Face model.

In: the adapter's folder and the selected student. Out: a directory that `AutoModelForCausalLM.from_pretrained` loads
without PEFT, as do servers and converters. The weights are merged in fp32 and stored as `--dtype`.
`python -m distill.export` writes the merged model as well, with what else other programs need.

A directory that is not empty is refused.
"""

from pathlib import Path

from distill.common import cli
from distill.common.config import profile
from distill.exporting.fresh import fresh
from distill.student import loading
from distill.student.model import StudentProfile, load_tokenizer

ADAPTER = Path("models/distilled-student")
OUTPUT = Path("models/merged")
DTYPES = ("float32", "bfloat16", "float16")


def main() -> None:
    """Command line: `python -m distill.merge`."""
    parser = cli.parser(__doc__)
    parser.add_argument("--adapter", type=Path, default=ADAPTER, help="the adapter's folder (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="a new or empty directory (default: %(default)s)")
    parser.add_argument("--dtype", choices=DTYPES, default="bfloat16",
                        help="the type of the written weights (default: %(default)s)")  # fmt: skip
    args = parser.parse_args()
    _, student = profile(StudentProfile, "student", args.params)
    with fresh(args.output) as folder:
        merge(student, args.adapter, folder, args.dtype)
    print(f"{args.output}: {student.base_model} with the adapter merged, as {args.dtype}")


def merge(student: StudentProfile, adapter: Path, folder: Path, dtype: str) -> None:
    """Write the merged model and its tokenizer to `folder`.

    Raises:
        InputError: The adapter is missing or another student's.
    """
    import torch

    from distill.generate import models

    model = models.merge(models.load(student, adapter, "auto"), getattr(torch, dtype))
    with loading.quiet():
        model.save_pretrained(folder)
    load_tokenizer(student).save_pretrained(folder)
    for path in folder.glob("*.safetensors"):  # which safetensors makes readable only by their owner
        path.chmod((folder / "config.json").stat().st_mode)


if __name__ == "__main__":
    cli.run(main)
