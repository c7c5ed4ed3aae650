"""The rules of docs/CONTRIBUTING.md that a program can check: who may include whom, which words may stand where, sizes.

Run: python3 -m unittest discover -s tests/lint -p '*_test.py'
"""

import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
OPERATOR = ROOT / "operator"

# What a room may include besides itself. Arrows point one way; reconcile, cli and main wire, nobody includes them.
ALLOWED = {
    "base": set(),
    "api": {"base"},
    "render": {"api", "base"},
    "sizing": {"api", "base"},
    "health": {"api", "base"},
    "simulate": {"sizing", "api", "base"},
    "inspect": {"base"},
    "importer": {"render", "api", "base"},
    "kube": {"api", "base"},
    "pgbouncer": {"postgres", "api", "base"},
    "postgres": {"api", "base"},
    "redis": {"api", "base"},
    "serve": {"health", "api", "base"},
    "local": {"render", "api", "base"},
    "reconcile": {"api", "base", "render", "sizing", "health", "pgbouncer", "postgres", "redis"},
}

# A heavy library is seen by one room only, and there by sources, not by headers.
FENCED_LIBRARIES = {
    r"cpprest/": {"kube"},
    r"libpq-fe\.h": {"pgbouncer", "postgres"},
    r"hiredis": {"redis"},
    r"spdlog/": {"base"},
    r"yaml-cpp/": {"api", "kube", "cli"},
    r"boost/beast": {"serve"},
    r"CLI/": {"cli"},
}

# Time, randomness, environment and waiting are parameters everywhere but at the edges.
FORBIDDEN_WORDS = {
    r"steady_clock::now|system_clock::now": {"base"},
    r"\brand\(|std::random_device": set(),
    r"\bgetenv\(": {"cli"},
    r"sleep_for|sleep_until|\busleep\(": set(),
    r"\.detach\(\)": set(),
    r"std::recursive_mutex": set(),
    r"\bTODO\b|\bFIXME\b|\bXXX\b": set(),
    r"http_listener": set(),
}

HEADER_LINES, SOURCE_LINES = 300, 600

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)


def code_files(folder):
    return sorted(path for path in folder.rglob("*") if path.suffix in {".h", ".cpp"})


def room_of(path):
    relative = path.relative_to(OPERATOR)
    return relative.parts[0] if len(relative.parts) > 1 else "main"


def strip_comments(text):
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)


def layer_errors(path, text):
    """Includes of `path` that its room is not allowed."""
    room = room_of(path)
    if room not in ALLOWED:  # run, cli and main wire everything
        return []
    rooms = {name.split("/")[0] for name in INCLUDE.findall(text) if "/" in name}
    known = {entry.name for entry in OPERATOR.iterdir() if entry.is_dir()}
    return sorted(rooms & known - ALLOWED[room] - {room})


def fence_errors(path, text):
    """Fenced libraries that `path` includes though it may not."""
    found = []
    for name in INCLUDE.findall(text):
        for pattern, rooms in FENCED_LIBRARIES.items():
            if re.match(pattern, name) and (room_of(path) not in rooms or path.suffix == ".h"):
                found.append(name)
    return found


def word_errors(path, text):
    room = room_of(path)
    return [pattern for pattern, rooms in FORBIDDEN_WORDS.items() if room not in rooms and re.search(pattern, text)]


def first_include_errors(path, text):
    """A source that does not begin with its own header would not show that this compiles alone."""
    own = path.with_suffix(".h")
    if path.suffix != ".cpp" or not own.exists():
        return []
    first = next(iter(INCLUDE.findall(text)), "")
    return [] if first == str(own.relative_to(OPERATOR)) else [f"includes {first} first"]


