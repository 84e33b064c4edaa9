"""What the fault suite did and found, added up over a test run and told at its end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Launches that were disturbed (`runs`), launchers that were killed, what else happened (`faults`), and what was
    found on the streams after.

    `lost` are expected ids that are missing, `foreign` ids that nobody expected, `changed` ids with bytes that differ
    from an undisturbed launch's, `duplicates` events beyond the first of their id; `bound` how many of these the
    interruptions allowed. `seeds` are those of the randomized tests, by test.
    """

    runs: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    foreign: int = 0
    changed: int = 0
    duplicates: int = 0
    bound: int = 0
    seeds: dict[str, list[int]] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The summary, as lines."""
        return [
            f"disturbed launches {self.runs.total()} ({_by_name(self.runs)})",
            f"kills -9           {self.kills.total()} ({_by_name(self.kills)})",
            f"other faults       {self.faults.total()} ({_by_name(self.faults)})",
            f"lost               {self.lost}",
            f"changed            {self.changed}",
            f"foreign            {self.foreign}",
            f"duplicates         {self.duplicates} (at most {self.bound} allowed)",
            *(f"seeds              {name}: {_ranges(seeds)}" for name, seeds in sorted(self.seeds.items())),
        ]


TALLY = Tally()
"""Of this test run."""


def _by_name(counted: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counted.items())) or "none"


def _ranges(seeds: list[int]) -> str:
    """`0-24, 31` of the seeds that were used."""
    found: list[list[int]] = []
    for seed in sorted(set(seeds)):
        if found and seed == found[-1][1] + 1:
            found[-1][1] = seed
        else:
            found.append([seed, seed])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in found)
