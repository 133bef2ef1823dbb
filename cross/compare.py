#!/usr/bin/env python3
"""Compares two files of records that `ushydra --json` wrote for the same frames on different processors.

    compare.py REFERENCE OTHER

Texts, labels, decoders and flags must be equal; numbers may differ by 1e-3 of their size, or by 1e-3 where they are below 1: kernels sum
in another order. Counts of pixels and what is measured on an outline may differ by 1 % of their size, since a pixel at the edge flips
with the last bit. Times are not compared, nor what follows from them (`live`). Prints the greatest difference; fails with the first one that is too large.
"""

import json
import sys

TOLERANCE = 1e-3
OUTLINE_TOLERANCE = 1e-2
# What follows from the pixels of a mask.
OUTLINE = ("measurements", "ellipse", "area_px", "fraction", "cine")
SKIPPED = ("timing_us", "live", "backend")

worst = 0.0


def compare(reference, other, place: str, tolerance: float) -> None:
    global worst
    if isinstance(reference, dict) and isinstance(other, dict):
        if reference.keys() != other.keys():
            sys.exit(f"{place}: keys differ: {sorted(reference)} and {sorted(other)}")
        for key, value in reference.items():
            if key not in SKIPPED:
                compare(value, other[key], f"{place}.{key}", OUTLINE_TOLERANCE if key in OUTLINE else tolerance)
    elif isinstance(reference, list) and isinstance(other, list):
        if len(reference) != len(other):
            sys.exit(f"{place}: {len(reference)} and {len(other)} entries")
        for index, pair in enumerate(zip(reference, other)):
            compare(*pair, f"{place}[{index}]", tolerance)
    elif isinstance(reference, bool) or not isinstance(reference, (int, float)) or not isinstance(other, (int, float)):
        if reference != other:
            sys.exit(f"{place}: {reference!r} and {other!r}")
    else:
        difference = abs(reference - other) / max(1.0, abs(reference))
        if difference > tolerance:
            sys.exit(f"{place}: {reference} and {other}")
        if tolerance == TOLERANCE:
            worst = max(worst, difference)


def main() -> None:
    reference, other = ([json.loads(line) for line in open(path, encoding="utf-8")] for path in sys.argv[1:])
    if not reference or len(reference) != len(other):
        sys.exit(f"{len(reference)} and {len(other)} records")
    for number, pair in enumerate(zip(reference, other), start=1):
        compare(*pair, f"record {number}", TOLERANCE)
    print(f"{len(reference)} records agree, the greatest difference is {worst:.1e}")


main()
