# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the end-to-end tests."""
import pytest
from support import Home


@pytest.fixture
def home(tmp_path):
    """An empty WEIR_HOME; programs that still run at the end are killed."""
    home = Home(tmp_path)
    yield home
    home.close()


@pytest.fixture
def run_program(home):
    """run_program(name, *args, env=None): run a program to its end."""
    return home.run


@pytest.fixture
def weir_json(home):
    """weir_json(*args): the answer of `weir … --output json`."""
    return home.weir_json
