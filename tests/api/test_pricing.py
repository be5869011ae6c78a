"""distill.api.pricing: exact dollars, by hand."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from api_samples import PROMPT, SONNET, teacher
from distill.api.pricing import FREE, all_prices, price_of
from distill.api.request import request_for
from distill.api.response import Usage
from distill.common.errors import InputError
from repository import ROOT

COUNT = st.integers(0, 10**9)


def test_the_reference_run() -> None:
    """104 calls of about 1,030 tokens out and 50 in: $1.61 and a little, and half of it by the batch."""
    usage = Usage(104 * 50, 104 * 1030)
    assert SONNET.cost(usage) == Decimal("0.0156") + Decimal("1.6068")
    assert SONNET.cost(Usage(usage.input_tokens, usage.output_tokens, batch=True)) == Decimal("0.8112")


def test_each_price() -> None:
    million = 10**6
    assert SONNET.cost(Usage(million, 0)) == 3
    assert SONNET.cost(Usage(0, million)) == 15
    assert SONNET.cost(Usage(0, 0, million, 0)) == Decimal("3.75")
    assert SONNET.cost(Usage(0, 0, 0, million)) == Decimal("0.3")
    assert SONNET.cost(Usage(1, 1, 1, 1, batch=True)) == Decimal("0.000011025")


@given(usages=st.lists(st.builds(Usage, COUNT, COUNT, COUNT, COUNT, st.booleans()), max_size=20))
def test_sums_are_exact(usages: list[Usage]) -> None:
    """In units of 1e-8 dollars everything is a whole number."""
    units = sum((u.input_tokens * 600 + u.output_tokens * 3000 + u.cache_creation_input_tokens * 750
                 + u.cache_read_input_tokens * 60) // (2 if u.batch else 1) for u in usages)  # fmt: skip
    assert SONNET.total(usages) == Decimal(units) / Decimal(2 * 10**8)


@given(prompt=st.text(min_size=1), share=st.floats(0, 1), batch=st.booleans(), cached=st.booleans())
def test_no_call_costs_more_than_its_worst_case(prompt: str, share: float, batch: bool, cached: bool) -> None:
    """A tokenizer makes at most a token of each byte; all may be written to the cache; every token may be used."""
    made = request_for(teacher(system="Be brief."), {"id": "p", "prompt": prompt}, 0, 500)
    tokens = len(prompt.encode("utf-8", "surrogatepass")) + len("Be brief.") + round(share * 1000)
    counts = (0, 500, tokens, 0) if cached else (tokens, 500, 0, 0)
    assert SONNET.cost(Usage(*counts, batch=batch)) <= SONNET.worst(made, batch)


def test_the_worst_case_by_hand() -> None:
    made = request_for(teacher(), PROMPT, 0, 100)
    assert made.size == len('{"max_tokens":100,"messages":[{"content":"Write a function.","role":"user"}],"model":"m"}')
    expected = ((made.size + 1000) * Decimal("3.75") + 100 * 15) / 10**6
    assert SONNET.worst(made, batch=False) == expected
    assert SONNET.worst(made, batch=True) == expected / 2


def prices(tmp_path: Path, table: Any) -> Path:
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")) | {"prices": table}
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(params), encoding="utf-8")
    return path


def test_the_prices_of_the_repository() -> None:
    assert all_prices(ROOT / "params.yaml") == {"claude-sonnet-4-6": SONNET}


def test_whose_price(tmp_path: Path) -> None:
    path = prices(tmp_path, {"m": SONNET.model_dump()})
    assert price_of(teacher(), path) == SONNET
    assert price_of(teacher(base_url="http://localhost:1"), path) == SONNET
    assert price_of(teacher(model="mine", base_url="http://localhost:1"), path) == FREE
    with pytest.raises(InputError, match="no prices for the model 'other'; add them"):
        price_of(teacher(model="other"), path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"inputs": 1.0}, "prices.m.inputs: unknown key"),
        ({"input": -1.0}, "prices.m.input: input should be greater"),
        ({"batch": 50.0}, "prices.m.batch: input should be less than or equal to 1"),
    ],
)
def test_a_bad_price(tmp_path: Path, change: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        all_prices(prices(tmp_path, {"m": SONNET.model_dump() | change}))
