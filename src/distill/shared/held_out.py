"""data/heldout.jsonl: the held-out prompts with the teacher's answers, which format writes for generate and evaluate.

A row has `id`, `base`, `group`, `prompt` and `completion` (messages, as in train.jsonl), `stop_reason`, and `ended`,
whether its stop reason says that the answer is complete. Every prompt has a row, whether or not its answer is
usable. White space around an answer is stripped.
"""

from dataclasses import dataclass
from pathlib import Path

from distill.common.errors import InputError
from distill.common.jsonl import read_jsonl

HELD_OUT = Path("data/heldout.jsonl")
FIELDS = ("id", "base", "group", "prompt", "completion", "stop_reason", "ended")


@dataclass(frozen=True)
class HeldOut:
    """A held-out prompt, its group (`heldout-easy`, ...), and the teacher's answer with its stop reason.

    `messages` are the prompt as the student gets it, after the system prompt that it was trained with, if there is one.
    `ended`: whether the teacher ended its turn, so that the answer was neither cut off nor refused.
    """

    id: str
    base: str
    group: str
    messages: list[dict[str, str]]
    answer: str
    stop_reason: str
    ended: bool

    @property
    def prompt(self) -> str:
        """The prompt itself."""
        return self.messages[-1]["content"]


def read(path: Path = HELD_OUT) -> list[HeldOut]:
    """Return the held-out prompts.

    Raises:
        InputError: The file is missing or corrupt, or holds fewer than two.
    """
    found = [
        HeldOut(
            row["id"], row["base"], row["group"], row["prompt"],
            row["completion"][0]["content"], row["stop_reason"], row["ended"],
        )
        for row in read_jsonl(path, FIELDS)
    ]  # fmt: skip
    if len(found) < 2:
        raise InputError(f"{path}: {len(found)} held-out prompts, and two are the least that can be compared; add some "
                         "to data/prompts, or raise expand_prompts.max_heldout in params.yaml")  # fmt: skip
    return found
