from __future__ import annotations

import json
from pathlib import Path

import pytest

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:"
CHECKOUT = {
    "StartAt": "Charge",
    "States": {
        "Charge": {
            "Type": "Task",
            "Resource": f"{FUNCTION}charge",
            "Retry": [{"ErrorEquals": ["Gateway.Busy"], "IntervalSeconds": 30}],
            "ResultPath": "$.charged",
            "Next": "Big",
        },
        "Big": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.id", "NumericGreaterThan": 100, "Next": "Ship"}],
            "Default": "Done",
        },
        "Ship": {"Type": "Pass", "Parameters": {"to.$": "$.address"}, "Next": "Done"},
        "Done": {"Type": "Succeed"},
    },
}


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """Return a project with one machine, a handler, and nothing else."""
    folder = Path(pytester.path)
    (folder / "definitions").mkdir()
    (folder / "handlers").mkdir()
    (folder / "definitions" / "checkout.asl.json").write_text(json.dumps(CHECKOUT, indent=2))
    (folder / "handlers" / "charge.py").write_text(
        "def handler(event, context):\n    print('charging', event['id'])\n    return {'receipt': 'R0'}\n"
    )
    return pytester
