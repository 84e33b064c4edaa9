"""Workspaces to try the engine on: synthetic of any size, real groceries, and a small one to start from."""
