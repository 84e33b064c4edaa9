"""The answer in plain sentences."""

from __future__ import annotations

from typing import Any

import pytest

from campaigns.analysis.report.sentences import (
    alarm,
    campaign_summary,
    funnel,
    reading,
    readings,
    remarks,
    summary,
)
from support.analyses import factorial, healthy, incomplete, many, mismatch, undefined, without_holdout


def said(document: dict[str, Any], metric: int = 0) -> str:
    return " ".join(summary(document, document["metrics"][metric]))


def with_significance(fixed: bool, sequential: bool, *, p_value: float = 0.01) -> str:
    document = healthy()
    compared = document["metrics"][0]["comparisons"][0]
    compared |= {"significant": {"fixed": fixed, "sequential": sequential}, "p_value_adjusted": p_value}
    return said(document)


def test_a_comparison_is_told_with_its_means_its_interval_and_both_readings() -> None:
    assert said(healthy()) == (
        "With a, conversion is 0.9 points higher than with control (4.1 % against 3.2 %, +28 %); "
        "95 % interval 0.6 to 1.2; significant in both readings."
    )


def test_no_difference_shown_is_not_called_no_difference() -> None:
    assert said(healthy(), 1).endswith("95 % interval −74 to 108; no difference is shown in either reading.")


@pytest.mark.parametrize(
    ("fixed", "sequential", "words"),
    [
        (True, False, "significant in the fixed reading, not in the sequential one."),
        (False, True, "significant in the sequential reading, not in the fixed one."),
        (False, False, "not significant once corrected for the number of comparisons (p = 0.07)."),
    ],
)
def test_the_readings_may_differ(fixed: bool, sequential: bool, words: str) -> None:
    assert with_significance(fixed, sequential, p_value=0.07).endswith(words)


def test_while_windows_are_open_only_the_sequential_interval_is_told() -> None:
    assert said(incomplete()).endswith("always-valid 95 % interval −0.5 to 1.1; no difference is shown yet.")
    assert reading(incomplete()["metrics"][0]).startswith("Only the sequential reading is valid now.")


def test_a_fixed_significance_counts_for_nothing_before_its_time() -> None:
    document = incomplete()
    document["metrics"][0]["comparisons"][0]["significant"]["fixed"] = True
    assert said(document).endswith("no difference is shown yet.")


def test_a_window_that_has_no_end_yet_says_so() -> None:
    assert "has no date yet" in reading(undefined()["metrics"][0])


def test_every_sentence_of_an_untrusted_split_says_so_and_calls_nothing_significant() -> None:
    document = mismatch()
    metric = document["metrics"][0]
    told = summary(document, metric) + campaign_summary(document, metric)
    assert all(each.startswith("NOT TO BE TRUSTED: ") for each in told)
    assert "significant" not in " ".join(told)
    assert "SAMPLE-RATIO MISMATCH" in alarm(document)[0]
    assert "p < 0.0001, below 0.001" in alarm(document)[1]
    assert list(readings(document)) == [
        "Neither reading is to be trusted while the split does not agree with the weights."
    ]


def test_a_campaign_is_compared_with_the_holdout_where_there_is_one() -> None:
    document = healthy()
    [told] = campaign_summary(document, document["metrics"][0])
    assert told.startswith("With the campaign, conversion is 0.8 points higher than in the holdout")
    assert campaign_summary(without_holdout(), without_holdout()["metrics"][0]) == []


def test_many_variants_are_summed_up_in_one_sentence() -> None:
    assert said(many()) == "Of 5 variants, none shows a difference in conversion to control."
    assert said(factorial()).startswith(
        "Against control, conversion is higher with subject=b,incentive=ten_off (+0.8 points)"
    )
    assert said(factorial()).endswith("; no difference shown with 3 of the 5 variants.")


def test_what_cannot_be_compared_is_said_to_be_so() -> None:
    assert said(undefined()).count("cannot be compared") == 2


def test_a_percentage_of_what_is_below_nothing_is_not_told() -> None:
    document = healthy()
    document["metrics"][1]["comparisons"][0]["against_mean"] = -5.0
    assert "(1,058 against −5)" in said(document, 1)


def test_metrics_with_the_same_reading_are_told_together() -> None:
    document = healthy()
    assert list(readings(document).values()) == [[]]
    document["metrics"][1]["complete"] = False
    assert list(readings(document).values()) == [["conversion"], ["revenue"]]


def test_the_funnel_and_the_remarks_tell_who_is_missing() -> None:
    document = healthy()
    assert funnel(document) == [
        ("assigned to a variant", 50_000),
        ("held out", 2_612),
        ("left out: forced variant, for testing", 2),
        ("left out: outside of the experiment's allocation", 10_240),
    ]
    document["left_out"]["purged_launches"] = 2
    document["strata"] = 3
    told = " ".join(remarks(document | {"warnings": ["careful"]}))
    for words in ("careful", "3 strata", "118 customers", "2 launches were purged"):
        assert words in told
