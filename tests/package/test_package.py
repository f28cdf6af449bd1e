# SPDX-License-Identifier: Apache-2.0
"""What is installed is enough to build a program of flows: with pkg-config, CMake and Meson, in C17 and C++20, with the
shared library and with the archive. Each program is run, and its result compared.

The tree is staged in a folder (DESTDIR), which pkg-config is told of as its system root; the long test installs into a
prefix of its own by `make`, and takes everything away again.
"""
import re
import shutil

import pytest
from installed import BUILD, HERE, LONG, ROOT, WARNINGS, Installed, call, install_log_kept, needs

WARMEST = {"station": "Valley", "mean": 15.0}


def test_c17_by_pkg_config(staged, tmp_path):
    program = tmp_path / "squares"
    staged.call("gcc", "-std=c17", *WARNINGS, "-o", program, HERE / "squares.c", *staged.flags("--cflags", "--libs"))
    assert staged.result(program, tmp_path) == 14


@pytest.mark.parametrize("compiler", [pytest.param(name, marks=needs(name)) for name in ("g++", "clang++")])
def test_cpp20_by_pkg_config(staged, tmp_path, compiler):
    program = tmp_path / "stations"
    staged.call(compiler, "-std=c++20", *WARNINGS, "-Wno-missing-field-initializers", "-o", program,
                ROOT / "examples/cpp/stations.cc", *staged.flags("--cflags", "--libs"))
    assert staged.result(program, tmp_path) == WARMEST


def test_the_archive_by_pkg_config(staged, tmp_path):
    program = tmp_path / "squares"
    libraries = [word if word != "-lweir" else "-l:libweir.a" for word in staged.flags("--static", "--libs")]
    staged.call("gcc", "-std=c17", "-o", program, HERE / "squares.c", *staged.flags("--cflags"), *libraries)
    assert "libweir" not in staged.call("readelf", "--dynamic", program)
    assert staged.result(program, tmp_path) == 14


@needs("cmake")
def test_cmake(staged, tmp_path):
    folder = tmp_path / "build"
    # The package finds its own files from where it lies; those of jansson are the system's.
    env = {name: value for name, value in staged.env.items() if name != "PKG_CONFIG_SYSROOT_DIR"}
    said = call("cmake", "-S", HERE / "cmake", "-B", folder, f"-DCMAKE_PREFIX_PATH={staged.prefix}", env=env)
    assert re.findall(r"asked for (.*): (.*)", said) == [
        ("0.1", "1"), ("0.2.0 EXACT", "1"), ("0.2...1", "1"), ("0.1.0 EXACT", "0"), ("0.2.99", "0"), ("1", "0"),
        ("0.1...<0.2", "0"),
    ]
    call("cmake", "--build", folder, env=env)
    assert "libweir" not in call("readelf", "--dynamic", folder / "squares-static")
    for name in ("squares", "squares-static"):
        home = tmp_path / name
        home.mkdir()
        assert staged.result(folder / name, home) == 14


def test_meson(staged, tmp_path):
    folder = tmp_path / "build"
    staged.call("meson", "setup", folder, HERE / "meson")
    staged.call("ninja", "-C", folder)
    assert staged.result(folder / "squares", tmp_path) == 14


def test_the_project_of_the_examples(staged, tmp_path):
    """It stands alone: its own meson.build finds the installed library."""
    project = tmp_path / "project"
    shutil.copytree(ROOT / "examples/project", project)
    staged.call("meson", "setup", "build", cwd=project)
    staged.call("ninja", "-C", "build", cwd=project)
    staged.env.update(WEIR_HOME=str(tmp_path / "home"))
    staged.call("deployments/run-daily", "2026-01-05", cwd=project)
    assert "| 上海店 | 3 | 165.49 CNY |" in (project / "reports/2026-01-05.md").read_text(encoding="utf-8")


def test_the_program_is_that_of_the_library(staged):
    version = staged.flags("--modversion")[0]
    assert version in staged.call(staged.prefix / "bin/weir", "--version")


@needs("mandoc")
@pytest.mark.parametrize("page, says", [
    ("man1/weir.1", "flow-run logs"),
    ("man3/weir_main.3", "EXIT STATUS"),
    ("man3/weir_submit.3", "Run tasks and flows from a function"),  # one of the names of weir_call(3)
    ("man7/weir_modes.7", "WEIR_ASYNC"),
])
def test_manual_pages(staged, page, says):
    assert says.lower() in call("mandoc", "-T", "utf8", staged.prefix / "share/man" / page).replace("_\b", "").lower()


def test_uninstalling_leaves_nothing(tmp_path):
    """By ninja, as `make uninstall` does."""
    with install_log_kept():
        call("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", tmp_path)
        assert list(tmp_path.rglob("weir.h"))
        call("ninja", "-C", BUILD, "uninstall")
    assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == []
    assert not list(tmp_path.rglob("weir"))


@pytest.mark.skipif(not LONG, reason="builds everything anew")
def test_make_install_into_a_prefix(tmp_path):
    make = ["make", "-C", ROOT, "SETUP=no", f"BUILD={tmp_path}/build", f"PREFIX={tmp_path}/prefix"]
    call(*make, "install")
    installed = Installed("", tmp_path / "prefix")
    program = tmp_path / "squares"
    installed.call("gcc", "-o", program, HERE / "squares.c", *installed.flags("--cflags", "--libs"))
    assert installed.result(program, tmp_path) == 14
    call(*make, "uninstall")
    assert [path for path in (tmp_path / "prefix").rglob("*") if not path.is_dir()] == []