class CodeRules(unittest.TestCase):
    def check_all(self, find, *, comments=False):
        problems = {}
        for path in code_files(OPERATOR):
            text = path.read_text(encoding="utf-8")
            found = find(path, text if comments else strip_comments(text))
            if found:
                problems[str(path.relative_to(ROOT))] = found
        self.assertEqual(problems, {})

    def test_rooms_include_only_what_they_may(self):
        self.check_all(layer_errors)

    def test_sources_include_their_header_first(self):
        self.check_all(first_include_errors)

    def test_every_room_is_known(self):
        rooms = {entry.name for entry in OPERATOR.iterdir() if entry.is_dir() and any(entry.iterdir())}
        self.assertEqual(rooms - set(ALLOWED) - {"cli", "run"}, set(), "add the room to ALLOWED and to docs/ARCHITECTURE.md")

    def test_heavy_libraries_stay_behind_their_fence(self):
        self.check_all(fence_errors)

    def test_time_randomness_and_environment_are_parameters(self):
        self.check_all(word_errors, comments=True)

    def test_files_stay_readable_in_one_sitting(self):
        def too_long(path, text):
            limit = HEADER_LINES if path.suffix == ".h" else SOURCE_LINES
            lines = text.count("\n")
            return [f"{lines} lines, at most {limit}"] if lines > limit else []

        self.check_all(too_long, comments=True)

    def test_headers_are_guarded_and_say_what_they_are_for(self):
        def lacking(path, text):
            if path.suffix != ".h":
                return []
            missing = [] if "#pragma once" in text else ["#pragma once"]
            return missing + ([] if text.startswith("//") else ["a comment on top"])

        self.check_all(lacking, comments=True)


class Stages(unittest.TestCase):
    def test_every_file_of_tests_is_run_by_a_stage(self):
        script = (ROOT / "scripts/test.sh").read_text()
        patterns = re.findall(r"tests/[\w/{},*]+_test\.py", script)
        named = set(subprocess.run(["bash", "-c", "shopt -s nullglob; printf '%s\\n' " + " ".join(patterns)], cwd=ROOT, check=True,
                                   capture_output=True, text=True).stdout.split())
        by_ctest = {"tests/integration", "tests/unit"}
        files = {str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("*_test.py")}
        self.assertEqual({file for file in files - named if "/".join(file.split("/")[:2]) not in by_ctest}, set())


class TheRulesCanFail(unittest.TestCase):
    """Each finder sees the mistake that it is there for."""

    def test_layers(self):
        self.assertEqual(layer_errors(OPERATOR / "render" / "x.cpp", '#include "kube/client.h"\n'), ["kube"])
        self.assertEqual(layer_errors(OPERATOR / "kube" / "x.cpp", '#include "reconcile/plan.h"\n'), ["reconcile"])
        self.assertEqual(layer_errors(OPERATOR / "render" / "x.cpp", '#include "api/object.h"\n'), [])

    def test_fences(self):
        self.assertTrue(fence_errors(OPERATOR / "serve" / "x.cpp", "#include <cpprest/http_client.h>\n"))
        self.assertTrue(fence_errors(OPERATOR / "kube" / "x.h", "#include <cpprest/http_client.h>\n"))
        self.assertFalse(fence_errors(OPERATOR / "kube" / "x.cpp", "#include <cpprest/http_client.h>\n"))

    def test_first_include(self):
        path = OPERATOR / "render" / "ini.cpp"
        self.assertTrue(first_include_errors(path, '#include <string>\n#include "render/ini.h"\n'))
        self.assertFalse(first_include_errors(path, '#include "render/ini.h"\n#include <string>\n'))
        self.assertFalse(first_include_errors(OPERATOR / "main.cpp", "#include <string>\n"))

    def test_words(self):
        self.assertTrue(word_errors(OPERATOR / "sizing" / "x.cpp", "auto t = std::chrono::steady_clock::now();"))
        self.assertTrue(word_errors(OPERATOR / "kube" / "x.cpp", "std::this_thread::sleep_for(1s);"))
        self.assertFalse(word_errors(OPERATOR / "base" / "clock.cpp", "return std::chrono::steady_clock::now();"))


if __name__ == "__main__":
    unittest.main()
