"""Databases of a server like hosted Supabase's."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hosted.bed import Hosted


@pytest.fixture
def project(hosted: Hosted) -> Iterator[str]:
    """A project without anything of ours: its owner's connection string."""
    name = f"project_{uuid.uuid4().hex[:12]}"
    yield hosted.create(name)
    hosted.drop(name)
