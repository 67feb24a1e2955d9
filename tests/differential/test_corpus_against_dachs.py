"""The corpus against a running DaCHS.

``EPNTAP_TEST_DACHS`` is its TAP URL, ``EPNTAP_TEST_OURS`` that of a service of ours; both have to
serve the same rows as ``bench.epn_core`` (docs/differential.md).
"""

from __future__ import annotations

import os

import pytest

from .comparison import Verdict
from .corpus import read_corpus
from .run import run

DACHS = os.environ.get("EPNTAP_TEST_DACHS")
OURS = os.environ.get("EPNTAP_TEST_OURS")

pytestmark = [
    pytest.mark.peers,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(
        not (DACHS and OURS),
        reason="EPNTAP_TEST_DACHS and EPNTAP_TEST_OURS do not name two services to compare",
    ),
]


def test_every_difference_to_dachs_is_explained_in_the_corpus():
    assert DACHS
    assert OURS
    unexplained = [
        f"{comparison.case.id}: {'; '.join(comparison.differences)}"
        for comparison in run(OURS, DACHS, read_corpus())
        if comparison.verdict is Verdict.UNEXPLAINED
    ]
    assert not unexplained, "\n".join(unexplained)
