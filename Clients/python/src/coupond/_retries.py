"""When a request is sent again, and how long before. Nothing here does I/O."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass

from . import _messages
from ._types import Acceptance, Code
from .v1 import coupond_pb2 as pb


@dataclass(frozen=True)
class RetryPolicy:
    """How often a request is sent, and with which pauses."""

    tries: int = 10
    """How often at most, the first time included. The call's deadline ends it before that."""
    first_pause: float = 0.05
    """Seconds; the bound of the pause doubles for each further retry."""
    longest_pause: float = 2.0
    """Seconds; the daemon may ask for more."""
    try_deadline: float | None = None
    """Seconds for one try; None gives a try all that the call has left."""

    def pause(self, retry: int, retry_after: float) -> float:
        """Seconds before a retry, with full jitter: callers that failed together return apart.

        :param retry: 1 for the first one.
        :param retry_after: what the daemon asks for; never less than that.
        """
        bound = min(self.first_pause * 2 ** min(retry - 1, 20), self.longest_pause)
        return retry_after + random.uniform(0, bound)


class RetryBudget:
    """Keeps retries a fraction of all calls, so that callers do not multiply the load of a daemon in trouble.

    Threads may share it, and so may clients.
    """

    def __init__(self, ratio: float = 0.2, reserve: int = 100, per_second: float = 10) -> None:
        """
        :param ratio: retries that each call allows.
        :param reserve: retries at most at once.
        :param per_second: retries that are always allowed.
        """
        self._ratio = ratio
        self._reserve = float(reserve)
        self._per_second = per_second
        self._tokens = float(reserve)
        self._filled_at = time.monotonic()
        self._lock = threading.Lock()

    def count_call(self) -> None:
        """Notes a call; each makes room for a fraction of a retry."""
        with self._lock:
            self._tokens = min(self._tokens + self._ratio, self._reserve)

    def spend(self) -> bool:
        """Whether a retry is allowed; counts it if so."""
        with self._lock:
            now = time.monotonic()
            gained = (now - self._filled_at) * self._per_second
            self._tokens = min(self._tokens + gained, self._reserve)
            self._filled_at = now
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True

    def renew_lock(self) -> None:
        """For a forked process: a thread of the parent may have held the lock."""
        self._lock = threading.Lock()


@dataclass(frozen=True)
class Failure:
    """How a try ended without an answer."""

    message: str
    acceptance: Acceptance
    code: Code | None = None
    sequence: int | None = None
    retry_after: float = 0.0
    may_help: bool = False
    """Whether a retry may have an answer."""
    is_free: bool = False
    """Whether a retry adds no load: the daemon did not read the try."""


CLOSED = Failure("the client is closed", Acceptance.NOT_ACCEPTED)
"""A try that was not sent. What is known from earlier tries of the call stays."""


def refused(error: pb.Error) -> Failure:
    """The daemon's answer that it could not judge the request."""
    code, acceptance = _messages.code_of(error), _messages.acceptance_of(error)
    retry_after = error.retry_after_ms / 1_000
    return Failure(
        f"{code.name}: {error.message}",
        acceptance,
        code,
        error.sequence if acceptance == Acceptance.ACCEPTED else None,
        min(retry_after, 60.0),
        code in (Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED)
        or acceptance == Acceptance.UNKNOWN
        or (code == Code.RESOURCE_EXHAUSTED and retry_after > 0),
    )


class Known:
    """What the tries so far have shown.

    NOT_ACCEPTED speaks of its own try only: what earlier tries have shown stays.
    """

    _ORDER = (Acceptance.NOT_ACCEPTED, Acceptance.UNKNOWN, Acceptance.ACCEPTED)

    def __init__(self, acceptance: Acceptance) -> None:
        self.acceptance = acceptance
        self.sequence: int | None = None

    def learn(self, failure: Failure) -> None:
        if self._ORDER.index(failure.acceptance) > self._ORDER.index(self.acceptance):
            self.acceptance = failure.acceptance
            self.sequence = failure.sequence
