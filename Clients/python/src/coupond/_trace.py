"""The caller's trace that requests belong to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_FORM = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_traceparent: ContextVar[str] = ContextVar("coupond.traceparent", default="")


@contextmanager
def trace(traceparent: str) -> Iterator[None]:
    """Calls that are made inside belong to this trace, and the daemon's log names it in their lines.

    Each thread and each task of asyncio has a trace of its own, by `contextvars`.

    :param traceparent: of W3C Trace Context, such as `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`.
        Another text means no trace.
    """
    before = _traceparent.set(traceparent)
    try:
        yield
    finally:
        _traceparent.reset(before)


def current() -> str:
    """The trace of the calls that are made now; empty without one."""
    traceparent = _traceparent.get()
    return traceparent if _FORM.fullmatch(traceparent) else ""
