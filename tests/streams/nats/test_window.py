"""Which messages may be on their way, without a server."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from campaigns.streams import Message, Messages
from campaigns.streams.nats.window import PIECE, WINDOW_BYTES, WINDOW_MESSAGES, Window


def window(*keys: str, size: int = 1) -> Window:
    return Window(Messages.of([Message(key, bytes(size), str(n)) for n, key in enumerate(keys)]))


def all_taken(window: Window) -> list[int]:
    taken: list[int] = []
    while piece := window.take():
        assert len(piece) <= PIECE
        taken += piece
    return taken


def test_no_more_fly_than_the_window_holds_and_half_of_them_make_room() -> None:
    full = window(*map(str, range(10_000)))
    assert all_taken(full) == list(range(WINDOW_MESSAGES))
    moved = [full.landed(at) for at in range(WINDOW_MESSAGES // 2)]
    assert moved == [False] * (len(moved) - 1) + [True]
    assert len(all_taken(full)) == WINDOW_MESSAGES // 2


def test_no_more_bytes_fly_than_the_window_holds_but_one_message_always_does() -> None:
    assert all_taken(window(*"abcdefghijkl", size=WINDOW_BYTES // 8)) == list(range(8))
    assert all_taken(window("a", "b", size=WINDOW_BYTES + 1)) == [0]


def test_a_message_waits_for_the_one_before_it_of_its_key() -> None:
    two = window("a", "b", "a", "c")
    assert all_taken(two) == [0, 1]
    assert not two.landed(1)
    assert all_taken(two) == []
    assert two.landed(0)
    assert all_taken(two) == [2, 3]


def test_what_did_not_land_flies_again_in_order() -> None:
    lost = window(*"abcd")
    assert all_taken(lost) == [0, 1, 2, 3]
    lost.landed(1)
    lost.again()
    assert all_taken(lost) == [0, 2, 3]
    assert lost.left == 3


def test_a_second_answer_changes_nothing_and_a_late_one_counts() -> None:
    one = window("a", "b")
    all_taken(one)
    one.landed(0)
    assert not one.landed(0)
    one.again()
    assert one.landed(1)  # of the first time it was sent
    assert one.left == 0
    assert all_taken(one) == []


@given(st.lists(st.sampled_from("abcde"), max_size=60), st.randoms(use_true_random=False))
def test_whatever_is_lost_all_land_and_no_key_is_overtaken(keys: list[str], chance: object) -> None:
    """The servers store a message when it is first sent, or drop it; answers come late, twice or never."""
    from random import Random

    assert isinstance(chance, Random)
    each, stored = window(*keys), list[int]()
    sent: list[int] = []
    for _ in range(10_000):
        if not each.left:
            break
        for at in each.take():
            if chance.random() < 0.7:  # else the servers dropped it
                sent.append(at)
                if at not in stored:
                    stored.append(at)
        for at in chance.sample(sent, chance.randint(0, len(sent))):
            each.landed(at)
        if chance.random() < 0.3:
            each.again()
    assert each.left == 0
    assert sorted(stored) == list(range(len(keys)))
    for key in set(keys):
        of_key = [at for at in stored if keys[at] == key]
        assert of_key == sorted(of_key)
