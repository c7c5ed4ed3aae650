"""Another PostgreSQL takes over: a standby that streams from the primary is promoted, and the pool's host leads to it from then on."""

import os
import shutil
import subprocess
import time
import unittest
from pathlib import Path

from lab import LAB, Database, free_port, wait_until
from node_load import Load
from operator_lab import BINARY, NAMESPACE, condition, message
from pods import ServiceProxy
from serving_test import ServingCase

POSTGRES = Path("/usr/lib/postgresql/15/bin")
WATCHER = {"username": "watcher", "password": "w-1"}


class Standby:
    """A second PostgreSQL that follows the one of the lab."""

    def __init__(self, lab):
        primary = lab.superuser
        lab.psql("alter system set wal_level = 'replica'")
        lab.psql("alter system set max_wal_senders = 4")
        lab.stop_postgres()
        lab.start_postgres()
        self._lab, data = lab, lab.dir / "standby"
        data.mkdir(mode=0o700)
        shutil.chown(data, (lab.dir / "postgres").owner())
        subprocess.run([LAB, "as-database-user", POSTGRES / "pg_basebackup", "-D", data, "-R", "-X", "stream", "-c", "fast", "-h", primary.host,
                        "-p", str(primary.port), "-U", primary.user], env=os.environ | {"PGPASSWORD": primary.password}, check=True)
        self.server = Database(primary.host, free_port(), "postgres", primary.user, primary.password)
        lab.start("standby", [LAB, "as-database-user", POSTGRES / "postgres", "-D", data, "-p", str(self.server.port)])
        wait_until("the standby answers", self.position)

    def ask(self, question, where=None):
        return next(iter(self._lab.psql(f"select {question} as answer", where or self.server)[0].values()))

    def position(self):
        try:
            return self.ask("pg_last_wal_replay_lsn()")
        except Exception:
            return None

    def has_all(self):
        return self.ask("pg_last_wal_replay_lsn()") == self.ask("pg_current_wal_lsn()", self._lab.superuser)

    def promote(self):
        self.ask("pg_promote()")


class PromotionCase(ServingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        login = cls.lab.login("orders")
        cls.lab.psql("create role watcher login password 'w-1' in role pg_monitor")
        cls.lab.apply_secret("watcher", WATCHER)
        cls.standby = Standby(cls.lab)
        # What the Service of a database is: new connections go to whoever is the primary.
        cls.primary = cls.lab.superuser
        proxy = cls.enterClassContext(ServiceProxy(lambda: [(cls.primary.host, cls.primary.port)]))
        pool = cls.lab.pool("orders", [login], pgbouncer={"replicas": 2, "version": "1.26"})
        pool["spec"]["postgres"] |= {"host": proxy.address[0], "port": proxy.address[1], "observerSecretRef": {"name": "watcher"}}
        cls.lab.apply(pool)
        # The observer has read the primary: what it never saw it could not miss.
        cls.lab.wait_for_pool("orders", lambda pool: condition(pool, "Ready") == "True" and "max_connections" in message(pool, "BudgetExceeded"))
        secret = cls.lab.url_secret("orders", "orders")
        host, port = cls.enterClassContext(cls.node.service(NAMESPACE, "orders-pool"))
        cls.pooled = Database(host, port, secret["dbname"], secret["username"], secret["password"])
        cls.lab.psql("create table work (id bigint generated always as identity, note text)", cls.pooled)

    def command(self, *arguments):
        return subprocess.run([BINARY, *arguments, "-n", NAMESPACE], capture_output=True, text=True, timeout=120, check=True,
                              env=os.environ | {"KUBECONFIG": self.lab.env["KUBECONFIG"]})

    def rows(self):
        """That the new primary has."""
        server = self.standby.server
        return int(self.lab.psql("select count(*) from work", Database(server.host, server.port, "orders", server.user, server.password))[0]["count"])

    def take_over(self):
        self.standby.promote()
        type(self).primary = self.standby.server

    def news(self):
        return {event["reason"] for event in self.lab.list("event", NAMESPACE)}


class Planned(PromotionCase):
    def test_behind_a_pause_nobody_sees_an_error_and_nothing_is_lost(self):
        with Load(self.pooled) as load:
            wait_until("clients work", lambda: self.rows() > 150)
            self.command("pause", "orders", "--for", "60")
            wait_until("the standby has everything", self.standby.has_all)
            self.lab.stop_postgres()
            self.take_over()
            before = self.rows()
            self.command("resume", "orders")
            wait_until("clients work on the new one", lambda: self.rows() > before + 50)
        self.assertEqual(load.complaints, [])
        self.assertEqual(load.transactions, self.rows())
        print(f"\n{load.transactions} transactions through a planned failover, none lost", flush=True)
        self.lab.wait_for_pool("orders", lambda pool: condition(pool, "Ready") == "True")


class Unplanned(PromotionCase):
    def test_the_pool_goes_on_by_itself(self):
        with Load(self.pooled):
            wait_until("clients work", lambda: self.rows() > 150)
            self.lab.kill_postgres()
            time.sleep(2)
            self.take_over()
            before = self.rows()
            wait_until("clients work on the new one", lambda: self.rows() > before + 50, timeout=60)
        wait_until("stale connections were replaced", lambda: "Reconnected" in self.news(), timeout=60)
        before = self.rows()
        with Load(self.pooled, once=True) as load:
            pass
        self.assertEqual(load.complaints, [])
        self.assertEqual(load.transactions, self.rows() - before)


if __name__ == "__main__":
    unittest.main()
