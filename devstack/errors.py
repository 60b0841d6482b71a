"""What can go wrong with the embedded stack."""

from __future__ import annotations


class StackError(Exception):
    """Raised when the stack cannot start; says what to do."""


class ChildDiedError(StackError):
    """Raised when a child process ended by itself; holds the tail of its log."""


class NotReadyError(StackError):
    """Raised when a child process lives but does not get ready; holds the tail of its log."""
