"""How time and memory of the data stages grow with the number of prompts.

    python bench/scale.py                                      # 10,000 and 100,000 prompts, some minutes
    python bench/scale.py --sizes 10000 1000000 --folder /data/scale     # a million: 20 GB of disk, an hour
    python bench/scale.py --stages expand_prompts collect      # these alone, and what they need

Each size has a workspace of its own, made of this repository's held-out prompts and of templates; the answers are put
together from pieces of data/reference. Each stage runs in a process of its own:

- expand_prompts, collect, format: the stages themselves, as `python -m distill.<stage>` runs them; collect finds every
  answer in its ledger.
- ledger: `python -m distill.ledger import` of as many answers as there are prompts.
- tokenizer: the student's tokenizer alone on the examples of data/train.jsonl, in batches, with all its threads; 20,000
  of them at most.
- train: the stage's data alone: tokenised, and 10,000 examples read in a shuffled order.
- evaluate: the stage's pass over the training data alone, with the teacher's answers in the students' place.
- parts: teacher_data and train written anew with 1,000 more rows in one place; says how many of their bytes `dvc push`
  would have to send.

`seconds` are the clock's, `cpu` those of all cores together, without the start of the interpreter. Memory, in MB, is
the largest resident set of the stage's process (`peak`), what of it at the end was the process's own and not pages of
files (`private`), and the largest resident set of a process that it started (`worker`: format's).
"""

import argparse
import hashlib
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from distill.common.config import Megabytes, single
from distill.common.jsonl import Row, files, read_jsonl, write_jsonl

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("expand_prompts", "ledger", "collect", "format", "tokenizer", "train", "evaluate", "parts")
ANSWER_CHARACTERS = 1_800  # at least; the reference answers have about as many
TOKENIZED, READ = 20_000, 10_000
ADDED = 1_000


def main() -> None:
    """Measure every stage at every size, or, as a child, one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000], help="training prompts")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    parser.add_argument("--folder", type=Path, help="where the workspaces are made, and stay (default: temporary)")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="KEY=VALUE", help="parameters, as format.max_length=512"
    )
    parser.add_argument("--child", choices=STAGES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(measured(args.child)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        print(f"{'stage':<16}{'rows':>10}{'seconds':>10}{'cpu':>9}{'rows/s':>9}{'peak':>7}{'private':>9}{'worker':>8}")
        for size in args.sizes:
            folder = (args.folder or Path(temporary)) / str(size)
            prepare(folder, size, args.set)
            for stage in STAGES:
                if stage in args.stages or not (folder / f".{stage}").exists():
                    show(stage, run(folder, stage))
                    (folder / f".{stage}").touch()
                if stage == [name for name in STAGES if name in args.stages][-1]:
                    break


def show(stage: str, row: Row) -> None:
    """Print a line of the table."""
    worker = f"{row['worker']:>8.0f}" if row["worker"] else ""
    print(f"{stage:<16}{row['rows']:>10}{row['seconds']:>10.1f}{row['cpu']:>9.1f}{row['rows'] / row['seconds']:>9.0f}"
          f"{row['peak']:>7.0f}{row['private']:>9.0f}{worker}", flush=True)  # fmt: skip


def run(folder: Path, stage: str) -> Row:
    """Run a stage in a process of its own, and return what it measured."""
    if stage == "ledger":
        write_jsonl(folder / "export.jsonl", exported(folder))
    env = os.environ | {"PYTHONPATH": str(ROOT / "src"), "DISTILL_LEDGER": str(folder / "ledger.sqlite")}
    command = [sys.executable, str(Path(__file__).resolve()), "--child", stage]
    done = subprocess.run(command, cwd=folder, env=env, check=True, stdout=subprocess.PIPE, text=True)
    (folder / "export.jsonl").unlink(missing_ok=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measured(stage: str) -> Row:
    """Run a stage in this process."""
    clock = Clock()
    rows = CHILDREN[stage](clock)
    peak, worker = (
        resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return {"rows": rows, "peak": peak, "private": private_mb(), "worker": worker} | clock.read()


class Clock:
    """Seconds since it was started: the clock's, and those that this process and its workers computed."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Start, or start again."""
        self._since = time.perf_counter(), self._cpu()

    def read(self) -> Row:
        """Return the seconds."""
        return {"seconds": time.perf_counter() - self._since[0], "cpu": self._cpu() - self._since[1]}

    def _cpu(self) -> float:
        return sum(os.times()[:4])


