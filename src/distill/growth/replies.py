"""The question that asks a teacher for prompts, and the prompts in its reply.

Asked for is one form, tags. A reply that has none of them is read as a numbered list, which is what models write
instead. Anything else, such as a refusal in prose, holds no prompt.
"""

import re

QUESTION = """\
Between <example> and </example> is a prompt that was written for an assistant. Write {count} other prompts of the \
same kind: about as long, as hard and as precise, in the same language and tone, each about a problem of its own, so \
that an answer to one is no answer to another one or to the example. Each must be understood by itself, without the \
example. Put each between <prompt> and </prompt>, write nothing else, and answer none of them.

<example>
{example}
</example>"""

TAG = re.compile(r"<(/?)prompt\b[^>\n]*>", re.IGNORECASE)
NUMBER = re.compile(r"^(?:#+ *)?(?:\*\*)?(?:prompt *)?(\d+)(?:\*\*)?[.:)](?:\*\*)? *", re.IGNORECASE | re.MULTILINE)
# A paragraph behind an item that is neither indented nor a code block: the reply's closing words.
AFTERWORD = re.compile(r"\n[ \t]*\n(?![ \t`~]).*", re.DOTALL)
FENCED = re.compile(r"(`{3,}|~{3,})(?:text|markdown|md)?\n((?:(?!\1).)*)\n\1", re.DOTALL)
QUOTES = (('"', '"'), ("'", "'"), ("“", "”"), ("„", "“"), ("«", "»"))
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]")


def question(example: str, count: int) -> str:
    """Return what is asked to get `count` prompts like `example`."""
    return QUESTION.format(count=count, example=example)


def prompts_in(reply: str, cut_off: bool) -> list[str]:
    """Return the prompts in a reply, in order; of one that was cut off, only those that are surely whole."""
    reply = CONTROL.sub("", reply.replace("\r\n", "\n").replace("\r", "\n"))
    found = _tagged(reply, cut_off) if TAG.search(reply) else _numbered(reply, cut_off)
    return [text for text in map(_bare, found) if text]


def _tagged(reply: str, cut_off: bool) -> list[str]:
    """What stands between an opening tag and the next tag; a model may forget to close the last one."""
    tags = list(TAG.finditer(reply))
    ends = [tag.start() for tag in tags[1:]] + ([] if cut_off else [len(reply)])
    return [reply[tag.end() : end] for tag, end in zip(tags, ends, strict=False) if not tag[1]]


def _numbered(reply: str, cut_off: bool) -> list[str]:
    """The items of a list that is numbered from 1; other numbers, such as those of a list in an item, are text."""
    starts: list[re.Match[str]] = []
    for number in NUMBER.finditer(reply):
        if int(number[1]) == len(starts) + 1:
            starts.append(number)
    ends = [number.start() for number in starts[1:]] + [len(reply)]
    items = [reply[number.end() : end] for number, end in zip(starts, ends, strict=False)]
    return items[:-1] if cut_off else [*items[:-1], *(AFTERWORD.sub("", item) for item in items[-1:])]


def _bare(text: str) -> str:
    """The text without what models put around it: white space, a code fence, quotation marks, half of a bold title."""
    text = "\n".join(line.rstrip() for line in text.strip().split("\n"))
    if fenced := FENCED.fullmatch(text):
        text = fenced[2].strip()
    for opening, closing in QUOTES:
        inner = text[1:-1]
        if text[:1] == opening and text[-1:] == closing and opening not in inner and closing not in inner:
            text = inner.strip()
    return text.replace("**", "", 1) if text.count("**") == 1 else text
