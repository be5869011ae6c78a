"""What a reasoning model writes before it answers: dropped, or kept at the head of the answer (`on_thinking`).

Thinking comes in blocks of its own (`thinking`, or `redacted_thinking`, which nobody can read), or at the head of the
text between `<think>` and `</think>`. A chat template may have opened the tag for the model: the text then begins
inside it, and the closing tag begins a line, or ends a paragraph. Later in a text, such tags are ordinary text, such as
code that looks for them.

If thinking never ends, or nothing follows it, there is no answer: the text is empty under either setting.
"""

import re
from dataclasses import replace

from distill.api.profiles import OnThinking
from distill.api.response import Answer

_TAGS = re.compile(r"\s*<think>(?P<thought>.*?)(?:</think>|\Z)", re.DOTALL)
_OPENED_FOR_IT = re.compile(
    r"(?P<thought>(?:(?!<think>).)*?)(?:^[ \t]*</think>|</think>(?=[ \t]*(?:\n[ \t]*\n|\Z)))", re.DOTALL | re.MULTILINE
)


def apply(answer: Answer, on_thinking: OnThinking) -> Answer:
    """Return the answer with its thinking dropped or kept; `thinking` is then what was dropped, None if nothing was.

    Thinking that is kept is put at the head of the text as `<think>…</think>`, wherever it came from. A text without
    thinking is not changed.
    """
    if answer.thinking is None and "think>" not in answer.text:  # almost always
        return answer
    thoughts, text = split(answer.text)
    thought = "\n\n".join(part for part in [(answer.thinking or "").strip(), *thoughts] if part)
    if on_thinking == "keep" and thought and text.strip():
        return replace(answer, text=f"<think>\n{thought}\n</think>\n\n{text.lstrip()}", thinking=None)
    return replace(answer, text=text, thinking=thought or answer.thinking)


def split(text: str) -> tuple[list[str], str]:
    """Return the thoughts at the head of a text, and the text after them; no thoughts, and all of it, if it has none.

    Quoted tags within a thought do not end it early.
    """
    thoughts: list[str] = []
    while found := _TAGS.match(text) or _OPENED_FOR_IT.match(text):
        thoughts.append(found["thought"].strip())
        text = text[found.end() :].lstrip()
    return thoughts, text
