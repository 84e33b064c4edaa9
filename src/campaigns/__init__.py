"""The Campaigns Engine: a campaign launch becomes one event per customer, at least once."""

__version__ = "0.1.0"
