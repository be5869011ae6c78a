"""Ollama's Modelfile: which model and adapter, the chat format as Ollama's Go template, when to stop, greedy.

In: the student's tokenizer, the files' names, the system prompt that it was trained with. Out: the file's text.

Ollama does not run a tokenizer's Jinja template. What that puts around the text of each role's turns is found out by
rendering conversations with it, and written as a Go template, if conversations of all kinds come out of both alike. For
a template that does more than that (dates, tools, a system prompt within the user's turn) there is no TEMPLATE line.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from distill.common.errors import InputError
from distill.student.chat import Messages, Unfit, render

WORDS = ("qxone", "qxtwo", "qxthree")
"""Texts of turns that no template has in it."""
CONTENTS = ("def f(x: int) -> int:\n    return x", "Why?", "Because.\n\n- it is", "Thanks, {name}.")
"""Texts of turns that the template is tried with; none begins or ends with white space, which templates may trim."""
NO_TEMPLATE = (
    "# No TEMPLATE: the student's chat template cannot be put as one of Ollama's, which knows those of many models by",
    "# the Jinja template in the file. See with `ollama show --template` that it knows this one, or write it here.",
)


@dataclass(frozen=True)
class ChatFormat:
    """What a chat template puts around the texts of turns.

    Attributes:
        start: What begins every conversation (the token for it, which llama.cpp puts there by itself).
        around: What stands before and behind a turn's text, by role; without `system` if it is refused or mixed in.
        generation: What the answer follows.
        system: The system prompt of conversations that bring none.
    """

    start: str
    around: dict[str, tuple[str, str]]
    generation: str
    system: str | None

    def render(self, messages: Messages) -> str:
        """Return what the template makes of `messages` and the generation prompt."""
        if self.system is not None and messages[0]["role"] != "system":
            messages = [{"role": "system", "content": self.system}, *messages]
        turns = (message["content"].join(self.around[message["role"]]) for message in messages)
        return "".join([self.start, *turns, self.generation])

    def go_template(self) -> str:
        """Return it as Ollama's template, which gets the system prompt as a message, and no token for the start."""
        branches = [f'if eq .Role "{role}" }}}}{before}{{{{ .Content }}}}{behind}{{{{ '
                    for role, (before, behind) in self.around.items()]  # fmt: skip
        return "{{ range .Messages }}{{ " + "else ".join(branches) + "end }}{{ end }}" + self.generation


def chat_format(tokenizer: Any) -> ChatFormat | None:
    """Return the format of the tokenizer's chat template, or None if it cannot be put that way."""
    try:
        found = _derive(tokenizer)
    except (Unfit, ValueError):
        return None
    pieces = [found.generation, *(piece for pair in found.around.values() for piece in pair)]
    if any(mark in piece for piece in pieces for mark in ("{{", "}}", '"""')):
        return None
    roles = [["user"], ["user", "assistant", "user"]]
    roles += [["system", *turns] for turns in roles] if "system" in found.around else []
    for turns in roles:
        messages = [_message(role, text) for role, text in zip(turns, CONTENTS, strict=False)]
        if render(tokenizer, messages, generation_prompt=True) != found.render(messages):
            return None
    return found


def text(tokenizer: Any, model: str, adapter: str | None, stops: Sequence[str], system: str | None) -> str:
    """Return the Modelfile.

    Args:
        tokenizer: The student's.
        model: The GGUF file or the directory that FROM names.
        adapter: The GGUF LoRA file, or None if the model has it merged.
        stops: The texts of the tokens that end an answer.
        system: The system prompt that the student was trained with, or None.

    Raises:
        InputError: Ollama's format cannot hold the system prompt.
    """
    form = chat_format(tokenizer)
    if form and system is not None and "system" not in form.around:
        form = None
    prompt = system if system is not None or form is None else form.system
    if '"""' in (prompt or ""):
        raise InputError("params.yaml: format.system: Ollama's Modelfile cannot quote three double quotes in a row; "
                         "write it without")  # fmt: skip
    lines = [f"FROM ./{model}"] + ([f"ADAPTER ./{adapter}"] if adapter else [])
    if form:
        lines.append(f'TEMPLATE """{form.go_template()}"""')
    else:
        lines += NO_TEMPLATE
    if prompt is not None:
        lines.append(f'SYSTEM """{prompt}"""')
    end = form.around["assistant"][1].strip() if form else ""
    # The end of a turn need not be among the tokens that end a text.
    lines += [f'PARAMETER stop "{stop}"' for stop in dict.fromkeys([*filter(None, [end]), *stops])]
    return "\n".join([*lines, "PARAMETER temperature 0", "PARAMETER repeat_penalty 1", ""])


def _derive(tokenizer: Any) -> ChatFormat:
    """Return the format that the template shows in a few conversations.

    Raises:
        ValueError: It has none, as these show already.
        Unfit: It refuses them.
    """
    one, two, three = WORDS
    user, answer, again = map(_message, ("user", "assistant", "user"), WORDS)
    head, user_end = _cut(render(tokenizer, [user]), one)
    prompted = render(tokenizer, [user], generation_prompt=True)
    if not prompted.startswith(head + one + user_end):  # some templates end what has no generation prompt
        user_end = user_end.removesuffix(tokenizer.eos_token)
    alone = head + one + user_end
    generation = _behind(prompted, alone)
    answer_start, rest = _cut(_behind(render(tokenizer, [user, answer, again]), alone), two)
    between, _ = _cut(rest, three)
    # What ends all turns is looked for first: some templates show the last answer with more (an empty thought).
    same = user_end and between.startswith(user_end)
    answer_end = user_end if same else _cut(render(tokenizer, [user, answer]), two)[1]
    user_start = _behind(between, answer_end)
    opening = _ahead(head, user_start)
    token = tokenizer.bos_token or ""
    start = token if opening.startswith(token) and not user_start.startswith(token) else ""
    around = {"user": (user_start, user_end), "assistant": (answer_start, answer_end)}
    found = ChatFormat(start, around, generation, None)
    try:
        return _with_system(found, render(tokenizer, [_message("system", one), _message("user", two)]), opening)
    except (Unfit, ValueError):
        if opening != start:
            raise
        return found


def _with_system(found: ChatFormat, both: str, opening: str) -> ChatFormat:
    """Return `found` with its system turns, which `both` shows, and the default one, which others' opening shows."""
    one, two, _ = WORDS
    head, rest = _cut(both, one)
    between, _ = _cut(rest, two)
    around = {"system": (_behind(head, found.start), _ahead(between, found.around["user"][0])), **found.around}
    default = _behind(opening, found.start)
    before, behind = around["system"]
    return replace(found, around=around, system=_ahead(_behind(default, before), behind) if default else None)


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _cut(text: str, word: str) -> tuple[str, str]:
    """Return what stands before and behind a word."""
    before, found, behind = text.partition(word)
    if not found:
        raise ValueError("a turn's text is changed, or left out")
    return before, behind


def _behind(text: str, start: str) -> str:
    if not text.startswith(start):
        raise ValueError("a turn looks otherwise before others than alone")
    return text.removeprefix(start)


def _ahead(text: str, end: str) -> str:
    if not text.endswith(end):
        raise ValueError("a turn looks otherwise behind others than alone")
    return text.removesuffix(end)
