"""That the client programs work, so that a failure in an end-to-end test is the operator's."""

import sys
import unittest
from pathlib import Path
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lab"))

import clients
from lab import Lab

PASSWORD = "p!\"#$%&'*+,/:;<=>?@[\\]^`{|}~ -._%41é"


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Lab(kube=False))
        cls.shop = cls.lab.create_database("shop", "shop_app", PASSWORD)
        version = next((v for v in ("1.18", "1.24", "1.26") if cls.lab.has_pgbouncer(v)), None)
        if version is None:
            raise unittest.SkipTest("no PgBouncer")
        server = f"host={cls.shop.host} port={cls.shop.port} pool_size=4"
        settings = {"pool_mode": "transaction", "max_client_conn": 200, "ignore_startup_parameters": "extra_float_digits"}
        bouncer = cls.lab.pgbouncer(version, {"databases": {"shop": server}, "pgbouncer": settings}, users={"shop_app": PASSWORD})
        cls.secret = cls.secret_of(cls.shop.on(bouncer.host, bouncer.port), PASSWORD)

    @staticmethod
    def secret_of(database, password):
        """What the operator would put into the Secret."""
        secret, address = quote(password, safe="-._~"), f"{database.host}:{database.port}"
        uri = f"postgresql://{database.user}:{secret}@{address}/{database.name}"
        return {"DATABASE_URL": f"{uri}?pgbouncer=true&connection_limit=5&pool_timeout=20", "DATABASE_POOL_MAX": "5",
                "uri": uri, "jdbc-uri": f"jdbc:postgresql://{address}/{database.name}?user={database.user}&password={secret}"
                                        "&prepareThreshold=0"}

    def check(self, client):
        if reason := clients.missing(client):
            self.skipTest(reason)
        outcome = clients.run(client, self.secret)
        self.assertTrue(outcome["ok"], outcome)
        self.assertEqual((outcome["user"], outcome["database"]), ("shop_app", "shop"))
        wrong = clients.run(client, self.secret_of_wrong_password())
        self.assertFalse(wrong["ok"], wrong)

    def secret_of_wrong_password(self):
        right, wrong = quote(PASSWORD, safe="-._~"), "wrong"
        return {name: value.replace(right, wrong) for name, value in self.secret.items()}

    def test_prisma(self):
        self.check("prisma")

    def test_node_postgres(self):
        self.check("node-postgres")

    def test_psql(self):
        self.check("psql")

    def test_psycopg(self):
        self.check("psycopg")

    def test_asyncpg(self):
        self.check("asyncpg")

    def test_jdbc(self):
        self.check("jdbc")

    def test_prisma_under_load_shares_the_servers(self):
        if reason := clients.missing("prisma-load"):
            self.skipTest(reason)
        outcome = clients.load(self.secret, clients=20, seconds=2)
        self.assertEqual((outcome["ok"], outcome["failed"], outcome["pool"]), (True, 0, 5), outcome)
        self.assertLessEqual(outcome["servers"], 4)
        self.assertGreaterEqual(outcome["transactions"], 20)

    def test_prisma_load_counts_errors(self):
        if reason := clients.missing("prisma-load"):
            self.skipTest(reason)
        broken = self.secret | {"DATABASE_URL_DIRECT": self.secret["uri"], "DATABASE_URL": self.secret_of_wrong_password()["DATABASE_URL"]}
        outcome = clients.load(broken, clients=1, pool=1, seconds=1, pause_ms=50)
        self.assertFalse(outcome["ok"])
        self.assertGreater(outcome["failed"], 0)


if __name__ == "__main__":
    unittest.main()
