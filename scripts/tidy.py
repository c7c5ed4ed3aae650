"""clang-tidy over the project's own sources, remembering which of them were clean.

usage: tidy.py --cache DIR BUILD_DIR [SOURCE...]

BUILD_DIR has the compile_commands.json. A source is checked again only when what the answer depends on has changed: its text, the
project's headers that it includes, its compile command, .clang-tidy, the tool, the libraries' headers.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import functools
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)

SHIM = ROOT / "cmake" / "clang14"
# gcc's warnings mean nothing to clang-tidy, and warnings are the compiler's business; lock annotations only clang can check.
ARGUMENTS = ["--quiet", "--extra-arg=-Wno-unknown-warning-option", "--extra-arg=-Wno-error", "--extra-arg=-Wthread-safety",
             f"--extra-arg=-isystem{SHIM}", "--checks=clang-diagnostic-thread-safety*"]


@functools.cache
def text_of(path: Path) -> str:
    return path.read_text(errors="replace")


@functools.cache
def includes_of(path: Path) -> tuple[Path, ...]:
    """The project's headers that a file names itself."""
    folders = (path.parent, ROOT / "operator", ROOT / "tests")
    candidates = ([folder / name for folder in folders] for name in INCLUDE.findall(text_of(path)))
    return tuple(next(filter(Path.exists, options)).resolve() for options in candidates if any(map(Path.exists, options)))


def closure_of(path: Path) -> list[Path]:
    found, waiting = set(), [path]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting.extend(includes_of(current))
    return sorted(found)


@functools.cache
def surroundings() -> str:
    """What every answer depends on."""
    tool = subprocess.run(["clang-tidy", "--version"], capture_output=True, text=True, check=True).stdout
    packages = subprocess.run(["dpkg-query", "-W", "lib*-dev", "nlohmann-json3-dev"], capture_output=True, text=True).stdout
    return "\n".join([tool, packages, text_of(ROOT / ".clang-tidy"), text_of(SHIM / "source_location"), *ARGUMENTS]).replace(str(ROOT), "")


def key_of(source: Path, command: str) -> str:
    digest = hashlib.sha256(surroundings().encode())
    digest.update(command.replace(str(ROOT), "").encode())
    for path in closure_of(source):
        digest.update(f"\n{path.relative_to(ROOT)}\n{text_of(path)}".encode())
    return digest.hexdigest()


def wanted(build: Path, only: list[Path]) -> dict[Path, str]:
    """Our sources and their compile commands; generated sources are not ours."""
    commands = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = Path(entry["directory"], entry["file"]).resolve()
        ours = source.is_relative_to(ROOT) and not source.is_relative_to(ROOT / "build")
        if ours and source.exists() and (not only or source in only):
            commands[source] = entry["command"]
    return commands


def check(build: Path, source: Path) -> str:
    """What clang-tidy has to say; empty when the source is clean."""
    ran = subprocess.run(["nice", "clang-tidy", "-p", str(build), *ARGUMENTS, str(source)], capture_output=True, text=True)
    if ran.returncode == 0:
        return ""
    return ran.stdout.strip() or ran.stderr.strip() or f"{source}: clang-tidy ended with exit code {ran.returncode}"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("build", type=Path)
    parser.add_argument("sources", type=lambda name: Path(name).resolve(), nargs="*")
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)

    keys = {source: options.cache / key_of(source, command) for source, command in wanted(options.build, options.sources).items()}
    stale = sorted(source for source, key in keys.items() if not key.exists())
    print(f"clang-tidy: {len(keys)} sources, {len(keys) - len(stale)} known to be clean, checking {len(stale)} ...", flush=True)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        answers = {pool.submit(check, options.build, source): source for source in stale}
        for answer in concurrent.futures.as_completed(answers):
            source, complaint = answers[answer], answer.result()
            if complaint:
                failed += 1
                print(complaint, flush=True)
            else:
                keys[source].touch()
    print(f"clang-tidy: {failed} of {len(keys)} sources with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
