"""What happens to a test whose server does not start."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(server: str, reason: str) -> NoReturn:
    """Skip the test with the reason; with CI set the server is mandatory, so fail."""
    told = f"{server}: {reason}"
    if os.environ.get("CI"):
        pytest.fail(told, pytrace=False)
    pytest.skip(told)
