"""The whole system, as the end-to-end tests have it."""

from tests.e2e.conftest import all_standing, dsn, standing, system

__all__ = ["all_standing", "dsn", "standing", "system"]
