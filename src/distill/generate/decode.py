"""Batched generation: prompts as token ids → answers, many at a time, the same text as one at a time.

In: a causal language model and prompts (`student.encode_prompt`). Out: for each prompt one greedy answer, and, if
asked, sampled ones. An answer stops at the end-of-turn token or the cap. Prompts of similar length share a batch,
padded on the left; the last row of a batch takes the place of one that has finished, so the batch shrinks as its
answers end.

A row's logits depend, in their last bits, on the batch that it is in. So batches are planned from all prompts before
anything runs, never from what is left to do: a run that was interrupted ends with the same text as one that was not.
"""

import hashlib
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from distill.common.errors import InputError, TrainingError
from distill.generate import kv_cache, threads
from distill.shared import device
from distill.student.chat import end_of_turn


@dataclass(frozen=True)
class Decoding:
    """How answers are made.

    `samples` answers a prompt are drawn at `temperature` besides the greedy one; a batch holds at most `batch_tokens`
    tokens of prompt and answer, which bounds the memory of its cache.
    """

    max_new_tokens: int
    samples: int
    temperature: float
    seed: int
    batch_tokens: int


@dataclass(frozen=True)
class Generation:
    """An answer: its text, its length in tokens (the end of turn included), and whether it ended by itself."""

    text: str
    tokens: int
    ended: bool


@dataclass(frozen=True)
class Task:
    """One answer to make: to which prompt, and which of its samples (0 is the greedy one)."""

    prompt: int
    sample: int
    ids: tuple[int, ...]


@dataclass(frozen=True)
class Finished:
    """An answer as ids."""

    task: Task
    ids: list[int]
    ended: bool


OnDone = Callable[[int, int, Generation], None]


def generate(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Sequence[int]],
    params: Decoding,
    on_done: OnDone,
    done: Container[tuple[int, int]] = (),
    on_tokens: Callable[[int], None] = lambda count: None,
    share: threads.Share = threads.ALL,
) -> None:
    """Answer every prompt, and call `on_done(prompt, sample, generation)` for each answer as it ends.

    Args:
        model: In evaluation mode, on its device, without an adapter that slows it.
        tokenizer: The model's.
        prompts: Token ids.
        params: How.
        on_done: Called once for each answer that was made; the order is that of their ends.
        done: Answers (prompt, sample) that are there already; a batch of nothing else is left out.
        on_tokens: Called with the number of tokens of each step.
        share: Which of the batches are this process's.

    Raises:
        InputError: A prompt and its answer do not fit into the model's context.
        TrainingError: The model's logits are not finite.
    """
    check_context(model, prompts, params.max_new_tokens)
    if note := kv_cache.slower(model):
        print(note, flush=True)
    stop = ends(model, tokenizer)
    batches = plan(prompts, params)
    todo = [batch for batch in share.among(batches) if any((one.prompt, one.sample) not in done for one in batch)]
    for result in threads.run(lambda batch: decode(model, batch, params, stop), todo, len(batches), share.of):
        if isinstance(result, Finished):
            text = tokenizer.decode(result.ids, skip_special_tokens=True)
            on_done(result.task.prompt, result.task.sample, Generation(str(text), len(result.ids), result.ended))
        else:
            on_tokens(result)


def check_context(model: Any, prompts: Sequence[Sequence[int]], max_new_tokens: int) -> None:
    """Raise InputError if a prompt and an answer of `max_new_tokens` are longer than the model's positions."""
    limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    longest = max(map(len, prompts), default=0)
    if limit and longest + max_new_tokens > limit:
        raise InputError(f"params.yaml: generate.max_new_tokens: {max_new_tokens} and a prompt of {longest} tokens are "
                         f"more than the student's context of {limit}; lower it")  # fmt: skip


