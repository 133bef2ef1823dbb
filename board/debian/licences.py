#!/usr/bin/env python3
"""Licences of every crate that is linked into `ushydra`: names, versions, licence expressions, and the texts they come with.

    licences.py TARGET [FEATURES] > dependencies.txt

Read from `cargo metadata` and the sources that cargo has unpacked; nothing is fetched. Equal texts are printed once. Fails where a
crate has neither a licence expression nor a text.
"""
import json
import pathlib
import re
import subprocess
import sys

TEXT = re.compile(r"(licen[cs]e|copying|notice|unlicense|copyright)", re.IGNORECASE)
ROOT = "ushydra"


def metadata(target: str, features: str) -> dict:
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target]
    if features:
        command += ["--features", ",".join(f"{ROOT}/{feature}" for feature in features.split(","))]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def linked(graph: dict) -> list[dict]:
    """The packages behind normal dependencies of the program; what only builds or tests it is not distributed."""
    packages = {package["id"]: package for package in graph["packages"]}
    nodes = {node["id"]: node for node in graph["resolve"]["nodes"]}
    todo = [key for key, package in packages.items() if package["name"] == ROOT]
    seen = set(todo)
    while todo:
        for dependency in nodes[todo.pop()]["deps"]:
            normal = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            macro = any("proc-macro" in target["kind"] for target in packages[dependency["pkg"]]["targets"])
            if normal and not macro and dependency["pkg"] not in seen:
                seen.add(dependency["pkg"])
                todo.append(dependency["pkg"])
    foreign = (packages[key] for key in seen if packages[key]["source"])
    return sorted(foreign, key=lambda package: (package["name"], package["version"]))


def texts(package: dict) -> list[str]:
    folder = pathlib.Path(package["manifest_path"]).parent
    files = sorted(file for file in folder.iterdir() if TEXT.search(file.name) and file.is_file())
    found = [file.read_text(encoding="utf-8", errors="replace").strip() for file in files if file.suffix not in (".rs", ".toml")]
    return [re.sub(r"[ \t]+$", "", text.replace("\r\n", "\n"), flags=re.MULTILINE) for text in found]


def main() -> None:
    target, features = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    numbers: dict[str, int] = {}
    lines = ["Crates linked into the program `ushydra`, their licences, and the numbers of the texts below that they come with.", ""]
    for package in linked(metadata(target, features)):
        own = [numbers.setdefault(text, len(numbers) + 1) for text in texts(package)]
        if not own and not package["license"]:
            sys.exit(f"licences.py: {package['name']} {package['version']} states no licence")
        shown = ", ".join(map(str, own)) or "none"
        lines.append(f"{package['name']} {package['version']}: {package['license'] or 'see text'} [{shown}]")
    for text, number in numbers.items():
        lines += ["", f"==== {number} " + "=" * 60, "", text]
    print("\n".join(lines))


main()
