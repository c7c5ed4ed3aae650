"""What the demo prints: short, at most 100 columns wide, with colours on a terminal only."""

from __future__ import annotations

import os
import re
import sys
import textwrap

WIDTH = 100
_HAS_COLOURS = sys.stdout.isatty() and "NO_COLOR" not in os.environ
_BOLD, _DIM, _GREEN, _PLAIN = ("\033[1m", "\033[2m", "\033[32m", "\033[0m") if _HAS_COLOURS else ("", "", "", "")
_headings = 0
_is_after_blank = False


def heading(text: str) -> None:
    global _headings
    _headings += 1
    _blank()
    _print(f"{_BOLD}{_headings}. {text}{_PLAIN}")
    _blank()


def say(text: str) -> None:
    """A paragraph, wrapped."""
    for line in textwrap.wrap(" ".join(text.split()), WIDTH - 3):
        _print(f"   {line}")


def done(text: str) -> None:
    """Something was shown to be so."""
    first, *more = textwrap.wrap(" ".join(text.split()), WIDTH - 6)
    _print(f"   {_GREEN}ok{_PLAIN} {first}")
    for line in more:
        _print(f"      {line}")


def command(text: str) -> None:
    _blank()
    lines = textwrap.wrap(text, WIDTH - 9, break_long_words=False, break_on_hyphens=False)
    _print(f"   {_BOLD}$ " + " \\\n       ".join(lines) + _PLAIN)


def output(text: str) -> None:
    """What a program printed, or a file's text; long lines are continued with an indent."""
    for line in text.rstrip().splitlines():
        indent = re.match(r" *", line)[0] + "    "
        for part in textwrap.wrap(line, WIDTH - 5, subsequent_indent=indent, break_on_hyphens=False) or [""]:
            _print(f"     {_DIM}{part}{_PLAIN}" if part else "")
    _blank()


def table(head: list[str], rows: list[list[str]]) -> None:
    """The first column is left-aligned, numbers are right-aligned."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    _blank()
    for number, row in enumerate([head, *rows]):
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        _print(f"   {_BOLD if number == 0 else ''}{'   '.join(cells).rstrip()}{_PLAIN if number == 0 else ''}")
    _blank()


def _blank() -> None:
    if not _is_after_blank:
        _print("")


def _print(text: str) -> None:
    global _is_after_blank
    _is_after_blank = not text
    print(text, flush=True)
