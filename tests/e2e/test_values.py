# SPDX-License-Identifier: Apache-2.0
"""Values that are changed after they were handed over: noticed where values are checked."""
import pytest
from support import FAILED

CHECKED = {"WEIR_CHECK_VALUES": "on"}


@pytest.mark.parametrize("flow, message", [
    ("argument", "was changed after it had been handed over"),
    ("own", "was changed after it had been handed over"),
    ("result", "was changed after it had been returned"),
])
def test_a_changed_value_is_told_of(home, flow, message):
    ended = home.flow("values", flow, env=CHECKED)
    assert ended.code == FAILED, ended
    assert message in ended.stderr


def test_without_the_check_nothing_is_said(home):
    assert home.flow("values", "own", env={"WEIR_CHECK_VALUES": "off"}).code == 0


@pytest.mark.parametrize("flow", ["complex_data_flow", "dependent_flow", "conditional_task"])
def test_sound_programs_pass(home, flow):
    assert home.run(flow, env=CHECKED).code == 0
