"""What the tests of battles on servers share."""

from tests.showdown_server import showdown_server

__all__ = ["showdown_server"]
