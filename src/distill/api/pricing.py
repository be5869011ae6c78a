"""What calls cost: exact decimal dollars from the prices in params.yaml and the usage that the API reports."""

from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field

from distill.api.profiles import ApiTeacher
from distill.api.request import Request
from distill.api.response import Usage
from distill.common.config import Model, Number, parse, section
from distill.common.errors import InputError

MILLION = Decimal(1_000_000)
# A server may add tokens of its own to a request (the chat format, instructions for tools).
OVERHEAD_TOKENS = 1_000

Dollars = Annotated[Number, Field(ge=0)]
Share = Annotated[Number, Field(ge=0, le=1)]


class Price(Model):
    """Dollars per million tokens of one model, and the share of them that a batch costs."""

    input: Dollars
    output: Dollars
    cache_write: Dollars
    cache_read: Dollars
    batch: Share

    def cost(self, usage: Usage) -> Decimal:
        """Return what a call with this usage costs, in dollars, exactly."""
        tokens = (usage.input_tokens * _exact(self.input) + usage.output_tokens * _exact(self.output)
                  + usage.cache_creation_input_tokens * _exact(self.cache_write)
                  + usage.cache_read_input_tokens * _exact(self.cache_read))  # fmt: skip
        return tokens / MILLION * (_exact(self.batch) if usage.batch else 1)

    def worst(self, request: Request, batch: bool) -> Decimal:
        """Return the most that a call can cost, whatever the answer."""
        dearest = max(self.input, self.cache_write, self.cache_read)
        bound = (request.size + OVERHEAD_TOKENS) * _exact(dearest) + request.max_tokens * _exact(self.output)
        return bound / MILLION * (_exact(self.batch) if batch else 1)

    def total(self, usages: Iterable[Usage]) -> Decimal:
        """Return what several calls cost together."""
        return sum((self.cost(usage) for usage in usages), Decimal(0))


FREE = Price(input=0.0, output=0.0, cache_write=0.0, cache_read=0.0, batch=1.0)


class _Table(Model):
    model_config = ConfigDict(extra="allow")


def all_prices(params: Path) -> dict[str, Price]:
    """Return the prices of every model in params.yaml."""
    table = section(_Table, "prices", params).model_extra or {}
    return {model: parse(Price, price, str(params), f"prices.{model}") for model, price in table.items()}


def price_of(teacher: ApiTeacher, params: Path) -> Price:
    """Return the prices of the teacher's model; without prices, a server with a `base_url` is free.

    Raises:
        InputError: There are no prices, and the calls go to a paid API.
    """
    prices = all_prices(params)
    if teacher.model in prices:
        return prices[teacher.model]
    if teacher.base_url is not None:
        return FREE
    raise InputError(f"{params}: prices: no prices for the model '{teacher.model}'; add them, the bill depends on it")


@cache
def _exact(price: float) -> Decimal:
    # 0.3 means three tenths, not the nearest binary fraction.
    return Decimal(repr(price))
