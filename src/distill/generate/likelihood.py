"""How likely a model finds the teacher's answers: negative log-likelihood and token accuracy, answer tokens only.

In: a causal language model and encoded examples (`student.encode`). Out: one Likelihood an example, in their order.
Examples of similar length share a batch; logits are made for answer tokens alone. Sums and counts come out, not means,
so that they add up over any set of prompts.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from distill.common.errors import TrainingError
from distill.generate import threads
from distill.student.chat import Encoded


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
    on_done: Callable[[int], None] = lambda count: None,
) -> list[Likelihood]:
    """Score every example's answer given its prompt, the end of turn included.

    Args:
        model: In evaluation mode, on its device.
        examples: Prompts and answers as ids.
        token_budget: A batch holds at most so many tokens, padding included (an example is never cut).
        on_done: Called with the number of examples of each batch.

    Raises:
        TrainingError: A likelihood is not finite.
    """
    scores: dict[int, Likelihood] = {}
    batches = plan([len(example.ids) for example in examples], token_budget)
    for found in threads.run(lambda batch: _score_batch(model, examples, batch), batches, len(batches)):
        scores |= found
        on_done(len(found))
    return [scores[index] for index in range(len(examples))]


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
def _score_batch(model: Any, all_examples: Sequence[Encoded], batch: list[int]) -> Iterator[dict[int, Likelihood]]:
    examples = [all_examples[index] for index in batch]
    width = max(len(example.ids) for example in examples)
    # The padding stands on the right and attention looks to the left, so nothing need be masked.
    ids = torch.tensor([[*example.ids, *[0] * (width - len(example.ids))] for example in examples], device=model.device)
    # Logits from the place that predicts the first answer token of any row.
    first = min(example.prompt_tokens for example in examples) - 1
    logits = model(input_ids=ids, use_cache=False, logits_to_keep=width - first).logits
    rows = zip(batch, logits, examples, strict=True)
    yield {index: _score_row(row, example, first) for index, row, example in rows}


def _score_row(logits: torch.Tensor, example: Encoded, first: int) -> Likelihood:
    """Score one row; `logits[i]` predict the token at place `first + i + 1`."""
    answer = torch.tensor(example.ids[example.prompt_tokens :], device=logits.device)
    start = example.prompt_tokens - 1 - first
    predicted = logits[start : start + len(answer)].float()
    nll = float(cross_entropy(predicted, answer, reduction="none").double().sum())
    if nll != nll or nll == float("inf"):
        raise TrainingError("generate: the likelihood of an answer is not finite; train again with a lower "
                            "train.learning_rate")  # fmt: skip
    return Likelihood(nll, len(answer), int((predicted.argmax(dim=-1) == answer).sum()))
