#!/usr/bin/env python3
"""Packs a folder into an initramfs: a cpio archive of the format newc, uncompressed, owned by root.

    initramfs.py FOLDER OUT

Uncompressed, because inflating inside an emulated processor takes longer than QEMU needs to copy the file.
"""

import os
import pathlib
import stat
import sys


class Archive:
    """The format: Documentation/driver-api/early-userspace/buffer-format.rst of the Linux kernel."""

    def __init__(self, out) -> None:
        self.out = out
        self.inode = 0

    def add(self, name: str, mode: int, data: bytes = b"") -> None:
        self.inode += 1
        # inode, mode, uid, gid, links, time, size, device and special device (major, minor each), name length, checksum
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        for part in (header, data):
            self.out.write(part)
            self.out.write(b"\0" * (-len(part) % 4))


def main() -> None:
    folder, out = pathlib.Path(sys.argv[1]), sys.argv[2]
    with open(out, "wb") as file:
        archive = Archive(file)
        for path in sorted(folder.rglob("*")):
            name = str(path.relative_to(folder))
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                archive.add(name, stat.S_IFLNK | 0o777, os.readlink(path).encode())
            elif stat.S_ISDIR(mode):
                archive.add(name, stat.S_IFDIR | 0o755)
            else:
                archive.add(name, stat.S_IFREG | (0o755 if mode & stat.S_IXUSR else 0o644), path.read_bytes())
        archive.add("TRAILER!!!", 0)


if __name__ == "__main__":
    main()
