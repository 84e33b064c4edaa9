"""The visible, ordered list of stages that composes one query."""

from campaigns.plan.assignment import experiment_salt, holdout_salt
from campaigns.plan.compile import Compiled, Locate, check_workspace, compile_campaign, events_table
from campaigns.plan.drafts import campaign_problems, workspace_problems
from campaigns.plan.plan import SAMPLES, Plan, envelope_of
from campaigns.plan.reach import Scope, define
from campaigns.plan.shards import counts_query, decisions_query, events_query, sends_query
from campaigns.plan.stage import Customer

__all__ = [
    "SAMPLES",
    "Compiled",
    "Customer",
    "Locate",
    "Plan",
    "Scope",
    "campaign_problems",
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
    "workspace_problems",
]
