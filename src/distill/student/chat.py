"""How a conversation becomes token ids, in the student's chat format.

`encode` is the one definition of which tokens are the answer's: format counts with it, train learns from it and
generate scores by it. Text that could forge turns it refuses.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from distill.common.errors import InputError

Messages = Sequence[dict[str, str]]
"""`role` and `content`, as chat templates have it."""

TODAY = "{%- macro strftime_now(format) -%}26 Jul 2024{%- endmacro -%}"
"""The date for templates that put today's into the system prompt: prompts would be others every day."""


class Unfit(InputError):
    """A conversation that the student's chat format cannot hold as it is; the text does not say where it stands.

    `reason` is what metrics count it under.
    """

    reason: ClassVar[str] = "unfit"


class SpecialTokens(Unfit):
    """A conversation whose text holds special tokens, such as the end of turn: it could forge turns."""

    reason = "special_tokens"


@dataclass(frozen=True)
class Encoded:
    """A conversation as token ids; `ids[:prompt_tokens]` is the context, the rest the answer with its end of turn."""

    ids: tuple[int, ...]
    prompt_tokens: int

    @property
    def answer_tokens(self) -> int:
        """How many tokens are the answer's."""
        return len(self.ids) - self.prompt_tokens


def render(tokenizer: Any, messages: Messages, generation_prompt: bool = False) -> str:
    """Return `messages` as the text that the student's chat template makes of them, on any day the same.

    A student that can think before it answers is told not to: the teacher's answers are learned, and they have no
    thoughts in them.

    Raises:
        Unfit: The template refuses them (a system prompt, for one).
    """
    from jinja2 import TemplateError

    template = tokenizer.get_chat_template()
    try:
        text = tokenizer.apply_chat_template(
            list(messages), chat_template=TODAY * ("strftime_now" in template) + template, tokenize=False,
            add_generation_prompt=generation_prompt, enable_thinking=False,
        )  # fmt: skip
    except TemplateError as error:
        raise Unfit(f"the student's chat template refuses it ({' '.join(str(error).split())})") from None
    return str(text)


def encode_prompt(tokenizer: Any, prompt: Messages) -> list[int]:
    """Return the token ids that the student continues with its answer to `prompt`.

    Raises:
        Unfit: The template refuses the prompt.
        SpecialTokens: The prompt's text holds special tokens.
    """
    return _encode(tokenizer, prompt, generation_prompt=True)


def encode(tokenizer: Any, prompt: Messages, completion: Messages) -> Encoded:
    """Return the ids of a whole example; what a template puts behind the end-of-turn token is left out.

    Raises:
        Unfit: The template refuses the example, renders the prompt otherwise alone than within it, or does not end the
            answer with an end of turn: training on such an example would teach something else.
        SpecialTokens: The text of the prompt or the answer holds special tokens.
    """
    context = encode_prompt(tokenizer, prompt)
    whole = _encode(tokenizer, [*prompt, *completion])
    if whole[: len(context)] != context:
        raise Unfit("the chat template renders the prompt with the generation prompt otherwise than the whole "
                    "example; choose a student whose template keeps the prompt as a prefix")  # fmt: skip
    end = len(whole) - whole[::-1].index(end_of_turn(tokenizer))
    return Encoded(tuple(whole[:end]), len(context))


def end_of_turn(tokenizer: Any) -> int:
    """Return the special token that the chat template puts behind an answer: `<|im_end|>`, `<end_of_turn>`, `</s>`.

    `tokenizer.eos_token` need not be it: with many students that ends a text of several turns.

    Raises:
        Unfit: There is none, so no answer would ever end.
    """
    answer = "(the answer)"
    turns = [{"role": "user", "content": "x"}, {"role": "assistant", "content": answer}]
    behind = render(tokenizer, turns).rpartition(answer)[2]
    if not (tokens := _special(tokenizer, behind, encode_text(tokenizer, behind))):
        raise Unfit("the chat template does not end the answer with a special token; "
                    "choose a student whose template does")  # fmt: skip
    return tokens[0]


def encode_text(tokenizer: Any, text: str) -> list[int]:
    """Return the ids of a text without a chat template around it; special tokens in it become special ids."""
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _encode(tokenizer: Any, messages: Messages, generation_prompt: bool = False) -> list[int]:
    """Return the ids of a conversation whose only special tokens are those that the template puts there.

    Which those are is seen from a conversation of the same roles about nothing. So it does not matter how a special
    token would come about: spelt out, by the tokenizer's normalisation, or across the border of template and text.
    """
    text = render(tokenizer, messages, generation_prompt)
    about_nothing = render(tokenizer, [{**message, "content": "x"} for message in messages], generation_prompt)
    ids = encode_text(tokenizer, text)
    found = _special(tokenizer, text, ids)
    expected = _special(tokenizer, about_nothing, encode_text(tokenizer, about_nothing))
    if surplus := list(Counter(found) - Counter(expected)):
        names = ", ".join(tokenizer.convert_ids_to_tokens(surplus))
        raise SpecialTokens(f"{names} in its text is read as the student's special token, not as text")
    if found != expected:
        raise Unfit("the chat template puts other special tokens around this text than around others; "
                    "choose a student whose template does not")  # fmt: skip
    return ids


def _special(tokenizer: Any, text: str, ids: Sequence[int]) -> list[int]:
    """Return the special ones of the ids of `text`, in order."""
    added = tokenizer.added_tokens_decoder.items()
    special = {*tokenizer.all_special_ids, *(number for number, token in added if token.special)}
    if tokenizer.unk_token and tokenizer.unk_token not in text:
        special.discard(tokenizer.unk_token_id)  # it stands for a word that the vocabulary lacks, and forges nothing
    return [number for number in ids if number in special]
