"""Ask the selected teacher for variations of the training prompts, and write them to data/prompts/grown-<group>.yaml.

    python -m distill.grow --dry-run             what it would cost; nothing is sent that costs money
    python -m distill.grow --group algorithms    (or `make grow OPTIONS='--group algorithms'`)

For each base prompt that `expand_prompts` selects (templates count once, modified and grown prompts not at all) the
teacher is asked once, through the same ledger and budget as for its answers: what was paid for is kept, and the same
command again asks nothing. Kept is what is no near-duplicate of a held-out prompt, a training prompt or another new one
(`growth/screen.py` says how near is too near). The file is a prompt file of the group `grown-<group>`: read it, edit
it, commit it. Modifiers apply to it only if they name that group. What it will not do: write over a file that says
something else, unless it is told to.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from distill.api import answers, profiles
from distill.api.obtain import gather, opened
from distill.api.profiles import ApiTeacher, FilesTeacher
from distill.check import MARKUP
from distill.common import cli
from distill.common.config import profile, section
from distill.common.errors import InputError
from distill.common.jsonl import Row, read_jsonl, write_jsonl, write_text
from distill.estimate import estimate, lines
from distill.evaluate.stage import EvaluateParams
from distill.expand_prompts.stage import SOURCE, ExpandParams, expand
from distill.growth.prompt_file import New, new_slug, render
from distill.growth.replies import prompts_in, question
from distill.growth.screen import Screen
from distill.shared.stop_reasons import COMPLETE
from distill.student.chat import Unfit, encode_prompt
from distill.student.model import StudentProfile, load_tokenizer

GROWN = "grown-"
EVERYTHING = ExpandParams(modifiers=None, max_train_bases=None, max_heldout=None)


def main() -> None:
    """Command line: `python -m distill.grow`."""
    args = _arguments()
    name, profiled = profiles.load(args.params)
    if isinstance(profiled, FilesTeacher):
        raise InputError(f"{args.params}: teacher: '{name}' is a folder of answers, and cannot write prompts; choose a "
                         "teacher that is asked, such as claude or local")  # fmt: skip
    teacher = for_questions(profiled)
    examples = select(list(expand(SOURCE, section(ExpandParams, "expand_prompts", args.params))), args.group)
    asked = [row | {"split": "grow", "prompt": question(row["prompt"], args.per_prompt)} for row in examples]
    with opened(name, teacher, args.params, lambda: asked) as collection:
        if args.dry_run:
            print("\n".join(lines(collection, estimate(collection))))
            return
        if any(entry.answer is None for entry in answers.entries(asked, teacher, collection.ledger)):
            _keep_files({row["group"] for row in examples}, args.replace)
    replies, bill = _ask(name, teacher, args.params, asked)
    grown = list(Growth(examples, args.per_prompt, args.params).groups(replies))
    _write(grown, teacher.model, args.replace)
    print(f"calls: {bill['calls']}, ${bill['cost_usd']:.2f} in all; read what is new, then `make estimate` says what "
          "its answers cost")  # fmt: skip


def _arguments() -> argparse.Namespace:
    parser = cli.parser(__doc__)
    parser.add_argument("--per-prompt", type=int, default=3, metavar="N",
                        help="variations of each prompt (default: %(default)s)")  # fmt: skip
    parser.add_argument("--group", action="append", metavar="GROUP",
                        help="a group of training prompts; may stand several times (default: all)")  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="say what it would cost, and end")
    parser.add_argument("--replace", action="store_true", help="write over files that differ")
    args = parser.parse_args()
    if args.per_prompt < 1:
        parser.error("--per-prompt: at least 1")
    return args


def for_questions(teacher: ApiTeacher) -> ApiTeacher:
    """Return the profile as it is asked for prompts: once, and without what only shapes its answers.

    A reply that it would not give is counted, and ends nothing.
    """
    lenient = {reason: "exclude" for reason, policy in teacher.on_stop if policy == "fail"}
    return teacher.model_copy(update={"samples": 1, "system": None, "stop_sequences": (),
                                      "on_stop": teacher.on_stop.model_copy(update=lenient)})  # fmt: skip


def select(rows: Iterable[Row], groups: list[str] | None) -> list[Row]:
    """Return the training prompts to ask for variations of: the first of each base, of these groups.

    Raises:
        InputError: There is no such group.
    """
    bases: dict[str, Row] = {}
    for row in rows:
        if row["split"] == "train" and not row["group"].startswith(GROWN):
            bases.setdefault(row["base"], row)
    known = sorted({row["group"] for row in bases.values()})
    for group in groups or ():
        if group not in known:
            raise InputError(f"--group: no training prompts have the group '{group}'; choose among {', '.join(known)}")
    return [row for row in bases.values() if not groups or row["group"] in groups]


def grown_file(group: str) -> Path:
    """Return where the variations of a group's prompts stand."""
    return SOURCE / f"{GROWN}{group}.yaml"


