"""The table of values in the README of a chart, from the comments of its values.yaml.

usage: values_table.py CHART_FOLDER     prints the table
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, Iterator

import yaml

# Values that are shown as a whole: their members are Kubernetes' own.
WHOLE = {"resources", "podSecurityContext", "securityContext", "labels"}


def comments(text: str) -> dict[tuple[str, ...], str]:
    """The comment above or beside each value, by its path."""
    found: dict[tuple[str, ...], str] = {}
    path: list[tuple[int, str]] = []
    above: list[str] = []
    for line in text.splitlines():
        if not line.strip():
            above = []
            continue
        comment = re.match(r"\s*# ?(.*)$", line)
        if comment:
            above.append(comment[1].strip())
            continue
        entry = re.match(r"( *)([A-Za-z_][\w]*):(?:.*?\s# (.*))?", line)
        if entry:
            indent = len(entry[1])
            path = [step for step in path if step[0] < indent] + [(indent, entry[2])]
            beside = [entry[3]] if entry[3] else []
            found[tuple(name for _, name in path)] = " ".join(above + beside)
        above = []
    return found


def leaves(values: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(values, dict) and values and (not path or path[-1] not in WHOLE):
        for name, value in values.items():
            yield from leaves(value, (*path, name))
    else:
        yield path, values


def table(chart: Path) -> str:
    text = (chart / "values.yaml").read_text()
    said = comments(text)
    lines = ["| value | default | meaning |", "|---|---|---|"]
    for path, default in leaves(yaml.safe_load(text)):
        # What is said of a group of values stands at its first one.
        meaning = " ".join(said.get(path[:depth], "") for depth in range(1, len(path) + 1)
                           if depth == len(path) or next(iter(group(text, path[:depth]))) == path[depth]).strip()
        shown = json.dumps(default).replace("|", "\\|")
        lines.append(f"| `{'.'.join(path)}` | `{shown}` | {meaning.replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"


def group(text: str, path: tuple[str, ...]) -> dict[str, Any]:
    values = yaml.safe_load(text)
    for name in path:
        values = values[name]
    return values


if __name__ == "__main__":
    print(table(Path(sys.argv[1])), end="")
