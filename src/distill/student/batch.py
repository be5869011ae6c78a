"""Many examples encoded at once, as `encode` encodes them one at a time, and several times as fast.

`encode` stays the one definition: it runs for each example, on a tokenizer that has rendered and tokenised everything
already that `encode` will ask for, in one call, with as many threads as there are cores.
"""

from collections.abc import Sequence
from typing import Any

from distill.student.chat import Encoded, Messages, Unfit, encode, encode_text, render


def encode_batch(tokenizer: Any, examples: Sequence[tuple[Messages, Messages]]) -> list[Encoded | Unfit]:
    """Return what `encode` returns for each pair of prompt and completion, or the Unfit that it raises."""
    ahead = _Ahead(tokenizer)
    ahead.read(examples)
    return [_encoded(ahead, *example) for example in examples]


def _encoded(tokenizer: Any, prompt: Messages, completion: Messages) -> Encoded | Unfit:
    try:
        return encode(tokenizer, prompt, completion)
    except Unfit as error:
        return error


def _tokenised(tokenizer: Any, texts: list[str]) -> list[list[int]]:
    """Return the ids of each text, as `encode_text` does."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:  # one written in Python
        return [encode_text(tokenizer, text) for text in texts]
    encode_text(tokenizer, texts[0])  # leaves the backend as transformers calls it: nothing cut off, nothing padded
    # Its own batches also work out where each token stands in the text, which takes a quarter of the time.
    return [encoding.ids for encoding in backend.encode_batch_fast(texts, add_special_tokens=False)]


class _Ahead:
    """A tokenizer that keeps the texts and ids it has made; what it has not made yet, it makes when asked."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._texts: dict[Any, str] = {}
        self._ids: dict[str, list[int]] = {}

    def read(self, examples: Sequence[tuple[Messages, Messages]]) -> None:
        """Render the examples, and tokenise them together."""
        texts = [text for prompt, completion in examples for text in self._rendered(prompt, completion)]
        if texts:
            self._ids = dict(zip(texts, _tokenised(self._tokenizer, texts), strict=True))

    def _rendered(self, prompt: Messages, completion: Messages) -> list[str]:
        try:
            return [render(self, prompt, generation_prompt=True), render(self, [*prompt, *completion])]
        except Unfit:
            return []  # `encode` will say why

    def apply_chat_template(self, messages: list[dict[str, str]], **options: Any) -> str:
        """Render a conversation, once."""
        key = (*((message["role"], message["content"]) for message in messages), *options.values())
        if key not in self._texts:
            self._texts[key] = self._tokenizer.apply_chat_template(messages, **options)
        return self._texts[key]

    def __call__(self, text: str, **options: Any) -> dict[str, list[int]]:
        """Tokenise a text as `encode_text` does, once."""
        if text not in self._ids:
            self._ids[text] = encode_text(self._tokenizer, text)
        return {"input_ids": self._ids[text]}

    def __getattr__(self, name: str) -> Any:
        """Return whatever else is asked for from the tokenizer itself, and keep what it computes at each asking."""
        value = getattr(self._tokenizer, name)
        if name in ("all_special_ids", "added_tokens_decoder"):
            self.__dict__[name] = value
        return value
