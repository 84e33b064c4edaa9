"""Customers' outcomes as arrays, and what they are as moments."""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import NDArray

from campaigns.statistics import Moments

Outcomes = NDArray[np.float64]


def moments(**columns: Any) -> Moments:
    """What the engine would find of customers with these outcomes, one array for each column."""
    arrays = {name: np.asarray(values, dtype=np.float64) for name, values in sorted(columns.items())}
    n = len(next(iter(arrays.values())))
    mean = {name: float(values.mean()) if n else 0.0 for name, values in arrays.items()}
    centered = {name: values - mean[name] for name, values in arrays.items()}
    cov = {
        (left, right): float((centered[left] * centered[right]).sum() / (n - 1)) if n > 1 else 0.0
        for left, right in combinations_with_replacement(arrays, 2)
    }
    return Moments(n, mean, cov)
