"""Pace: how many events may leave when."""

from __future__ import annotations

from throttled import RateLimiterType, Throttled, rate_limiter, store

_PORTIONS_A_SECOND = 4
_KEY = "events"


class Pace:
    """Lets events leave evenly at `rate` a second, in portions of about a quarter of a second; None: as they come.

    GCRA (the generic cell rate algorithm of ATM Forum TM 4.0), on the monotonic clock.
    """

    def __init__(self, rate: int | None) -> None:
        self.portion = None if rate is None else max(1, rate // _PORTIONS_A_SECOND)
        self._throttle = None
        if rate is not None and self.portion is not None:
            self._throttle = Throttled(
                key=_KEY,
                using=RateLimiterType.GCRA.value,
                quota=rate_limiter.per_sec(rate, burst=self.portion),
                store=store.MemoryStore(),
            )

    def hold(self, events: int) -> float:
        """0.0 when so many events, at most a portion, may leave now: they count as gone. Else the seconds to wait."""
        if self._throttle is None:
            return 0.0
        result = self._throttle.limit(_KEY, cost=events)
        return result.state.retry_after if result.limited else 0.0
