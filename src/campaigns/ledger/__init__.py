"""Where launches, shards and the books are kept."""

from campaigns.ledger.ledger import FINAL, Launch, Ledger, NewLaunch, Shard, State
from campaigns.ledger.owner import Owner

__all__ = ["FINAL", "Launch", "Ledger", "NewLaunch", "Owner", "Shard", "State"]