def _keep_files(groups: set[str], replace: bool) -> None:
    """Refuse, before anything is asked, what would end in writing over a file."""
    for path in sorted(map(grown_file, groups)):
        if path.exists() and not replace:
            raise InputError(f"{path}: it is there, and growing it again asks again; move it away, or say --replace")


def _ask(name: str, teacher: ApiTeacher, params: Path, asked: list[Row]) -> tuple[dict[str, Row], Row]:
    """Return the replies by the id of the prompt that was asked about, and the bill."""
    with tempfile.TemporaryDirectory() as folder:
        questions, said = Path(folder) / "questions.jsonl", Path(folder) / "replies.jsonl"
        write_jsonl(questions, asked)
        bill = gather(name, teacher, params, questions, said)
        return {row["id"]: row for row in read_jsonl(said)}, bill


@dataclass(frozen=True)
class Grown:
    """What came of a group's prompts: the new ones that are kept, and how many were dropped, by reason."""

    group: str
    kept: list[New]
    dropped: Counter[str]

    @property
    def path(self) -> Path:
        """Where they stand."""
        return grown_file(self.group)

    def __str__(self) -> str:
        why = ", ".join(f"{count} {reason}" for reason, count in sorted(self.dropped.items()))
        return f"{self.path}: kept {len(self.kept)}" + (f"; dropped {why}" if why else "")


class Growth:
    """Goes through the replies, and decides which prompts in them are kept."""

    def __init__(self, examples: list[Row], per_prompt: int, params: Path) -> None:
        self.examples, self.per_prompt = examples, per_prompt
        again = {f"{GROWN}{row['group']}" for row in examples}  # what is to be written does not count as there
        there = [row for row in expand(SOURCE, EVERYTHING) if row["group"] not in again]
        plain = [row for row in there if row["modifier"] is None]
        self.taken = {name for row in there for name in (row["id"], row["base"])}
        self.screen = Screen(
            (row["prompt"] for row in plain if row["split"] == "train"),
            [row["prompt"] for row in plain if row["split"] == "heldout"],
            section(EvaluateParams, "evaluate", params).leakage_words,
            _fits(params),
        )

    def groups(self, replies: dict[str, Row]) -> Iterator[Grown]:
        """Yield what comes of each group; `replies` by the id of the prompt that was asked about."""
        for group in sorted({row["group"] for row in self.examples}):
            dropped: Counter[str] = Counter()
            mine = [row["id"] for row in self.examples if row["group"] == group]
            yield Grown(group, [new for id_ in mine for new in self._kept(id_, replies[id_], dropped)], dropped)

    def _kept(self, example: str, reply: Row, dropped: Counter[str]) -> list[New]:
        """Return what is kept of one reply, and count the rest."""
        cut_off = reply["stop_reason"] not in COMPLETE
        found = prompts_in(reply["completion"], cut_off)
        if not found:
            dropped[f"replies without a prompt ({reply['stop_reason']})"] += 1
        kept: list[New] = []
        for text in found:
            reason = "more than were asked for" if len(kept) == self.per_prompt else self.screen.why_dropped(text)
            if reason:
                dropped[reason] += 1
            else:
                kept.append(New(new_slug(text, example, self.taken), example, text))
        return kept


def _fits(params: Path) -> Callable[[str], bool]:
    """Return what says whether the student's chat format can hold a text; the tokenizer is loaded if it is in doubt."""

    @cache
    def tokenizer() -> object:
        return load_tokenizer(profile(StudentProfile, "student", params)[1])

    def fits(text: str) -> bool:
        if not MARKUP.search(text):
            return True
        try:
            encode_prompt(tokenizer(), [{"role": "user", "content": text}])
        except Unfit:
            return False
        return True

    return fits


def _write(grown: list[Grown], model: str, replace: bool) -> None:
    """Write the files, and say what is in them and what is not.

    Raises:
        InputError: One is there, and says something else.
    """
    texts = {one.path: render(one.group, model, one.kept) for one in grown if one.kept}
    for path, text in texts.items():
        if path.exists() and path.read_text(encoding="utf-8") != text and not replace:
            raise InputError(f"{path}: it says something else than the replies; move it away, or say --replace")
    for path, text in texts.items():
        write_text(path, text)
    print("\n".join(map(str, grown)))
    if not texts:
        print("note: nothing was written; another teacher, or another --per-prompt, may give more", file=sys.stderr)


if __name__ == "__main__":
    cli.run(main)
