"""Does the split of what was sent agree with the weights?"""

from __future__ import annotations

from collections.abc import Mapping

SUSPICIOUS = 0.001
"""Below this p-value the split is not to be trusted (the usual threshold of sample-ratio mismatch checks)."""


def split_p_value(sent: Mapping[str, int], weights: Mapping[str, int]) -> float | None:
    """Pearson's chi-square goodness-of-fit p-value of the customers sent per variant against the weights.

    None where the test is undefined: nothing sent, or fewer than two variants with a positive weight. A variant
    with weight 0 that was sent to anyone gives 0.0. The survival function is SciPy's (Cephes `igamc`).
    """
    total = sum(sent.values())
    positive = {name: weight for name, weight in weights.items() if weight}
    if total == 0 or len(positive) < 2:
        return None
    if any(count and name not in positive for name, count in sent.items()):
        return 0.0
    from scipy.special import chdtrc

    scale = total / sum(positive.values())
    statistic = sum((sent.get(name, 0) - weight * scale) ** 2 / (weight * scale) for name, weight in positive.items())
    return float(chdtrc(len(positive) - 1, statistic))
