"""The visible, ordered list of stages that composes one query."""

from campaigns.plan.assignment import (
    AWAITING_WINNER,
    BLOCKED,
    NOT_ALLOCATED,
    Withheld,
    allocation_salt,
    experiment_salt,
    holdout_salt,
    test_salt,
    withheld,
)
from campaigns.plan.compile import Compiled, Locate, check_metrics, check_workspace, compile_campaign, events_table
from campaigns.plan.drafts import campaign_problems, workspace_problems
from campaigns.plan.earlier import Earlier, assigned_among
from campaigns.plan.plan import SAMPLES, Plan, envelope_of
from campaigns.plan.reach import Scope, define
from campaigns.plan.shards import counts_query, decisions_query, events_query, sends_query
from campaigns.plan.stage import Customer

__all__ = [
    "AWAITING_WINNER",
    "BLOCKED",
    "NOT_ALLOCATED",
    "SAMPLES",
    "Compiled",
    "Customer",
    "Earlier",
    "Locate",
    "Plan",
    "Scope",
    "Withheld",
    "allocation_salt",
    "assigned_among",
    "campaign_problems",
    "check_metrics",
    "check_workspace",
    "compile_campaign",
    "counts_query",
    "decisions_query",
    "define",
    "envelope_of",
    "events_query",
    "events_table",
    "experiment_salt",
    "holdout_salt",
    "sends_query",
    "test_salt",
    "withheld",
    "workspace_problems",
]
