"""Stage 2: data/prompts.jsonl → data/teacher_data.jsonl, the teacher's answer to every prompt.

Rows are `id`, `split`, `prompt`, `completion`, `model`, `stop_reason`, `usage`, `key` (and `sample`, where a prompt has
several), in the order of the prompts. Answers that are files are read; answers of an API are what the ledger has, and
what it lacks is asked for. An answer that cannot be trained on (cut off, refused, unfinished, empty) has its row all
the same, and is counted and listed in metrics/collect.json.

What it will not do: write a file that lacks an answer, or pay for an answer that the ledger has.
"""

from collections.abc import Iterator
from pathlib import Path

from distill.api import profiles
from distill.api.profiles import FilesTeacher
from distill.common import cli
from distill.common.config import Megabytes, single
from distill.common.errors import InputError
from distill.common.jsonl import Row, read_jsonl, write_json, write_jsonl

PROMPTS = Path("data/prompts.jsonl")
OUTPUT = Path("data/teacher_data.jsonl")
METRICS = Path("metrics/collect.json")


def main() -> None:
    """Command line: `python -m distill.collect`."""
    args = cli.parser(__doc__).parse_args()
    name, teacher = profiles.load(args.params)
    shard_mb = single(Megabytes, "format.shard_mb", args.params)
    if isinstance(teacher, FilesTeacher):
        count = write_jsonl(OUTPUT, from_files(teacher, PROMPTS), shard_mb)
        metrics: Row = {"teacher": name, "model": teacher.model, "prompts": count, "answers": count, "calls": 0,
                        "cost_usd": 0.0}  # fmt: skip
    else:
        # The API's client takes a second to import; a teacher that is files does not wait for it.
        from distill.api import obtain

        metrics = obtain.gather(name, teacher, args.params, PROMPTS, OUTPUT, shard_mb)
    write_json(METRICS, metrics)
    print(f"{OUTPUT}: {metrics['answers']} answers, ${metrics['cost_usd']:.2f} in all")


def from_files(teacher: FilesTeacher, prompts: Path) -> Iterator[Row]:
    """Yield the rows of teacher_data.jsonl; a call that costs nothing has no tokens, and its key is the prompt's id.

    Raises:
        InputError: An answer is missing, empty or not UTF-8, or there is no prompt.
    """
    prompt = None
    for prompt in read_jsonl(prompts, ("id", "split", "prompt")):
        yield {
            "id": prompt["id"],
            "split": prompt["split"],
            "prompt": prompt["prompt"],
            "completion": read_answer(Path(teacher.answers) / f"{prompt['id']}.md", prompt["id"]),
            "model": teacher.model,
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 0, "output_tokens": 0},
            "key": prompt["id"],
        }
    if prompt is None:
        raise InputError(f"{prompts}: there is no prompt in it; check data/prompts and expand_prompts in params.yaml")


def read_answer(path: Path, prompt_id: str) -> str:
    """Return the answer to a prompt that the file `path` holds."""
    try:
        answer = path.read_bytes().decode("utf-8").strip()
    except FileNotFoundError:
        raise InputError(
            f"{path}: no answer to the prompt '{prompt_id}'; write it, or choose another teacher"
        ) from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: the answer to the prompt '{prompt_id}' is not UTF-8 at byte {error.start + 1}; "
                         "save the file as UTF-8") from None  # fmt: skip
    if not answer:
        raise InputError(
            f"{path}: the answer to the prompt '{prompt_id}' is empty; write it, or choose another teacher"
        )
    return answer
