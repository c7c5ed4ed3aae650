"""Real clients with nothing but the Secret of a pool, with passwords that break hand-made URLs."""

import unittest

import clients
from operator_lab import NAMESPACE, OperatorLab, condition
from pods import PgbouncerNode

PASSWORDS = {"quotes": """it's "a"\\b""", "url": "p@ss:w/o?r&d=1#x%41+y", "ini": "; # %include [x] = 'y'", "umlaut": "grün Straße"}
CLIENTS = ("psql", "prisma", "node-postgres", "psycopg", "asyncpg", "jdbc")


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(OperatorLab(controllers=True))
        cls.lab.start_operator()
        cls.node = cls.enterClassContext(PgbouncerNode(cls.lab))

    def check(self, tag):
        name = f"c-{tag}"
        login = self.lab.login(f"c_{tag}", password=PASSWORDS[tag])
        self.lab.apply(self.lab.pool(name, [login], pgbouncer={"replicas": 1, "version": "1.24"}))
        self.lab.wait_for_pool(name, lambda pool: condition(pool, "Ready") == "True")
        secret = self.lab.url_secret(name, login["name"])
        service = f"{name}-pool.{NAMESPACE}.svc:6432"
        with self.node.service(NAMESPACE, f"{name}-pool") as (host, port):
            # No DNS here: the Service's name is where the lab's proxy listens. Nothing else of the values changes.
            values = {key: text.replace(service, f"{host}:{port}") for key, text in secret.items()}
            values |= {"uri": values["pgbouncer-uri"], "jdbc-uri": values["pgbouncer-jdbc-uri"]}
            for client in CLIENTS:
                with self.subTest(client=client):
                    if lacking := clients.missing(client):
                        self.skipTest(lacking)
                    answer = clients.run(client, values)
                    self.assertTrue(answer["ok"], answer)
                    self.assertEqual(answer["user"], login["name"] + "_app")
        # The direct URL is for migrations, which need a session of their own.
        self.assertIn(f":{self.lab.superuser.port}/", secret["DATABASE_URL_DIRECT"])
        self.assertTrue(clients.run("psql", {"uri": secret["uri"]})["ok"])

    def test_quotes(self):
        self.check("quotes")

    def test_url_characters(self):
        self.check("url")

    def test_ini_characters(self):
        self.check("ini")

    def test_umlauts(self):
        self.check("umlaut")


if __name__ == "__main__":
    unittest.main()
