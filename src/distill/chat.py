"""Talk to the base and the distilled student, whose answers appear as they are written: side by side if there is room.

`python -m distill.chat` reads messages until an empty line or Ctrl-D; with `--prompt "…"` it answers one and exits.
Each side remembers its own conversation. Answers are greedy: the same message gets the same answer. A message that
contains the student's special tokens could forge turns; it is refused, and the conversation continues without it.

Code in an answer is shown, never run.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from distill.common import cli
from distill.common.config import profile, section
from distill.common.errors import InputError
from distill.student.chat import Unfit, encode_prompt
from distill.student.model import StudentProfile, load_tokenizer

if TYPE_CHECKING:
    from distill.generate.models import Side

ADAPTER = Path("models/distilled-student")
SIDE_BY_SIDE = 100  # columns that a terminal must have

Turn = dict[str, str]
"""`role` and `content`, as chat templates have it."""


def main() -> None:
    """Command line: `python -m distill.chat`."""
    parser = cli.parser(__doc__)
    parser.add_argument("--prompt", help="answer this message and exit")
    parser.add_argument("--adapter", type=Path, default=ADAPTER, help="the adapter's folder (default: %(default)s)")
    parser.add_argument("--max-new-tokens", type=int, default=512, help="of an answer (default: %(default)s)")
    args = parser.parse_args()
    _, student = profile(StudentProfile, "student", args.params)
    from distill.format.stage import FormatParams
    from distill.generate.stage import GenerateParams

    system = section(FormatParams, "format", args.params).system
    dtype = section(GenerateParams, "generate", args.params).dtype
    chat = Chat(student, args.adapter, args.max_new_tokens, system, dtype)
    if args.prompt is not None:
        chat.answer(args.prompt)
    else:
        for message in _messages():
            try:
                chat.answer(message)
            except Unfit as error:
                print(f"error: {error}", file=sys.stderr)


class Chat:
    """A conversation with each side, from the same messages, under the system prompt of the student's training."""

    def __init__(
        self,
        student: StudentProfile,
        adapter: Path,
        max_new_tokens: int,
        system: str | None = None,
        dtype: str = "float32",
    ) -> None:
        from distill.generate import models
        from distill.shared import device

        self.model = models.load(student, adapter, device.dtype(dtype))
        self.tokenizer = load_tokenizer(student)
        self.max_new_tokens = max_new_tokens
        head = [{"role": "system", "content": system}] if system else []
        self.turns: dict[Side, list[Turn]] = {side: list(head) for side in models.SIDES}
        self.console = Console()

    def answer(self, message: str) -> dict[str, str]:
        """Show both sides' answers to `message` as they are written, and return them.

        Raises:
            Unfit: The student's chat format cannot hold the message; both conversations are unchanged.
            InputError: The conversation has become too long.
        """
        user = {"role": "user", "content": message}
        prompts = {side: self._encode([*turns, user]) for side, turns in self.turns.items()}
        answers: dict[str, str] = dict.fromkeys(self.turns, "")
        with _shown(self.console, answers) as refresh:
            for side, turns in self.turns.items():
                for piece in self._stream(side, prompts[side]):
                    answers[side] += piece
                    refresh()
                turns += [user, {"role": "assistant", "content": answers[side]}]
        return answers

    def _encode(self, turns: list[Turn]) -> list[int]:
        try:
            prompt = encode_prompt(self.tokenizer, turns)
        except Unfit as error:
            raise Unfit(f"chat: {error}; rephrase it, or start again") from None
        limit = getattr(self.model.config, "max_position_embeddings", None)
        if limit and len(prompt) + self.max_new_tokens > limit:
            raise InputError(f"chat: {len(prompt)} tokens so far and --max-new-tokens {self.max_new_tokens} are more "
                             f"than the student's context of {limit}; start again, or lower it")  # fmt: skip
        return prompt

    def _stream(self, side: "Side", prompt: list[int]) -> Iterator[str]:
        import torch
        from transformers import TextIteratorStreamer

        from distill.generate.models import as_side

        ids = torch.tensor([prompt], device=self.model.device)
        streamer = TextIteratorStreamer(self.tokenizer, skip_prompt=True, skip_special_tokens=True)
        with as_side(self.model, side):
            options = {"max_new_tokens": self.max_new_tokens, "do_sample": False, "streamer": streamer}
            writer = Thread(target=_generate, args=(self.model, ids, self.tokenizer, options), daemon=True)
            writer.start()
            yield from streamer
            writer.join()


def _generate(model: Any, ids: Any, tokenizer: Any, options: dict[str, Any]) -> None:
    import torch

    from distill.generate.decode import ends

    try:
        model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), eos_token_id=sorted(ends(model, tokenizer)),
                       pad_token_id=tokenizer.pad_token_id, **options)  # fmt: skip
    finally:
        options["streamer"].end()  # the reader waits for it, even after an error


class _shown:
    """Shows the answers: on a terminal the last lines while they grow, and everything at the end."""

    def __init__(self, console: Console, answers: dict[str, str]) -> None:
        self.console, self.answers = console, answers
        # Text taller than the terminal cannot be redrawn, so growing answers are cut to its height, and then removed.
        self.live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None

    def __enter__(self) -> Callable[[], None]:
        if self.live:
            self.live.start()
        return self._refresh

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.live.stop()
            self.console.print(self._panels({side: Text(text) for side, text in self.answers.items()}))
        else:
            for side, text in self.answers.items():
                print(f"--- {side}\n{text}")

    def _refresh(self) -> None:
        if self.live:
            self.live.update(
                self._panels({side: self._tail(text) for side, text in self.answers.items()}), refresh=True
            )

    def _wide(self) -> bool:
        return self.console.width >= SIDE_BY_SIDE

    def _width(self) -> int:
        return self.console.width // 2 - 1 if self._wide() else self.console.width

    def _tail(self, text: str) -> Text:
        """Return as many last lines, wrapped, as fit when the terminal shows two panels."""
        rows = self.console.height - 1 if self._wide() else self.console.height // 2
        lines = Text(text).wrap(self.console, max(1, self._width() - 4))  # a panel's frame and padding
        return Text("\n").join(lines[-max(1, rows - 2) :])

    def _panels(self, texts: dict[str, Text]) -> RenderableType:
        panels = [Panel(text, title=side, width=self._width()) for side, text in texts.items()]
        return Columns(panels, padding=0) if self._wide() else Group(*panels)


def _messages() -> Iterator[str]:
    while True:
        try:
            message = input("\nyou> " if sys.stdin.isatty() else "").strip()
        except EOFError:
            return
        if not message:
            return
        yield message


if __name__ == "__main__":
    cli.run(main)
