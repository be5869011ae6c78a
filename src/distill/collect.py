"""Stage 2: data/prompts.jsonl → data/teacher_data.jsonl, the teacher's answer to every prompt."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from distill import cli
from distill.config import Model, profile
from distill.errors import InputError
from distill.jsonl import Row, read_jsonl, write_json, write_jsonl

PROMPTS = Path("data/prompts.jsonl")
OUTPUT = Path("data/teacher_data.jsonl")
METRICS = Path("metrics/collect.json")


class FilesTeacher(Model):
    """A profile under `teachers`: answers that are files."""

    kind: Literal["files"]
    model: str
    answers: str


def main() -> None:
    """Command line: `python -m distill.collect`."""
    args = cli.parser(__doc__).parse_args()
    _, teacher = profile(FilesTeacher, "teacher", args.params)
    count = write_jsonl(OUTPUT, from_files(teacher, PROMPTS))
    write_json(METRICS, {"answers": count, "cost_usd": 0.0})
    print(f"{OUTPUT}: {count} answers")


def from_files(teacher: FilesTeacher, prompts: Path) -> Iterator[Row]:
    """Yield the rows of teacher_data.jsonl."""
    for row in read_jsonl(prompts, ("id", "split", "prompt")):
        path = Path(teacher.answers) / f"{row['id']}.md"
        if not path.exists():
            raise InputError(f"{path}: no answer to the prompt '{row['id']}'; write it, or choose another teacher")
        yield {
            "id": row["id"],
            "split": row["split"],
            "prompt": row["prompt"],
            "completion": path.read_text(encoding="utf-8").strip(),
            "model": teacher.model,
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 0, "output_tokens": 0},
            "key": row["id"],
        }


if __name__ == "__main__":
    cli.run(main)
