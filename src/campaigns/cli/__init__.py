"""The command line: parse, call, render; nothing else. Nothing heavy is imported before a command needs it."""

import sys


def main() -> None:
    """Run the command that this process's arguments name, and exit with its code."""
    try:
        # Inside the block: Ctrl-C while Python still imports must not end in a traceback either.
        from campaigns.cli.app import app

        app()
    except KeyboardInterrupt:
        sys.exit(130)
