"""The command line: parse, call the library, show progress. Nothing here imports torch before a command needs it."""

from impasto.cli.main import main

__all__ = ["main"]
