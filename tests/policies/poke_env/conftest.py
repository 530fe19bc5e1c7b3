"""The real server for the tests of poke-env's players."""

from tests.showdown_server import showdown_server

__all__ = ["showdown_server"]
