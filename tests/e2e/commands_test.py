"""Commands that need files only: `simulate` and `import`, as a person runs them."""

import csv
import os
import stat
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml

from operator_lab import BINARY, ROOT

LOG = ROOT / "tests/data/observations/two_pools.jsonl"
SMALL_SHOP = "tests/data/import/small_shop.ini"


def run(*arguments, code=0, **options):
    done = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, cwd=ROOT, timeout=300, **options)
    if done.returncode != code:
        raise AssertionError(f"{arguments}: exit {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}")
    return done


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))


class Simulate(Folder):
    def test_a_scenario_gives_a_table_a_csv_and_a_picture(self):
        done = run("simulate", "--scenario", "small_db", "--policy", "static25", "--policy", "ours", "--seed", 1,
                   "--csv", self.folder / "figures.csv", "--plots", self.folder / "plots", "--trace", self.folder / "trace.csv")
        self.assertEqual([line.split()[:2] for line in done.stdout.splitlines()[1:]], [["small_db", "static25"], ["small_db", "ours"]])
        with open(self.folder / "figures.csv", newline="") as file:
            self.assertEqual([row["policy"] for row in csv.DictReader(file)], ["static25", "ours"])
        self.assertIn("<svg", (self.folder / "plots/small_db.svg").read_text())
        with open(self.folder / "trace.csv", newline="") as file:
            self.assertGreater(sum(1 for _ in csv.DictReader(file)), 1000)

    def test_what_is_not_known_is_answered_with_what_is(self):
        self.assertIn("burst10", run("simulate", "--scenario", "nowhere", code=1).stderr)
        self.assertIn("static25", run("simulate", "--scenario", "steady", "--policy", "luck", code=1).stderr)
        self.assertIn("excludes", run("simulate", "--replay", LOG, "--scenario", "steady", code=2).stderr)
        listed = run("simulate", "--list").stdout
        self.assertIn("two_pools", listed)
        self.assertIn("oracle", listed)

    def test_a_log_is_replayed(self):
        done = run("simulate", "--replay", LOG, "--csv", self.folder / "decisions.csv")
        self.assertIn("per pod", done.stdout)
        with open(self.folder / "decisions.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual({row["pool"] for row in rows}, {"a", "b"})

    def test_a_log_that_was_cut_off_or_broken_says_where(self):
        whole = LOG.read_text()
        cut = run("simulate", "--replay", "-", input=whole[:-100])
        self.assertIn("cut off", cut.stderr)
        lines = whole.splitlines()
        lines[2] = lines[2].replace('"budget":', '"budget":"x', 1)
        broken = self.folder / "broken.jsonl"
        broken.write_text("\n".join(lines) + "\n")
        self.assertIn(f"{broken}:3: ", run("simulate", "--replay", broken, code=1).stderr)
        self.assertIn("no observation", run("simulate", "--replay", "/dev/null", code=1).stderr)


class Import(Folder):
    def test_what_comes_out_is_valid_and_holds_no_password(self):
        done = run("import", SMALL_SHOP, "tests/data/import/small_shop.userlist.txt", "-n", "shop")
        self.assertNotIn("hunter2", done.stdout + done.stderr)
        pool, secret = yaml.safe_load_all(done.stdout)
        self.assertEqual((pool["kind"], pool["metadata"]), ("ConnectionPool", {"name": "db1", "namespace": "shop"}))
        self.assertEqual(pool["spec"]["databases"][0]["credentialsSecretRef"]["name"], secret["metadata"]["name"])
        self.assertEqual(secret["stringData"], {"username": "shop_app", "password": "REPLACE_ME"})
        self.assertIn("rendered back", done.stderr)
        run("validate", "-f", "-", input=done.stdout)

    def test_passwords_go_to_a_private_file_that_is_new(self):
        secrets = self.folder / "secrets.yaml"
        command = ["import", SMALL_SHOP, "tests/data/import/small_shop.userlist.txt", "--secrets-file", secrets, "-o",
                   self.folder / "pools.yaml"]
        done = run(*command)
        self.assertNotIn("hunter2", done.stdout + done.stderr + (self.folder / "pools.yaml").read_text())
        self.assertEqual(stat.S_IMODE(os.stat(secrets).st_mode), 0o600)
        self.assertEqual(yaml.safe_load(secrets.read_text())["stringData"]["password"], "hunter2-shop")
        self.assertIn("exists", run(*command, code=1).stderr)
        rendered = run("render", "-f", self.folder / "pools.yaml", "-f", secrets).stdout
        self.assertIn("shop = host='db1.internal' port=5432 dbname=shop user=shop_app pool_size=10", rendered)

    def test_mistakes_are_told_with_their_place(self):
        bad = self.folder / "bad.ini"
        bad.write_text('[databases]\n"my db" = host=x\n')
        self.assertIn(f"{bad}:2: ", run("import", bad, code=1).stderr)
        self.assertIn("no database could be carried", run("import", "tests/data/import/star.ini", code=1).stderr)
        self.assertIn("DATABASE=USER", run("import", SMALL_SHOP, "--user", "x", code=1).stderr)
        self.assertIn("cannot be opened", run("import", self.folder / "gone.ini", code=1).stderr)


if __name__ == "__main__":
    unittest.main()
