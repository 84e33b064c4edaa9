"""Does the split of what was sent agree with the weights?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

SUSPICIOUS = 0.001
"""Below this p-value the split is not to be trusted (the usual threshold of sample-ratio mismatch checks)."""


def split_p_value(sent: Sequence[Mapping[str, int]], weights: Sequence[Mapping[str, int]]) -> float | None:
    """Pearson's chi-square goodness-of-fit p-value of the customers per arm against the weights.

    One of each for every group that was split by weights of its own; statistics and degrees of freedom add up.
    None where the test is undefined: nobody, or fewer than two arms with a positive weight. Somebody in an arm of
    weight 0 gives 0.0. The survival function is SciPy's (Cephes `igamc`).
    """
    statistic, freedom = 0.0, 0
    for counts, shares in zip(sent, weights, strict=True):
        positive = {name: weight for name, weight in shares.items() if weight}
        total = sum(counts.values())
        if any(count and name not in positive for name, count in counts.items()):
            return 0.0
        if total == 0 or len(positive) < 2:
            continue
        scale = total / sum(positive.values())
        statistic += sum(
            (counts.get(name, 0) - weight * scale) ** 2 / (weight * scale) for name, weight in positive.items()
        )
        freedom += len(positive) - 1
    if not freedom:
        return None
    from scipy.special import chdtrc

    return float(chdtrc(freedom, statistic))
