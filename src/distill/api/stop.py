"""A collection under way: how it is stopped (an error, the budget, Ctrl-C) and what came of it."""

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field

from distill.common.errors import DistillError


class Stopped(Exception):
    """Nothing more is to be sent."""


@dataclass
class Outcome:
    """How a collection went: why there is no answer, by the key of its call, and what stopped it early."""

    problems: dict[str, str] = field(default_factory=dict)
    stopped: DistillError | None = None
    over_budget: bool = False
    interrupted: bool = False


class Running:
    """What all parts of a collection look at to know whether to go on; made within the event loop."""

    def __init__(self) -> None:
        self.outcome = Outcome()
        self._stopping = asyncio.Event()

    @property
    def stopping(self) -> bool:
        """Whether nothing more is to be sent."""
        return self._stopping.is_set()

    def check(self) -> None:
        """Raise Stopped if nothing more is to be sent."""
        if self.stopping:
            raise Stopped

    def stop(self, error: DistillError) -> None:
        """Stop because of an error; the first one counts."""
        self.outcome.stopped = self.outcome.stopped or error
        self._stopping.set()

    def over_budget(self) -> None:
        """Stop because the next call does not fit into the budget."""
        self.outcome.over_budget = True
        self._stopping.set()

    def interrupt(self) -> None:
        """Stop because somebody said so."""
        self.outcome.interrupted = True
        self._stopping.set()

    async def sleep(self, seconds: float) -> None:
        """Sleep, but not past the moment that the run is stopped."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """The first Ctrl-C (or SIGTERM) lets the calls in flight end, and be kept; the second is the usual one."""
        loop = asyncio.get_running_loop()
        installed: list[signal.Signals] = []

        def once() -> None:
            for number in installed:
                loop.remove_signal_handler(number)
            self.interrupt()

        for number in (signal.SIGINT, signal.SIGTERM):
            # Not in a thread, and not on Windows.
            with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
                loop.add_signal_handler(number, once)
                installed.append(number)
        try:
            yield
        finally:
            for number in installed:
                loop.remove_signal_handler(number)
