"""Terms: what an event says of its offer."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from campaigns.definitions.durations import Duration
from campaigns.definitions.offers import AmountOff, Code, FreeDelivery, PercentOff
from campaigns.offers.terms import expires_at, terms

AS_OF = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)


def test_the_event_carries_the_terms_and_not_who_may_have_them() -> None:
    offer = AmountOff(
        type="amount_off",
        amount_cents=1000,
        currency="USD",
        minimum_basket_cents=3500,
        eligible="country = 'US'",
        valid_for=Duration(14, "day"),
        code=Code(prefix="WB"),
    )
    assert terms(offer, AS_OF) == {
        "type": "amount_off",
        "amount_cents": 1000,
        "currency": "USD",
        "minimum_basket_cents": 3500,
        "expires_at": "2026-02-14T12:30:00Z",
    }


def test_an_offer_without_an_end_says_null() -> None:
    assert terms(PercentOff(type="percent_off", percent=15), AS_OF) == {
        "type": "percent_off",
        "percent": 15,
        "expires_at": None,
    }


@pytest.mark.parametrize(
    ("valid_for", "until"),
    [
        (Duration(1, "month"), datetime(2026, 2, 28, 12, 30, tzinfo=UTC)),
        (Duration(90, "minute"), datetime(2026, 1, 31, 14, 0, tzinfo=UTC)),
        (Duration(1, "year"), datetime(2027, 1, 31, 12, 30, tzinfo=UTC)),
    ],
)
def test_an_offer_expires_after_as_of_by_the_calendar(valid_for: Duration, until: datetime) -> None:
    assert expires_at(FreeDelivery(type="free_delivery", valid_for=valid_for), AS_OF) == until
