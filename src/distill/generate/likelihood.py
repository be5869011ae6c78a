"""How likely a model finds the teacher's answers: negative log-likelihood and token accuracy, answer tokens only.

In: a causal language model and encoded examples (`student.encode`). Out: one Likelihood an example, in their order.
Examples of similar length share a batch; logits are made for answer tokens alone. Sums and counts come out, not means,
so that they add up over any set of prompts.
"""

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from distill.common.errors import TrainingError
from distill.generate import threads
from distill.student.chat import Encoded

CHUNK = 128
"""Places whose logits are there at a time, at most."""


@dataclass(frozen=True)
class Likelihood:
    """An answer's negative log-likelihood (a sum, in nats), its tokens, and how many the model ranks first."""

    nll: float
    tokens: int
    correct: int


def score(
    model: Any,
    examples: Sequence[Encoded],
    token_budget: int,
    on_done: Callable[[int, Likelihood], None] = lambda index, found: None,
    done: Container[int] = (),
    share: threads.Share = threads.ALL,
) -> list[Likelihood]:
    """Score every example's answer given its prompt, the end of turn included; return what was scored, in order.

    Args:
        model: In evaluation mode, on its device.
        examples: Prompts and answers as ids.
        token_budget: A batch holds at most so many tokens, padding included (an example is never cut).
        on_done: Called with the number of each example, as it is scored, and its likelihood.
        done: Numbers of examples that are scored already; a batch of nothing else is left out.
        share: Which of the batches are this process's.

    Raises:
        TrainingError: A likelihood is not finite.
    """
    scores: dict[int, Likelihood] = {}
    batches = plan([len(example.ids) for example in examples], token_budget)
    plain = bool(examples) and _plain_head(model, examples[0])
    todo = [batch for batch in share.among(batches) if any(index not in done for index in batch)]
    work = partial(_score_batch, model, plain, examples)
    for index, found in threads.run(work, todo, len(batches), share.of):
        scores[index] = found
        on_done(index, found)
    return [scores[index] for index in sorted(scores)]


def plan(lengths: Sequence[int], token_budget: int) -> list[list[int]]:
    """Return batches of indexes, the longest examples first; rows x longest row is at most `token_budget`."""
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        if batches and (len(batches[-1]) + 1) * lengths[batches[-1][0]] <= token_budget:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches


@torch.inference_mode()
def _plain_head(model: Any, example: Encoded) -> bool:
    """Whether the model's logits are its head's output, nothing scaled or capped behind it; tried on a few tokens."""
    causal, ids = _causal(model), torch.tensor([example.ids[:8]], device=model.device)
    return torch.equal(_head(causal, _hidden(causal, ids)), causal(input_ids=ids, use_cache=False).logits.float())


@torch.inference_mode()
def _score_batch(
    model: Any, plain: bool, all_examples: Sequence[Encoded], batch: list[int]
) -> Iterator[tuple[int, Likelihood]]:
    causal, examples = _causal(model), [all_examples[index] for index in batch]
    width = max(len(example.ids) for example in examples)
    # The padding stands on the right and attention looks to the left, so nothing need be masked.
    ids = torch.tensor([[*example.ids, *[0] * (width - len(example.ids))] for example in examples], device=model.device)
    # Logits from the place that predicts the first answer token of any row.
    first = min(example.prompt_tokens for example in examples) - 1
    to_logits: Callable[[torch.Tensor], torch.Tensor]
    if plain:  # no logits but a chunk's are ever there: with 152,000 words those of 1,000 tokens are 600 MB
        states, to_logits = _hidden(causal, ids)[:, first:], partial(_head, causal)
    else:
        states = causal(input_ids=ids, use_cache=False, logits_to_keep=width - first).logits
        to_logits = torch.Tensor.float
    for index, row, example in zip(batch, states, examples, strict=True):
        yield index, _score_row(row, to_logits, example, first)


def _score_row(
    states: torch.Tensor, to_logits: Callable[[torch.Tensor], torch.Tensor], example: Encoded, first: int
) -> Likelihood:
    """Score one row; `to_logits(states[i])` predict the token at place `first + i + 1`."""
    answer = torch.tensor(example.ids[example.prompt_tokens :], device=states.device)
    start = example.prompt_tokens - 1 - first
    nll, correct = [], 0
    # Parts of about the same length: a product of a single row, which would be left over, has other last bits.
    for wanted, part in zip(*(_parts(one) for one in (answer, states[start : start + len(answer)])), strict=True):
        logits = to_logits(part)
        nll.append(cross_entropy(logits, wanted, reduction="none"))
        correct += int((logits.argmax(dim=-1) == wanted).sum())
    total = float(torch.cat(nll).double().sum())
    if total != total or total == float("inf"):
        raise TrainingError("generate: the likelihood of an answer is not finite; train again with a lower "
                            "train.learning_rate, or set generate.dtype to float32")  # fmt: skip
    return Likelihood(total, len(answer), correct)


def _parts(values: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return values.tensor_split(-(-len(values) // CHUNK))


def _causal(model: Any) -> Any:
    """Return the causal model that PEFT has wrapped, if it has; an adapter stays in its layers, on or off."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _hidden(causal: Any, ids: torch.Tensor) -> torch.Tensor:
    return causal.base_model(input_ids=ids, use_cache=False).last_hidden_state  # type: ignore[no-any-return]


def _head(causal: Any, states: torch.Tensor) -> torch.Tensor:
    return causal.get_output_embeddings()(states).float()  # type: ignore[no-any-return]