def private_mb() -> float:
    """Megabytes of this process that are no file's pages; 0 where the system does not say."""
    status = Path("/proc/self/status")
    found = re.search(r"RssAnon:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) / 1024 if found else 0.0


# What is measured: each returns the number of rows, and starts the clock again if there was something to prepare.


def the_stage(name: str) -> int:
    """Run `python -m distill.<name>`."""
    import importlib

    sys.argv = [name]
    importlib.import_module(f"distill.{name}.stage").main()
    output = {"expand_prompts": "prompts", "collect": "teacher_data", "format": "teacher_data"}[name]
    return lines(Path(f"data/{output}.jsonl"))


def lines(path: Path) -> int:
    """Return the number of lines of a file, or of a folder's parts."""
    count = 0
    for part in files(path):
        with part.open("rb") as file:
            count += sum(1 for _ in file)
    return count


def the_ledger(clock: Clock) -> int:
    """Import as many answers as there are prompts into a new ledger."""
    from distill import ledger
    from distill.api.ledger.opening import hold, location

    location().unlink(missing_ok=True)
    with hold(location()) as opened:
        count = ledger.import_rows(opened, Path("export.jsonl"))
    size = location().stat().st_size
    print(f"the ledger: {size / 1e6:.0f} MB, {size / count:.0f} bytes an answer", file=sys.stderr)
    return count


def the_tokenizer(clock: Clock) -> int:
    """Tokenise the texts of examples, in batches of 1,000."""
    from itertools import islice

    from distill.common.config import profile
    from distill.student.chat import render
    from distill.student.model import StudentProfile, load_tokenizer

    tokenizer = load_tokenizer(profile(StudentProfile, "student", Path("params.yaml"))[1])
    rows = islice(read_jsonl(Path("data/train.jsonl")), TOKENIZED)
    texts = [render(tokenizer, [*row["prompt"], *row["completion"]]) for row in rows]
    clock.start()
    for place in range(0, len(texts), 1_000):
        tokenizer(texts[place : place + 1_000], add_special_tokens=False)
    return len(texts)


def the_training_data(clock: Clock) -> int:
    """Tokenise, and read some examples as the trainer does."""
    from distill.common.config import profile
    from distill.student.model import StudentProfile, load_tokenizer
    from distill.train.stage import read_data

    training, _ = read_data(load_tokenizer(profile(StudentProfile, "student", Path("params.yaml"))[1]), "completion")
    for index in random.Random(0).sample(range(len(training)), min(READ, len(training))):
        assert training.dataset[index]["input_ids"]
    return len(training)


def the_gate(clock: Clock) -> int:
    """Compare the held-out texts with all training data."""
    from distill.evaluate import leakage
    from distill.shared import held_out

    prompts = held_out.read()
    leakage.compare(prompts, {"teacher": [prompt.answer for prompt in prompts]}, Path("data/train.jsonl"), 1_000)
    return lines(Path("data/train.jsonl"))


def the_parts(clock: Clock) -> int:
    """Write data with some rows more in the middle, and count the bytes of the parts that were not there before."""
    shard_mb, count = single(Megabytes, "format.shard_mb"), 0
    for name in ("teacher_data", "train"):
        path, new = Path(f"data/{name}.jsonl"), Path("longer.jsonl")
        place = lines(path) // 2
        count += write_jsonl(new, with_more(read_jsonl(path), place), shard_mb)
        there = {digest(part) for part in files(path)}
        changed = [part.stat().st_size for part in files(new) if digest(part) not in there]
        size = sum(part.stat().st_size for part in files(new))
        print(f"{name}: {sum(changed) / 1e6:.1f} of {size / 1e6:.0f} MB to push, {len(changed)} of {len(files(new))} "
              f"parts, after {ADDED} rows more", file=sys.stderr)  # fmt: skip
        shutil.rmtree(new) if new.is_dir() else new.unlink()
    return count


def with_more(rows: Iterator[Row], place: int) -> Iterator[Row]:
    """Yield the rows, and from a place on `ADDED` of them a second time under other names."""
    for number, row in enumerate(rows):
        yield row
        if place <= number < place + ADDED:
            yield row | {"id": f"{row['id']}-new"}


def digest(path: Path) -> bytes:
    """Return what DVC knows a file by."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).digest()


CHILDREN: dict[str, Any] = {
    "expand_prompts": lambda _: the_stage("expand_prompts"),
    "ledger": the_ledger,
    "collect": lambda _: the_stage("collect"),
    "format": lambda _: the_stage("format"),
    "tokenizer": the_tokenizer,
    "train": the_training_data,
    "evaluate": the_gate,
    "parts": the_parts,
}


# The workspace: prompts of templates, and answers put together from the reference's.


def prepare(folder: Path, size: int, changes: list[str]) -> None:
    """Write parameters and prompt files."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")) | {"teacher": "claude"}
    params["runtime"] |= {"hydrate": False}
    for change in changes:
        key, _, value = change.partition("=")
        outer, _, inner = key.partition(".")
        params[outer][inner] = yaml.safe_load(value)
    prompts = folder / "data/prompts"
    prompts.mkdir(parents=True, exist_ok=True)
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    for path in (ROOT / "data/prompts").glob("heldout-*.yaml"):
        (prompts / path.name).write_bytes(path.read_bytes())
    (prompts / "scale.yaml").write_text(yaml.safe_dump(templates(size)), encoding="utf-8")


