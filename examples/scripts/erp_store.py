# SPDX-License-Identifier: Apache-2.0
"""Fetch yesterday's sales of each store from the ERP system.

usage: erp_store.py [STATE_DIR]          STATE_DIR is not used: this source is always there
"""
import sys
import time

SALES = [("上海店", 128, 25600), ("杭州店", 96, 17280), ("成都店", 73, 12410)]


def main():
    # Python takes its encoding from the locale, which is not always UTF-8.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    for store, orders, amount in SALES:
        time.sleep(0.1)
        print(f"{store}: {orders} 单, {amount} 元")


if __name__ == "__main__":
    main()
