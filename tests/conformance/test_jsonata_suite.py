"""The official JSONata suite, where `$SFN_SIM_JSONATA_SUITE` names its folder (with groups/ and datasets/)."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.conformance import jsonata_suite

FOLDER = os.environ.get("SFN_SIM_JSONATA_SUITE")


@pytest.mark.slow
@pytest.mark.skipif(FOLDER is None, reason="name the folder of the official JSONata suite in SFN_SIM_JSONATA_SUITE")
def test_what_can_be_asked_of_the_official_suite_is_answered_as_it_says() -> None:
    assert FOLDER is not None
    scores = [jsonata_suite.score(case) for case in jsonata_suite.cases(Path(FOLDER))]
    counted = Counter(each.verdict for each in scores)

    assert counted[jsonata_suite.EQUAL] > 1_500
    # Two differences are the engine's; the others come from asking a list's items from inside (docs/jsonata.md).
    assert counted[jsonata_suite.DIFFERENT] <= 10, [
        (each.case.name, each.given) for each in scores if each.verdict == jsonata_suite.DIFFERENT
    ]