def templates(size: int) -> Row:
    """Return a prompt file that expands to `size` prompts."""
    prompt = ("Write a Python function that {task} every {thing} of a list of records, and keeps at most {limit} of "
              "them. Say what it does with an empty list, and show how it is called.")  # fmt: skip
    each = {"task": [f"verb{n}" for n in range(10)], "thing": [f"noun{n}" for n in range(100)]}
    variables = each | {"limit": list(range(1, -(-size // 1_000) + 1))}
    entry = {"slug": "scale", "prompt": prompt, "variables": variables, "distinct": ["thing", "limit"]}
    return {"group": "scale", "split": "train", "prompts": [entry | ({"max": size} if size % 1_000 else {})]}


def exported(folder: Path) -> Iterator[Row]:
    """Yield an answer to every prompt, as `distill.ledger export` writes them."""
    from distill.api.ledger.schema import COLUMNS
    from distill.api.profiles import FilesTeacher, load
    from distill.api.request import request_for
    from distill.api.response import COUNTS

    _, teacher = load(folder / "params.yaml")
    assert not isinstance(teacher, FilesTeacher)
    made = answers()
    for prompt in read_jsonl(folder / "data/prompts.jsonl"):
        request = request_for(teacher, prompt, 0, teacher.max_tokens)
        held = ROOT / f"data/reference/{prompt['id']}.md"
        text = held.read_text(encoding="utf-8") if prompt["split"] == "heldout" else next(made)
        usage = {"input_tokens": 60, "output_tokens": len(text) // 4}
        body = json.dumps({
            "id": "msg", "type": "message", "role": "assistant", "model": teacher.model, "stop_reason": "end_turn",
            "stop_sequence": None, "content": [{"type": "text", "text": text}], "usage": usage,
        })  # fmt: skip
        row: Row = dict.fromkeys(COLUMNS) | dict.fromkeys(COUNTS, 0) | usage
        yield row | {
            "key": request.key, "source": "call", "state": "paid", "via": "online", "model": teacher.model,
            "server": "", "day": "2026-01-01", "max_tokens": teacher.max_tokens, "stop_reason": "end_turn",
            "worst_usd": "0", "response": body, "crc": zlib.crc32(body.encode()),
        }  # fmt: skip


def answers() -> Iterator[str]:
    """Yield answers that differ: a number, and pieces of the training prompts' reference answers, one of them code."""
    prose: list[str] = []
    code: list[str] = []
    names = {path.stem for path in (ROOT / "data/prompts").glob("heldout-*.yaml")}
    held = {entry["slug"] for name in names for entry in _prompts(ROOT / f"data/prompts/{name}.yaml")}
    for path in sorted((ROOT / "data/reference").glob("*.md")):
        if path.stem not in held:
            pieces = re.split(r"^(```\w*\n.*?^```)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
            prose += [text.strip() for piece in pieces[::2] for text in piece.split("\n\n") if text.strip()]
            code += pieces[1::2]
    draw = random.Random(7)
    number = 0
    while True:
        number += 1
        chosen = [f"This is answer number {number}.", draw.choice(code)]
        while sum(map(len, chosen)) < ANSWER_CHARACTERS:
            chosen.append(draw.choice(prose))
        yield "\n\n".join(chosen)


def _prompts(path: Path) -> list[Row]:
    return list(yaml.safe_load(path.read_text(encoding="utf-8"))["prompts"])


if __name__ == "__main__":
    main()
