"""Engines run plans into snapshots; `port` says what one must do."""
