"""How a running collection is stopped (by an error, the budget, or Ctrl-C), and how it ended."""

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field

from distill.common.errors import DistillError


class Stopped(Exception):
    """The run is stopping, so nothing more may be sent."""


@dataclass
class Outcome:
    """How a collection went: `problems` says why a call, by its key, has no answer; the rest, what stopped it early."""

    problems: dict[str, str] = field(default_factory=dict)
    stopped: DistillError | None = None
    over_budget: bool = False
    interrupted: bool = False


class Running:
    """Tells all parts of a collection whether to continue; create it within the event loop."""

    def __init__(self) -> None:
        self.outcome = Outcome()
        self._stopping = asyncio.Event()

    @property
    def stopping(self) -> bool:
        """Whether the run is stopping, so that nothing more may be sent."""
        return self._stopping.is_set()

    def check(self) -> None:
        """Raise Stopped if the run is stopping."""
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
        """Stop because a person asked for it."""
        self.outcome.interrupted = True
        self._stopping.set()

    async def sleep(self, seconds: float) -> None:
        """Sleep, but wake up when the run is stopped."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Let the calls in flight finish after the first Ctrl-C or SIGTERM; the second one has its usual effect."""
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
