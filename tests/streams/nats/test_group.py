"""Who owns which partition, without a server."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from campaigns.streams.nats.group import Group, Silence


def joined(group: Group, *members: str) -> Group:
    for _ in range(2):  # the first round gives back, the second takes
        for member in members:
            group = group.beaten(member).shared(member)
    return group


def test_a_group_reads_back_what_it_wrote() -> None:
    group = joined(Group.empty(3), "ann", "bob")
    assert Group.decoded(group.encoded()) == group


def test_each_change_of_hands_is_a_new_epoch() -> None:
    group = joined(Group.empty(1), "ann")
    assert group.owned("ann") == {0: 1}
    group = joined(group.without({"ann"}), "bob")
    assert group.owned("bob") == {0: 2}
    assert joined(group, "bob").owners == group.owners


@given(st.integers(1, 20), st.lists(st.sampled_from("abcdef"), min_size=1, unique=True))
def test_whoever_joins_all_partitions_are_shared_fairly(partitions: int, members: list[str]) -> None:
    group = Group.empty(partitions)
    for count in range(1, len(members) + 1):
        group = joined(group, *members[:count])
        shares = [group.owned(member).keys() for member in members[:count]]
        assert frozenset().union(*shares) == frozenset(range(partitions))
        assert sum(map(len, shares)) == partitions
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_the_dead_leave_what_they_owned_to_nobody() -> None:
    group = joined(Group.empty(4), "ann", "bob").without({"ann"})
    assert set(group.members) == {"bob"}
    assert sum(owner.member is None for owner in group.owners) == 2


def test_a_member_is_dead_when_its_number_stood_still_for_the_lease() -> None:
    silence = Silence(lease=10)
    assert silence.dead({"ann": 1, "bob": 1}, now=0) == set()
    assert silence.dead({"ann": 1, "bob": 2}, now=10) == set()
    assert silence.dead({"ann": 1, "bob": 2}, now=10.1) == {"ann"}
    assert silence.dead({"bob": 2}, now=11) == set()
    assert silence.dead({"ann": 1, "bob": 2}, now=12) == set()  # it came back: heard of now
