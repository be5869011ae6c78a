"""distill.generate.likelihood: sums by hand, and the same whatever the batch."""

import math
from typing import Any

import pytest
import torch

import tiny
from distill.common.errors import TrainingError
from distill.generate import likelihood
from distill.generate.likelihood import Likelihood, plan, score
from distill.generate.threads import Share
from distill.student.chat import Encoded

EXAMPLES = [Encoded((5, 6, 7, 8, 1), 2), Encoded((9, 10, 1), 1), Encoded((4, 5, 6, 7, 8, 9, 10, 1), 5)]


@pytest.fixture(scope="module")
def model() -> Any:
    return tiny.model()


def test_a_model_that_knows_nothing_spreads_its_guess_over_all_words() -> None:
    ignorant = tiny.model()
    with torch.no_grad():
        ignorant.lm_head.weight.zero_()
    scores = score(ignorant, EXAMPLES, 100)
    assert [one.tokens for one in scores] == [3, 2, 3]
    assert [one.nll for one in scores] == pytest.approx([3 * math.log(64), 2 * math.log(64), 3 * math.log(64)])
    assert [one.correct for one in scores] == [0, 0, 0]  # the first word of equals, 0, is in no answer


def test_the_sum_is_over_answer_tokens_each_given_all_before_it(model: Any) -> None:
    for example, found in zip(EXAMPLES, score(model, EXAMPLES, 10_000), strict=True):
        nll, correct = 0.0, 0
        for place in range(example.prompt_tokens, len(example.ids)):
            with torch.no_grad():
                logits = model(torch.tensor([example.ids[:place]])).logits[0, -1]
            nll -= float(torch.log_softmax(logits, dim=-1)[example.ids[place]])
            correct += int(logits.argmax()) == example.ids[place]
        assert found.nll == pytest.approx(nll, rel=1e-5)
        assert (found.tokens, found.correct) == (len(example.ids) - example.prompt_tokens, correct)


def test_tokens_that_the_model_would_write_itself_are_correct(model: Any) -> None:
    ids = [5, 6]
    while len(ids) < 6:
        with torch.no_grad():
            ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
    (found,) = score(model, [Encoded(tuple(ids), 2)], 100)
    assert found.correct == found.tokens == 4


@pytest.mark.parametrize("budget", [1, 10, 16, 1000])
def test_batches_change_nothing(model: Any, budget: int) -> None:
    told: dict[int, Likelihood] = {}
    alone = [score(model, [example], 1000)[0] for example in EXAMPLES]
    found = score(model, EXAMPLES, budget, lambda index, one: told.update({index: one}))
    for one, other in zip(found, alone, strict=True):
        assert one.nll == pytest.approx(other.nll, rel=1e-5)
        assert (one.tokens, one.correct) == (other.tokens, other.correct)
    assert [told[index] for index in range(3)] == found


def test_what_is_scored_is_left_out_and_shares_make_the_whole(model: Any) -> None:
    whole = dict(enumerate(score(model, EXAMPLES, 1)))
    assert score(model, EXAMPLES, 1, done=(0, 2)) == [whole[1]]
    parts: dict[int, Likelihood] = {}
    for number in range(2):
        before = len(parts)
        score(model, EXAMPLES, 1, lambda index, one: parts.update({index: one}), share=Share(number, 2))
        assert len(parts) > before
    assert parts == whole


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_chunks_change_nothing(model: Any, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = score(model, EXAMPLES, 100)
    monkeypatch.setattr(likelihood, "CHUNK", chunk)
    for one, other in zip(score(model, EXAMPLES, 100), whole, strict=True):
        assert one.nll == pytest.approx(other.nll, rel=1e-6)
        assert (one.tokens, one.correct) == (other.tokens, other.correct)


def test_logits_that_are_capped_behind_the_head_are_scored_as_the_model_makes_them() -> None:
    from transformers import Gemma2Config, Gemma2ForCausalLM

    config = Gemma2Config(
        vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, final_logit_softcapping=0.5, pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    capped = Gemma2ForCausalLM(config).eval()
    for example, found in zip(EXAMPLES, score(capped, EXAMPLES, 100), strict=True):
        with torch.inference_mode():
            logits = capped(torch.tensor([example.ids])).logits[0]
        assert float(logits.abs().max()) <= 0.5
        places = range(example.prompt_tokens, len(example.ids))
        nll = -sum(float(torch.log_softmax(logits[place - 1], dim=-1)[example.ids[place]]) for place in places)
        assert found.nll == pytest.approx(nll, rel=1e-5)


def test_the_longest_come_first_and_padding_counts() -> None:
    assert plan([5, 3, 8, 4], 16) == [[2, 0], [3, 1]]
    assert plan([5, 3, 8, 4], 15) == [[2], [0, 3, 1]]
    assert plan([5, 3], 1) == [[0], [1]]


def test_a_likelihood_that_is_not_finite() -> None:
    broken = tiny.model()
    with torch.no_grad():
        broken.lm_head.weight.fill_(torch.nan)
    with pytest.raises(TrainingError, match="likelihood of an answer is not finite"):
        score(broken, EXAMPLES, 100)
