#!/usr/bin/env python3
"""What a disk with a volatile cache holds after a power cut.

    forget.py LOG                     prints how many writes and flushes there were so far
    forget.py DISK LOG SEED FROM      cuts the power at a random one of them, the first FROM excepted

DISK is the image as it was when the guest was switched on, LOG what QEMU's driver `blklogwrites` saw of the guest since. DISK is
changed into a state that the cut may leave: everything up to the last flush before it, and of what was written between that flush and
the cut any part, in any order, each write whole, torn between two sectors, or lost. SEED chooses. Writes are spread unevenly over time, which is
why the cut falls on one of them and not on a moment. Prints where it fell, how many writes came after the last flush, and how many of these were kept.

The format of the log is that of the kernel's dm-log-writes: a super block, then entries, each a header in a sector of its own and
the data behind it. Exit code 3, and no change, where the kill left a hole in the log itself before entries that were confirmed.
"""

import random
import struct
import sys

MAGIC = 0x6A736677736872
SUPER = struct.Struct("<QQQI")
ENTRY = struct.Struct("<QQQQ")
FLUSH, FUA, DISCARD = 1, 2, 4


def entries(log):
    """The size of a sector, and (first sector, number of sectors, flags, place of the data in the log) of every entry until the cut."""
    magic, version, confirmed, sector = SUPER.unpack(log.read(SUPER.size))
    if magic != MAGIC or version != 1:
        sys.exit("forget.py: this is no log of writes")
    found = []
    log.seek(0, 2)
    end, at = log.tell(), sector
    while at + sector <= end:
        log.seek(at)
        first, count, flags, _ = ENTRY.unpack(log.read(ENTRY.size))
        if count == 0 and flags == 0:
            break
        data = 0 if flags & DISCARD else count * sector
        if at + sector + data > end:
            break
        found.append((first, count, flags, at + sector))
        at += sector + data
    if len(found) < confirmed:
        sys.exit(3)
    return sector, found


def main() -> None:
    if len(sys.argv) == 2:
        with open(sys.argv[1], "rb") as log:
            print(len(entries(log)[1]))
        return
    path, log_path, seed, first_cut = sys.argv[1:]
    draw = random.Random(int(seed))
    with open(path, "r+b") as disk, open(log_path, "rb") as log:
        sector, writes = entries(log)
        total = len(writes)
        end = draw.randint(min(int(first_cut), total), total)
        writes = writes[:end]
        flushed = max((index for index, (_, _, flags, _) in enumerate(writes) if flags & FLUSH), default=-1)
        # A flush makes safe what was written before it; a write that carries one is itself not covered by it.
        late = [write for index, write in enumerate(writes) if index >= flushed and write[1] and not write[2] & FUA]
        safe = [write for index, write in enumerate(writes) if index < flushed or write[2] & FUA]

        def put(first: int, count: int, place: int) -> None:
            log.seek(place)
            data = log.read(count * sector)
            disk.seek(first * sector)
            disk.write(data)

        for first, count, flags, place in safe:
            if count and not flags & DISCARD:
                put(first, count, place)
        # From "nearly all was lost" to "nearly all was kept", another share in each cut.
        share, kept = draw.random(), 0
        draw.shuffle(late)
        for first, count, flags, place in late:
            if flags & DISCARD or draw.random() > share:
                continue
            kept += 1
            put(first, count if draw.random() < 0.5 else draw.randint(1, count), place)
    print(f"cut at {end} of {total}, {len(late)} writes after the last flush, {kept} of them kept")


main()
