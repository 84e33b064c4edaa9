"""An opened workspace. The only package that chooses concrete adapters."""

from campaigns.app.campaigns import LAUNCH_ID, Campaigns

__all__ = ["LAUNCH_ID", "Campaigns"]
