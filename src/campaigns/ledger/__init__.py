"""Where launches, shards and the books are kept."""

from campaigns.ledger.database import check_url, is_created
from campaigns.ledger.ledger import Ledger
from campaigns.ledger.owner import Owner, person
from campaigns.ledger.records import FINAL, HALTED, Entry, Launch, NewLaunch, Shard, State

__all__ = [
    "FINAL",
    "HALTED",
    "Entry",
    "Launch",
    "Ledger",
    "NewLaunch",
    "Owner",
    "Shard",
    "State",
    "check_url",
    "is_created",
    "person",
]
