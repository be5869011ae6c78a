"""distill.train.kernels.chunked_loss: the same loss and gradient as all logits at once, on labelled positions only."""

import math

import torch
from torch.nn.functional import cross_entropy

from distill.train.data import IGNORED
from distill.train.kernels import chunked_loss
from training import tiny_model


def test_a_loss_by_hand() -> None:
    # One width, two words with logits (h, 0): p(word 0) = e^h / (e^h + 1).
    hidden = torch.tensor([[[0.0], [math.log(3)], [9.0]]], requires_grad=True)
    weight = torch.tensor([[1.0], [0.0]])
    scored = chunked_loss.score(hidden, weight, torch.tensor([[IGNORED, 0, 1]]))
    torch.testing.assert_close(scored.nll.item(), math.log(2) + math.log(4))
    assert scored.correct.item() == 1  # the first is a tie, which argmax gives to word 0; the second is wrong
    assert scored.tokens.item() == 2
    scored.nll.backward()
    # d(-log p)/dh: p(word 0) - 1 where word 0 is right, p(word 0) where it is not; the last state predicts nothing.
    torch.testing.assert_close(hidden.grad, torch.tensor([[[-0.5], [0.75], [0.0]]]))


def test_value_and_gradient_are_those_of_cross_entropy_over_several_chunks() -> None:
    generator = torch.Generator().manual_seed(1)
    length = 2 * chunked_loss.CHUNK + 41
    hidden = torch.randn(1, length, 16, generator=generator)
    weight = torch.randn(50, 16, generator=generator)
    labels = torch.randint(50, (1, length), generator=generator)
    labels[:, :20] = IGNORED
    ours, theirs = (hidden.clone().requires_grad_() for _ in range(2))
    scored = chunked_loss.score(ours, weight, labels)
    expected = cross_entropy((theirs @ weight.t())[0, :-1], labels[0, 1:], reduction="sum")
    torch.testing.assert_close(scored.nll, expected)
    (3 * scored.nll).backward()
    (3 * expected).backward()
    torch.testing.assert_close(ours.grad, theirs.grad)
    assert scored.tokens == length - 20


def test_a_confident_bf16_gradient_is_not_rounded_away() -> None:
    hidden = torch.tensor([[[8.0], [0.0]]], dtype=torch.bfloat16, requires_grad=True)
    chunked_loss.score(
        hidden, torch.tensor([[1.0], [0.0]], dtype=torch.bfloat16), torch.tensor([[IGNORED, 0]])
    ).nll.backward()
    assert hidden.grad is not None
    # p - 1 = -3.35e-4, where bf16's p alone is 1.
    torch.testing.assert_close(hidden.grad[0, 0, 0].item(), -1 / (1 + math.exp(8)), rtol=1e-2, atol=0)


def test_a_model_scores_through_its_forward() -> None:
    model = tiny_model()
    ids = torch.tensor([[5, 6, 7, 8, 9, 2]])
    labels = torch.tensor([[IGNORED, IGNORED, IGNORED, 8, 9, 2]])
    expected = model(input_ids=ids, labels=labels).loss
    chunked_loss.attach(model)
    scored = model(input_ids=ids, labels=labels, scored="measure")
    torch.testing.assert_close(scored.nll / scored.tokens, expected)
    torch.testing.assert_close(model(input_ids=ids, labels=labels).loss, expected)


def test_it_knows_models_it_does_not_fit() -> None:
    model = tiny_model()
    assert not chunked_loss.fits(model)  # the head would want a gradient
    assert chunked_loss.fits(model.requires_grad_(False))
    model.config.final_logit_softcapping = 30.0
    assert not chunked_loss.fits(model)