def plan(prompts: Sequence[Sequence[int]], params: Decoding) -> list[list[Task]]:
    """Return the batches: greedy answers first, then samples; by length, of about the same number of rows."""
    order = sorted(range(len(prompts)), key=lambda index: (len(prompts[index]), index))
    greedy = [Task(index, 0, tuple(prompts[index])) for index in order]
    sampled = [replace(one, sample=sample) for one in greedy for sample in range(1, params.samples + 1)]
    longest = max(map(len, prompts), default=0) + params.max_new_tokens
    rows = max(1, params.batch_tokens // longest)
    return [batch for tasks in (greedy, sampled) for batch in _split(tasks, rows)]


def ends(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return the ids that end an answer: the chat template's end of turn, and what tokenizer and model name as ends."""
    named = getattr(model.generation_config, "eos_token_id", None)
    more = named if isinstance(named, list | tuple) else [named]
    found = (end_of_turn(tokenizer), tokenizer.eos_token_id, *more)
    return frozenset(int(token) for token in found if token is not None)


@torch.inference_mode()
def decode(model: Any, tasks: list[Task], params: Decoding, stop: frozenset[int]) -> Iterator[Finished | int]:
    """Yield the answers of one batch as they end, and after each step the number of its tokens."""
    batch = _Batch(model, tasks, params)
    logits = batch.prefill()
    device.release()  # the cache, which grows from here on, would come on top of what reading the prompts took
    while batch.rows:
        tokens = batch.append(logits)
        yield len(tokens)
        for row in reversed(range(len(tokens))):  # from the end, so that a row moved forward was looked at already
            if tokens[row] in stop or len(batch.rows[row].ids) == params.max_new_tokens:
                done = batch.remove(row)
                yield Finished(done.task, done.ids, tokens[row] in stop)
        if batch.rows:
            logits = batch.step()


@dataclass
class _Row:
    """A row of a batch: its task, the ids so far, and the random numbers that choose its tokens (None: greedy)."""

    task: Task
    ids: list[int]
    draws: torch.Tensor | None


class _Batch:
    """The state of one batch; row r of `mask`, `position` and the cache belongs to `rows[r]`."""

    def __init__(self, model: Any, tasks: list[Task], params: Decoding) -> None:
        self.model, self.temperature = model, params.temperature
        self.width = max(len(task.ids) for task in tasks)
        capacity = self.width + params.max_new_tokens
        self.rows = [_Row(task, [], _draws(task, params)) for task in tasks]
        self.mask = torch.zeros((len(tasks), capacity), dtype=torch.long, device=model.device)
        for row, task in enumerate(tasks):
            self.mask[row, self.width - len(task.ids) :] = 1  # what is not padding, and all that is to come
        self.position = self.mask[:, : self.width].sum(dim=1, keepdim=True)
        self.cache = kv_cache.make(model, capacity)

    def prefill(self) -> torch.Tensor:
        """Read the prompts; return the logits of the first tokens, one row a prompt."""
        pad = 0  # any id will do: padding is masked
        ids = [[pad] * (self.width - len(row.task.ids)) + list(row.task.ids) for row in self.rows]
        mask = self.mask[:, : self.width]
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        return self._forward(torch.tensor(ids, device=self.model.device), positions)

    def append(self, logits: torch.Tensor) -> list[int]:
        """Choose each row's next token, append it, and return the tokens."""
        best = logits.max(dim=-1)
        if not torch.isfinite(best.values).all():
            raise TrainingError("generate: the student's logits are not finite; train again with a lower "
                                "train.learning_rate, or set generate.dtype to float32")  # fmt: skip
        tokens: list[int] = best.indices.tolist()
        if self.rows[0].draws is not None:
            tokens = sample(logits, [float(row.draws[len(row.ids)]) for row in self.rows if row.draws is not None],
                            self.temperature)  # fmt: skip
        for row, token in zip(self.rows, tokens, strict=True):
            row.ids.append(token)
        return tokens

    def step(self) -> torch.Tensor:
        """Read each row's last token; return the logits of the next."""
        self.width += 1
        last = torch.tensor([row.ids[-1:] for row in self.rows], device=self.model.device)
        logits = self._forward(last, self.position)
        self.position = self.position + 1
        return logits

    def remove(self, row: int) -> _Row:
        """Take a row out; the last row moves into its place."""
        last = len(self.rows) - 1
        done = self.rows[row]
        self.rows[row] = self.rows[last]
        self.rows.pop()
        for tensor in (self.mask, self.position):
            tensor[row] = tensor[last]
        self.mask, self.position = self.mask[:last], self.position[:last]
        if last:
            self.cache.reorder_cache(torch.tensor([*range(row), last, *range(row + 1, last)][:last]))
        return done

    def _forward(self, ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        output = self.model(
            input_ids=ids, attention_mask=self.mask[:, : self.width], position_ids=positions,
            past_key_values=self.cache, use_cache=True, logits_to_keep=1,
        )  # fmt: skip
        return output.logits[:, -1].float()  # type: ignore[no-any-return]


def sample(logits: torch.Tensor, draws: Sequence[float], temperature: float) -> list[int]:
    """Return one token a row, drawn from softmax(logits / temperature).

    A row takes the first token at which its cumulative probability exceeds its number in `draws`, from [0, 1).
    """
    cumulative = torch.softmax(logits.double() / temperature, dim=-1).cumsum(dim=-1)
    target = torch.tensor(draws, dtype=torch.float64, device=logits.device)[:, None] * cumulative[:, -1:]
    chosen = torch.searchsorted(cumulative, target, right=True).clamp(max=logits.shape[-1] - 1)
    return [int(token) for token in chosen[:, 0]]


def _draws(task: Task, params: Decoding) -> torch.Tensor | None:
    if task.sample == 0:
        return None
    # Random numbers of its own make a sample independent of the batch that it is in, and of the other prompts.
    digest = hashlib.sha256(f"{params.seed}/{task.sample}/{task.ids}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
    return torch.rand(params.max_new_tokens, generator=generator, dtype=torch.float64)


def _split(tasks: list[Task], rows: int) -> Iterator[list[Task]]:
    count = -(-len(tasks) // rows)
    for number in range(count):
        yield tasks[len(tasks) * number // count : len(tasks) * (number + 1) // count]
