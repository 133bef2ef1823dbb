#!/usr/bin/env python3
"""Picks kernel modules with everything they depend on out of an unpacked Debian kernel package.

    modules.py KERNEL OUT MODULE...

Writes OUT/<module>.ko, uncompressed, and OUT/order: one name a line, every module after those that it needs. Dependencies are
read from the modules themselves, because modules.dep comes into being only when the package is installed. A module that is
neither there nor built into the kernel is an error.
"""

import lzma
import pathlib
import sys


def canonical(name: str) -> str:
    return name.replace("-", "_")


def content(path: pathlib.Path) -> bytes:
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def dependencies(module: bytes) -> list[str]:
    """The names behind `depends=` in the section .modinfo, a sequence of NUL-terminated strings."""
    start = module.find(b"\0depends=")
    if start < 0:
        return []
    value = module[start + 1 : module.index(b"\0", start + 1)].split(b"=", 1)[1]
    return [canonical(name) for name in value.decode().split(",") if name]


def main() -> None:
    kernel, out, *wanted = sys.argv[1:]
    trees = [tree for lib in ("usr/lib", "lib") for tree in pathlib.Path(kernel).glob(f"{lib}/modules/*")]
    if len(trees) != 1:
        sys.exit(f"modules.py: {kernel} holds {len(trees)} kernels, expected one")
    tree = trees[0]
    modules = {canonical(path.name.split(".ko")[0]): path for path in tree.rglob("*.ko*")}
    built_in = {canonical(pathlib.Path(line).stem) for line in (tree / "modules.builtin").read_text().split()}

    destination = pathlib.Path(out)
    destination.mkdir(parents=True, exist_ok=True)
    order: list[str] = []

    def add(name: str) -> None:
        if name in order or name in built_in:
            return
        if name not in modules:
            sys.exit(f"modules.py: {tree.name} has no module {name}")
        data = content(modules[name])
        for needed in dependencies(data):
            add(needed)
        order.append(name)
        (destination / f"{name}.ko").write_bytes(data)

    for name in wanted:
        add(canonical(name))
    (destination / "order").write_text("\n".join(order) + "\n")


if __name__ == "__main__":
    main()
