"""Named places where a test may kill the process, as a crash would: no cleanup, no buffers flushed.

`CAMPAIGNS_FAILPOINT=after-publish:3` kills the process with SIGKILL the third time it passes `after-publish`.
Outside of tests the variable is unset and `reach` does nothing.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

NAMES = (
    "before-claim",
    "after-claim",
    "before-freeze",
    "before-validate",
    "after-freeze",
    "before-publish",
    "after-publish",
    "after-checkpoint",
    "before-close",
    "after-close",
)

_passed: Counter[str] = Counter()


def reach(name: str) -> None:
    """Die here if the environment asks for it."""
    wanted = os.environ.get("CAMPAIGNS_FAILPOINT")
    if wanted is None:
        return
    _passed[name] += 1
    target, _, count = wanted.partition(":")
    if target == name and _passed[name] == int(count or 1):
        os.kill(os.getpid(), signal.SIGKILL)
