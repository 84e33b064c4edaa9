"""Which tenants leave together, and that every event is in exactly one lane."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from campaigns.launch.books import Counted
from campaigns.launch.lanes import HOT_SHARE, Files, lanes_of, own_lanes, shards_of

tenants = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 100), max_size=8)
files = st.lists(tenants, max_size=4).map(
    lambda found: {
        Path(f"{number}.parquet"): {tenant: Counted(sends + 1, sends) for tenant, sends in each.items()}
        for number, each in enumerate(found)
    }
)


def test_a_tenant_with_most_of_the_events_has_a_lane_of_its_own() -> None:
    small = {f"t{number}": Counted(10, 10) for number in range(350)}
    assert own_lanes({Path("0"): {"hot": Counted(31_500, 31_500), **small}}, ()) == ["hot"]


def test_tenants_of_one_size_share_a_lane() -> None:
    assert own_lanes({Path("0"): {f"t{number}": Counted(10, 10) for number in range(351)}}, ()) == []


def test_a_single_tenant_needs_no_lane_of_its_own() -> None:
    assert own_lanes({Path("0"): {"only": Counted(10, 10)}}, ()) == []


def test_a_tenant_with_a_rate_has_a_lane_of_its_own_if_it_gets_events() -> None:
    counted = {Path("0"): {f"t{number}": Counted(10, 10 * (number != 7)) for number in range(20)}}
    assert own_lanes(counted, ["t3", "t7", "elsewhere"]) == ["t3"]


@given(files, st.sets(st.sampled_from("abcdefgh")))
def test_every_decision_is_in_exactly_one_lane(found: Files, limited: set[str]) -> None:
    own = own_lanes(found, limited)
    for tenant in "abcdefgh":
        assert sum(lane.holds(tenant) for lane in lanes_of(own)) == 1
    shards = shards_of(found.values(), own)
    assert sum(shard.decisions for shard in shards) == sum(
        c.decisions for each in found.values() for c in each.values()
    )
    assert sum(shard.sends for shard in shards) == sum(c.sends for each in found.values() for c in each.values())
    assert len({(shard.shard, shard.lane) for shard in shards}) == len(shards)
    assert len(own) <= 1 / HOT_SHARE + len(limited)
