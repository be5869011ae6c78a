"""distill.generate.decode: the text of one prompt at a time, whatever the batch; ends, caps, samples, interruptions."""

from dataclasses import replace
from typing import Any

import pytest
import torch

import tiny
from distill.common.errors import InputError, TrainingError
from distill.generate.decode import Decoding, Generation, generate, plan, sample

PROMPTS = [[4, 5, 6], [7], [8, 9], [10, 11, 12, 13, 14], [15, 16, 17, 18], [20, 21], [30]]
GREEDY = Decoding(max_new_tokens=24, samples=0, temperature=1.0, seed=3, batch_tokens=10_000)


@pytest.fixture(scope="module")
def model() -> Any:
    """A model whose end of turn is a token that some of its greedy answers reach."""
    made = tiny.model()
    made.generation_config.eos_token_id = None
    reached = one_at_a_time(made, PROMPTS[0])[8]
    made.generation_config.eos_token_id = [tiny.END, reached]
    return made


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return tiny.tokenizer()


def one_at_a_time(model: Any, prompt: list[int]) -> list[int]:
    ids = torch.tensor([prompt])
    options = {"attention_mask": torch.ones_like(ids), "max_new_tokens": 24, "do_sample": False, "pad_token_id": 0}
    return list(model.generate(ids, **options)[0, len(prompt) :].tolist())


def answers(model: Any, tokenizer: Any, params: Decoding, **more: Any) -> dict[tuple[int, int], Generation]:
    found: dict[tuple[int, int], Generation] = {}

    def keep(prompt: int, sample: int, answer: Generation) -> None:
        assert (prompt, sample) not in found
        found[prompt, sample] = answer

    generate(model, tokenizer, PROMPTS, params, keep, **more)
    return found


@pytest.mark.parametrize("batch_tokens", [1, 60, 10_000])
def test_the_greedy_answer_is_that_of_one_prompt_at_a_time(model: Any, tokenizer: Any, batch_tokens: int) -> None:
    found = answers(model, tokenizer, replace(GREEDY, batch_tokens=batch_tokens))
    assert len(found) == len(PROMPTS)
    for index, prompt in enumerate(PROMPTS):
        alone = one_at_a_time(model, prompt)
        expected = tokenizer.decode(alone, skip_special_tokens=True)
        ended = alone[-1] in model.generation_config.eos_token_id
        assert found[index, 0] == Generation(expected, len(alone), ended)
    # The comparison would be empty if all answers were alike.
    assert len({answer.text for answer in found.values()}) > 3
    assert {answer.ended for answer in found.values()} == {True, False}
    assert {answer.tokens for answer in found.values() if not answer.ended} == {24}


def test_samples_depend_on_seed_prompt_and_number_and_not_on_the_batch(model: Any, tokenizer: Any) -> None:
    sampled = replace(GREEDY, samples=3)
    found = answers(model, tokenizer, sampled)
    assert set(found) == {(prompt, number) for prompt in range(len(PROMPTS)) for number in range(4)}
    assert answers(model, tokenizer, replace(sampled, batch_tokens=90)) == found
    greedy = answers(model, tokenizer, GREEDY)
    assert {place: found[place] for place in greedy} == greedy
    assert len({found[0, number].text for number in range(4)}) == 4
    other = answers(model, tokenizer, replace(sampled, seed=4))
    assert other[0, 0] == found[0, 0]
    assert other[0, 1] != found[0, 1]


def test_sampling_takes_the_token_whose_share_of_the_line_holds_the_number() -> None:
    # Shares 1/2, 1/4, 1/4; at temperature 1/2 they are squared: 4/6, 1/6, 1/6.
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25]])).repeat(4, 1)
    assert sample(logits, [0.0, 0.49, 0.51, 0.76], 1.0) == [0, 0, 1, 2]
    assert sample(logits, [0.66, 0.67, 0.83, 0.84], 0.5) == [0, 1, 1, 2]
    impossible = torch.tensor([[-torch.inf, 0.0]])
    assert sample(impossible, [0.0], 1.0) == [1]


def test_batches_are_of_like_length_and_about_the_same_size() -> None:
    params = replace(GREEDY, max_new_tokens=5, batch_tokens=30)  # 3 rows of 5 + 5 tokens
    batches = plan(PROMPTS, params)
    assert [[request.prompt for request in batch] for batch in batches] == [[1, 6], [2, 5], [0, 4, 3]]
    sampled = plan(PROMPTS, replace(params, samples=1))
    assert sampled[:3] == batches
    assert [[(request.prompt, request.sample) for request in batch] for batch in sampled[3:]] == [
        [(1, 1), (6, 1)], [(2, 1), (5, 1)], [(0, 1), (4, 1), (3, 1)],
    ]  # fmt: skip
    assert [len(batch) for batch in plan(PROMPTS, replace(params, batch_tokens=1))] == [1] * 7


def test_what_is_done_is_left_out_batch_by_batch(model: Any, tokenizer: Any) -> None:
    params = replace(GREEDY, batch_tokens=60)  # batches of two rows, by length: 1 6, 2 5, 0 4, 3 or the like
    first, second, *_ = plan(PROMPTS, params)
    done = {(request.prompt, 0) for request in first} | {(second[0].prompt, 0)}
    everything = answers(model, tokenizer, params)
    left = answers(model, tokenizer, params, done=done)
    assert set(left) == set(everything) - {(request.prompt, 0) for request in first}
    assert left == {place: everything[place] for place in left}


def test_every_token_is_counted(model: Any, tokenizer: Any) -> None:
    counts: list[int] = []
    found = answers(model, tokenizer, GREEDY, on_tokens=counts.append)
    assert sum(counts) == sum(answer.tokens for answer in found.values())


def test_an_answer_that_does_not_fit_into_the_context(model: Any, tokenizer: Any) -> None:
    with pytest.raises(InputError, match=r"generate.max_new_tokens: 252 and a prompt of 5 tokens.*context of 256"):
        answers(model, tokenizer, replace(GREEDY, max_new_tokens=252))


def test_logits_that_are_not_finite(tokenizer: Any) -> None:
    broken = tiny.model()
    with torch.no_grad():
        broken.lm_head.weight.fill_(torch.nan)
    with pytest.raises(TrainingError, match="logits are not finite"):
        answers(broken, tokenizer, GREEDY)
