"""The Dockerfiles and the archives of images/build describe the same images, and both keep our rules: not root, small, no surprises."""

import json
import re
import shlex
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGES = {"Dockerfile": "images/config.json", "images/pgbouncer/Dockerfile": "images/pgbouncer/config.json"}


def instructions(dockerfile):
    """(word, rest) for each, continuation lines joined, comments left out."""
    text = "\n".join(line for line in dockerfile.splitlines() if not line.lstrip().startswith("#"))
    return [tuple(line.split(None, 1)) for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def described(dockerfile):
    """The configuration that the last stage ends up with."""
    stage = instructions(dockerfile)
    stage = stage[max(index for index, (word, _) in enumerate(stage) if word == "FROM") + 1:]
    found = {"Labels": {}, "Env": []}
    for word, rest in stage:
        if word == "LABEL":
            found["Labels"] |= dict(pair.split("=", 1) for pair in shlex.split(rest))
        elif word == "ENV":
            found["Env"].append(rest)
        elif word in ("ENTRYPOINT", "CMD"):
            found[word.capitalize()] = json.loads(rest)
        elif word == "USER":
            found["User"] = rest
    return found


class Images(unittest.TestCase):
    def files(self):
        for name, config in IMAGES.items():
            with self.subTest(name):
                yield (ROOT / name).read_text(), json.loads((ROOT / config).read_text())

    def test_both_ways_make_the_same_configuration(self):
        for dockerfile, config in self.files():
            self.assertEqual(described(dockerfile), config)

    def test_nobody_is_root_and_nothing_is_latest(self):
        for dockerfile, config in self.files():
            user, group = config["User"].split(":")
            self.assertNotIn("0", (user, group))
            for word, rest in instructions(dockerfile):
                self.assertNotIn(word, ("HEALTHCHECK", "ADD", "EXPOSE"))
                if word == "FROM" and rest != "scratch":
                    self.assertRegex(rest, r"^debian:[a-z]+-slim AS [a-z]+$")

    def test_what_is_copied_is_in_the_tree(self):
        for dockerfile, _ in self.files():
            for word, rest in instructions(dockerfile):
                if word == "COPY" and not rest.startswith("--from="):
                    for source in rest.split()[:-1]:
                        self.assertTrue((ROOT / source).exists(), source)

    def test_the_operator_is_built_of_the_packages_that_deps_installs(self):
        run = next(rest for word, rest in instructions((ROOT / "Dockerfile").read_text()) if word == "RUN")
        wanted = set(re.search(r"--no-install-recommends(.*?)&&", run)[1].split())
        installed = set(re.search(r"PACKAGES=\((.*?)\n\)", (ROOT / "scripts/deps.sh").read_text(), re.S)[1].split())
        # What others bring along there; a slim image has neither.
        self.assertEqual(wanted - installed, {"binutils", "pkg-config"})


if __name__ == "__main__":
    unittest.main()
