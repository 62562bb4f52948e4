"""Which daemon gets the next request: the least loaded of those that work."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import TypeVar

from ._addresses import Address

FIRST_BLOCK = 0.1
LONGEST_BLOCK = 5.0
LONGEST_IDLE = 30.0
"""Seconds. A connection that was idle for longer may be closed already, so it is not used again."""


class Endpoint:
    """A daemon's address, and how well it works."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.load = 0
        """Requests that are not answered."""
        self._failures = 0
        self._blocked_until = 0.0

    def failed(self) -> None:
        """The daemon cannot be reached, or its connection broke: others are preferred for a while."""
        block = min(FIRST_BLOCK * 2 ** min(self._failures, 10), LONGEST_BLOCK)
        self._failures += 1
        self._blocked_until = time.monotonic() + block * random.uniform(0.5, 1)

    def answered(self) -> None:
        self._failures = 0
        self._blocked_until = 0.0

    def rank(self, now: float, avoided: object) -> tuple[float, bool, int, float]:
        """The endpoint with the lowest rank is used next."""
        return (max(self._blocked_until - now, 0), self is avoided, self.load, random.random())


AnyEndpoint = TypeVar("AnyEndpoint", bound=Endpoint)


def ranked(endpoints: Sequence[AnyEndpoint], avoided: Endpoint | None) -> list[AnyEndpoint]:
    """Endpoints in the order in which to try them.

    :param avoided: the endpoint where the try before failed.
    """
    now = time.monotonic()
    return sorted(endpoints, key=lambda one: one.rank(now, avoided))
