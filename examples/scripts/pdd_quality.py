# SPDX-License-Identifier: Apache-2.0
"""Fetch the quality figures of the shop.

usage: pdd_quality.py [STATE_DIR]

With STATE_DIR the source is out of order for the first two calls: the folder keeps the count, and the call that
succeeds starts it anew.
"""
import sys
import time
from pathlib import Path

OUTAGE_CALLS = 2

FIGURES = {"商品评分": "4.82", "退货率": "1.7 %", "投诉": "3"}


def check_source(state_dir):
    """End the program with a message while the outage lasts."""
    counter = Path(state_dir, "pdd_quality.calls")
    calls = int(counter.read_text()) if counter.exists() else 0
    if calls >= OUTAGE_CALLS:
        counter.unlink()
        return
    counter.write_text(str(calls + 1))
    sys.exit(f"拼多多接口暂时不可用 ({calls + 1}/{OUTAGE_CALLS})")


def main():
    # Python takes its encoding from the locale, which is not always UTF-8.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    sys.stderr.reconfigure(encoding="utf-8")
    if len(sys.argv) > 1:
        check_source(sys.argv[1])
    for name, value in FIGURES.items():
        time.sleep(0.1)
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
