# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests of the package."""
import json

import pytest
from installed import BUILD, Installed, call, install_log_kept


@pytest.fixture(scope="session", name="staged")
def fixture_staged(tmp_path_factory):
    """All that is installed, in a folder of its own."""
    root = tmp_path_factory.mktemp("stage")
    with install_log_kept():
        call("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", root)
    options = json.loads(call("meson", "introspect", "--buildoptions", BUILD))
    prefix = next(option["value"] for option in options if option["name"] == "prefix")
    return Installed(root, prefix)
