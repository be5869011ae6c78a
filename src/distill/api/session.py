"""What both ways of asking, online and in batches, work with: one object for the whole run."""

from collections.abc import Callable
from dataclasses import dataclass

from distill.api.budget import Budget
from distill.api.client import Api
from distill.api.ledger.ledger import Ledger
from distill.api.pricing import Price
from distill.api.profiles import ApiTeacher, RuntimeParams
from distill.api.stop import Running


@dataclass(frozen=True)
class Session:
    """One run's connection, parameters, accounts and state; `progress` is called for each answer that arrives."""

    api: Api
    teacher: ApiTeacher
    runtime: RuntimeParams
    price: Price
    ledger: Ledger
    budget: Budget
    running: Running
    progress: Callable[[], object]
