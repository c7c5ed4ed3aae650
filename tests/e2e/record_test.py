"""What a run records, replayed: the same sizes from the same observations, on a real PgBouncer."""

import csv
import io
import json
import stat
import subprocess
import tempfile
import unittest

from lab import PGBENCH, LabError
from local_lab import BINARY, LocalLab

# Holds a server for 50 ms and then thinks for 50 ms: 30 clients keep about 15 servers busy.
SCRIPT = "begin;\nselect pg_sleep(0.05);\ncommit;\n\\sleep 50 ms\n"
SMALL = {"min": 2, "max": 20, "initial": 2}


class Recording(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(LocalLab(versions=("1.24",)))
        cls.folder = cls.lab.dir / "record"

    def serves(self):
        try:
            return self.lab.psql("select 1", self.lab.pooled("burst"))
        except LabError:
            return None

    def burst(self, seconds):
        where = self.lab.pooled("burst")
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            script.write(SCRIPT)
            script.flush()
            subprocess.run([PGBENCH, "-n", "-c", "30", "-T", str(seconds), "-f", script.name, "-h", where.host, "-p", str(where.port),
                            "-U", where.user, where.name], env={"PGPASSWORD": where.password, "PATH": "/usr/bin:/bin"},
                           stdout=subprocess.DEVNULL, check=True)

    def live(self, name):
        """One run with a burst: what the operator logged of it."""
        local = self.lab.start_local("--record", str(self.folder), "--record-files", "3", name=name)
        self.lab.wait_until_ready("burst")
        self.lab.wait_for("it serves", self.serves)  # the status may be that of an earlier run
        self.burst(10)
        self.lab.wait_for("the pool has grown", lambda: self.lab.status("burst")["databases"][0]["size"] >= 10)
        local.stop()
        return local.log

    @staticmethod
    def resizes(log):
        events = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
        return [(event["from"], event["to"], event["reason"]) for event in events if event["msg"] == "pool_resized"]

    def replayed(self, *files):
        done = subprocess.run([BINARY, "simulate", "--replay", *map(str, files), "--csv", "-"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = list(csv.DictReader(io.StringIO(done.stdout)))
        return [(int(row["size"]), int(row["decided"]), row["reason"]) for row in rows if row["size"] != row["decided"]]

    def test_a_replay_comes_to_the_sizes_that_the_operator_took(self):
        self.lab.write_pool("burst", [self.lab.login("burst") | {"poolSize": SMALL, "reservePoolSize": 0}])
        taken = self.resizes(self.live("first"))
        self.assertGreater(len(taken), 2, taken)
        self.assertEqual(self.replayed(self.folder), taken)
        # Another process in the same folder knows nothing of what the first one remembered.
        taken += self.resizes(self.live("second"))
        files = sorted(self.folder.iterdir())
        self.assertEqual(len(files), 2)
        self.assertEqual(self.replayed(self.folder), taken)
        self.assertEqual(self.replayed(*files), taken)
        self.assertEqual({stat.S_IMODE(file.stat().st_mode) for file in files}, {0o600})
        self.assertNotIn(self.lab.pooled("burst").password, "".join(file.read_text() for file in files))

    def test_a_folder_that_cannot_be_written_is_told_once_and_sizes_go_on(self):
        blocked = self.lab.dir / "blocked"
        blocked.write_text("not a folder")
        self.lab.begin_anew()
        self.lab.write_pool("calm", [self.lab.login("calm") | {"poolSize": SMALL, "reservePoolSize": 0}])
        local = self.lab.start_local("--record", str(blocked))
        self.lab.wait_until_ready("calm")
        self.lab.wait_for("it is told", lambda: "observations_not_recorded" in local.log)
        blocked.unlink()
        self.lab.wait_for("it is recorded", lambda: "observations_recorded_again" in local.log)
        self.assertEqual(local.log.count("observations_not_recorded"), 1)
        self.assertTrue(any(file.stat().st_size > 0 for file in blocked.iterdir()))
        local.stop()


if __name__ == "__main__":
    unittest.main()
