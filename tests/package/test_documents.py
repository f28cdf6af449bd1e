# SPDX-License-Identifier: Apache-2.0
"""Every whole program in the documents is built with the installed tree, and does what is said below it.

A program is a block of C with a main function; the last file name in backquotes before it is its name. A block of JSON that
comes next is its result.
"""
import json
import re
from typing import NamedTuple, Optional

import pytest
from installed import ROOT, WARNINGS

DOCUMENTS = ["README.md", "README.zh.md", "docs/first-flow.md", "docs/first-flow.zh.md"]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


class Program(NamedTuple):
    document: str
    name: str
    source: str
    result: Optional[str]  # JSON text


def programs():
    for document in DOCUMENTS:
        text = (ROOT / document).read_text(encoding="utf-8")
        blocks = list(BLOCK.finditer(text))
        results = [block for block in blocks if block[1] == "json"]
        for i, block in enumerate(blocks):
            if block[1] != "c" or "int main(" not in block[2]:
                continue
            names = re.findall(r"`(\w+)\.c`", text[: block.start()])
            following = next((other for other in blocks[i + 1 :] if other[1] in ("c", "json")), None)
            result = following[2] if following in results else None
            yield Program(document, names[-1] if names else "program", block[2], result)


PROGRAMS = list(programs())


def test_programs_are_found():
    """One in each README, six in each of the others, which all tell their results; the same in both languages."""
    found = {document: [(one.name, one.result is not None) for one in PROGRAMS if one.document == document]
             for document in DOCUMENTS}
    names = ["hello", "download", "batches", "report", "poll", "crash"]
    assert found["docs/first-flow.md"] == found["docs/first-flow.zh.md"] == [(name, True) for name in names]
    assert [len(found[document]) for document in DOCUMENTS[:2]] == [1, 1]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: f"{program.document}-{program.name}")
def test_programs_do_what_is_said(staged, tmp_path, program):
    source, built = tmp_path / f"{program.name}.c", tmp_path / program.name
    source.write_text(program.source, encoding="utf-8")
    staged.call("gcc", "-std=c17", *WARNINGS, "-o", built, source, *staged.flags("--cflags", "--libs"))
    staged.env["WEIR_HOME"] = str(tmp_path / "home")
    if program.result is None:
        assert staged.call(built, "ls")
    else:
        assert json.loads(staged.call(built)) == json.loads(program.result)
