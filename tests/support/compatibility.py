"""Run what of PyTorch works with which layer: `python -m tests.support.compatibility [--write]`.

Without `--write` it prints the table, and with it puts the table into docs/layers.md.
"""

import argparse
import time
import warnings

import torch

from tests.support.compat.table import CASES, ROWS, cell, write, written


def main():
    parser = argparse.ArgumentParser(description="The layers against PyTorch's features.")
    parser.add_argument("--write", action="store_true", help="into docs/layers.md")
    parser.add_argument("--times", action="store_true", help="print each row's seconds, too")
    parser.add_argument("rows", nargs="*", help="of the table, to print these alone")
    given = parser.parse_args()
    torch.set_num_threads(1)
    cells = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for row in given.rows or ROWS:
            start = time.perf_counter()
            for name in CASES:
                cells[row, name] = cell(row, name)
            if given.times:
                said = " ".join(cells[row, name][0] for name in CASES)
                print(f"{time.perf_counter() - start:5.1f} s  {row}: {said}", flush=True)
    if given.rows:
        for (row, name), (said, remark) in cells.items():
            print(f"{row}, {name}: {said} {remark}".rstrip())
    elif given.write:
        write(cells)
    else:
        print(written(cells))


if __name__ == "__main__":
    main()
