"""The web server from outside: who may read, what the API's description promises, and what an attacker can do.

usage: http_test.py SERVE_FIXTURE
"""

import contextlib
import json
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import warnings

import yaml
from fixture import API, TOKEN, Fixture
from json_schema import errors

ROOT = pathlib.Path(__file__).resolve().parents[3]
OPENAPI = yaml.safe_load((ROOT / "docs/api/openapi.yaml").read_text(encoding="utf-8"))
PROGRAM = None
# Headroom of a build with sanitizers; an attack that is let in costs hundreds of megabytes.
GROWTH_KIB_MAX = 64 * 1024


def talk(port, text, seconds=8.0):
    """Sends bytes over a plain connection and returns what comes until the server closes it, or the time is over."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        with contextlib.suppress(ConnectionError, BrokenPipeError):
            connection.sendall(text)
        answer = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while part := connection.recv(65536):
                answer += part
        return answer


def request(path, *headers, method="GET"):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


def statuses(answer):
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


class Description(unittest.TestCase):
    """Every answer is what docs/api/openapi.yaml says."""

    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.server = cls.stack.enter_context(Fixture(PROGRAM, pools=40))

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def check(self, path, query=""):
        described = OPENAPI["paths"][path]["get"]["responses"]
        status, headers, body = self.server.get(path + query)
        self.assertIn(str(status), described, body)
        entry = described[str(status)]
        if "$ref" in entry:
            entry = OPENAPI["components"]["responses"][entry["$ref"].rsplit("/", 1)[1]]
        kind = headers["Content-Type"].split(";")[0]
        self.assertIn(kind, entry["content"])
        if kind == "application/json":
            self.assertEqual(errors(json.loads(body), entry["content"][kind]["schema"], OPENAPI), [])
        return status, body

    def test_every_path_answers_as_described(self):
        for path in OPENAPI["paths"]:
            with self.subTest(path):
                query = "?namespace=shop&pool=orders" if path.endswith("/history") else ""
                status, body = self.check(path, query)
                self.assertEqual(status, 200)
                self.assertTrue(body)

    def test_filters_filter(self):
        def pools(query):
            return [(pool["namespace"], pool["name"]) for pool in self.server.get_json(API + "pool" + query)[1]["pools"]]

        everything = pools("")
        self.assertEqual(len(everything), 40)
        self.assertEqual(pools("?namespace=shop"), [pool for pool in everything if pool[0] == "shop"])
        self.assertEqual(pools("?namespace=shop&pool=orders"), [("shop", "orders")])
        self.assertEqual(pools("?namespace=nowhere"), [])
        for severity in ("WARNING", "critical"):
            found = self.server.get_json(API + "alerts?severity=" + severity)[1]["alerts"]
            self.assertTrue(found)
            self.assertEqual({alert["severity"] for alert in found}, {severity.lower()})

    def test_wrong_filters_are_told(self):
        for query, word in [("?severity=INFO", "WARNING or CRITICAL"), ("?color=red", "no parameter 'color'"),
                            ("?pool=a%0Ab", "escapes of printable"), ("?pool=a%2Fb", "must be a name"), ("?pool=", "must be a name"),
                            ("?pool", "name=value"), ("?pool=a&pool=b", "twice"), ("?namespace=" + "x" * 254, "1-253")]:
            with self.subTest(query):
                status, body = self.check(API + "alerts", query)
                self.assertEqual(status, 400)
                self.assertIn(word, json.loads(body)["error"]["message"])
        self.assertEqual(self.check(API + "history")[0], 400)

    def test_the_checker_can_fail(self):
        schema = OPENAPI["components"]["schemas"]["Alerts"]
        good = self.server.get_json(API + "alerts")[1]
        self.assertEqual(errors(good, schema, OPENAPI), [])
        for change in ({"timestamp": "today"}, {"alerts": None}, {"more": 1}, {"alerts": [{"alert": "Other"}]}):
            self.assertNotEqual(errors({**good, **change}, schema, OPENAPI), [], change)

    def test_head_has_the_headers_only(self):
        status, headers, body = self.server.get(API + "pool", method="HEAD")
        self.assertEqual((status, body), (200, b""))
        self.assertGreater(int(headers["Content-Length"]), 1000)

    def test_the_page_is_served_with_a_strict_policy(self):
        status, headers, body = self.server.get("/", token=None)
        self.assertEqual(status, 200)
        self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
        self.assertNotIn(b"orders", body, "the page itself knows nothing of the cluster")


class Access(unittest.TestCase):
    PATHS = [API + name for name in ("health", "pool", "alerts", "budgets", "decisions")] + ["/metrics"]

    def test_who_may_read(self):
        with Fixture(PROGRAM, auth="review") as server:
            for token, status, word in [(None, 401, "there is no token"), ("nobody", 401, "does not know this token"),
                                        ("stranger", 403, "nonResourceURL '{path}'"), ("broken", 503, "nobody can tell now"),
                                        ("reader", 200, None)]:
                for path in self.PATHS:
                    for _ in range(2):  # asked, then remembered
                        with self.subTest(token=token, path=path):
                            got, headers, body = server.get(path, token)
                            self.assertEqual(got, status, body)
                            if word:
                                self.assertIn(word.format(path=path.removeprefix("/api/admin")), json.loads(body)["error"]["message"])
                            self.assertEqual("WWW-Authenticate" in headers, status == 401)

    def test_probes_and_page_need_no_token(self):
        with Fixture(PROGRAM, auth="review") as server:
            for path in ("/healthz", "/readyz", "/"):
                self.assertEqual(server.get(path, None)[0], 200, path)

    def test_a_review_that_takes_long_holds_up_nobody(self):
        with Fixture(PROGRAM, auth="review") as server:
            server.get(self.PATHS[0], "reader")
            slow = [threading.Thread(target=server.get, args=(self.PATHS[0], "slow")) for _ in range(4)]
            for thread in slow:
                thread.start()
            self.assertEqual(server.get(self.PATHS[0], "reader")[0], 200)
            for thread in slow:
                thread.join()

    def test_too_many_unknown_tokens_are_refused_and_known_ones_served(self):
        with Fixture(PROGRAM, auth="review") as server:
            self.assertEqual(server.get(self.PATHS[0], "reader")[0], 200)
            flood = []
            for _ in range(120):
                connection = socket.create_connection(("127.0.0.1", server.port))
                connection.sendall(request(self.PATHS[1], "Authorization: Bearer slow"))
                flood.append(connection)
            self.assertEqual(server.get(self.PATHS[0], "reader")[0], 200)
            got = []
            for connection in flood:
                connection.settimeout(30)
                got.append(statuses(connection.recv(65536))[0])
                connection.close()
            self.assertEqual(set(got), {200, 503})

    def test_ways_around_the_path_are_refused(self):
        with Fixture(PROGRAM, auth="review") as server:
            for path, status in [("//metrics", 400), ("/./metrics", 400), ("/healthz/../metrics", 400), ("/%6detrics", 400),
                                 ("/metrics%00", 400), ("/metrics%2f", 400), ("/..%2fmetrics", 400), ("/metrics/", 400), ("/Metrics", 404),
                                 ("/metrics;x", 400), ("/\\metrics", 400), ("http://x/metrics", 400), ("*", 400),
                                 ("/healthz/metrics", 404), ("/" + "a" * 3000, 414), ("/metrics?" + "a=1&" * 9, 400)]:
                with self.subTest(path[:40]):
                    self.assertEqual(statuses(talk(server.port, request(path, "Connection: close"))), [status])

    def test_methods(self):
        with Fixture(PROGRAM) as server:
            for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "NONSENSE"):
                status, headers, _ = server.get("/metrics", method=method, headers={"Content-Length": "0"})
                self.assertEqual((status, headers["Allow"]), (405, "GET, HEAD"), method)


class Attacks(unittest.TestCase):
    """The process lives, stays small, and others are served."""

    @contextlib.contextmanager
    def attacked(self, **options):
        with Fixture(PROGRAM, **options) as server:
            self.assertEqual(server.get("/metrics")[0], 200)
            before = server.rss_kib()
            yield server
            begin = time.monotonic()
            self.assertEqual(server.get("/metrics")[0], 200)
            print(f"    served after {time.monotonic() - begin:.3f} s, {server.rss_kib() - before:+d} KiB", file=sys.stderr)
            self.assertLess(server.rss_kib() - before, GROWTH_KIB_MAX)
            self.assertIsNone(server.process.poll())

    def test_requests_that_could_be_read_in_two_ways(self):
        chunked = "Transfer-Encoding: chunked"
        with self.attacked() as server:
            for name, text, status in [
                ("chunk size -1", request("/healthz", chunked, method="POST") + b"-1\r\n", 413),
                ("chunk size -1 on GET", request("/healthz", chunked) + b"-1\r\n", 413),
                ("length and chunks", request("/healthz", chunked, "Content-Length: 4") + b"0\r\n\r\n", 400),
                ("two lengths", request("/healthz", "Content-Length: 4", "Content-Length: 5"), 400),
                ("length with letters", request("/healthz", "Content-Length: 3abc"), 400),
                ("negative length", request("/healthz", "Content-Length: -5"), 400),
                ("bare LF in a header", b"GET /healthz HTTP/1.1\nHost: x\n\n", 400),
                ("folded header", request("/healthz", "A: b", " c", "Connection: close"), 200),
                ("no host", b"GET /healthz HTTP/1.1\r\n\r\n", 400),
                ("two hosts", request("/healthz", "Host: y"), 400),
                ("two authorizations", request("/metrics", "Authorization: Bearer a", "Authorization: Bearer b"), 400),
                ("not HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n" * 10, 400),
                ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
            ]:
                with self.subTest(name):
                    self.assertEqual(statuses(talk(server.port, text)), [status])

    def test_two_requests_at_once_get_two_answers(self):
        with self.attacked() as server:
            answer = talk(server.port, request("/healthz") + request("/readyz", "Connection: close"))
            self.assertEqual(statuses(answer), [200, 200])

    def test_large_headers(self):
        with self.attacked() as server:
            self.assertEqual(statuses(talk(server.port, request("/healthz", "A: " + "a" * 20000))), [431])
            self.assertIn(statuses(talk(server.port, b"GET / HTTP/1.1\r\n" + b"A: aaaaaaaa\r\n" * 2_000_000)), ([431], []))

    def test_a_gigabyte_as_body(self):
        with self.attacked() as server:
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
                connection.sendall(request("/metrics", f"Content-Length: {1 << 30}", f"Authorization: Bearer {TOKEN}", method="POST"))
                sent = 0
                block = b"x" * 65536
                with contextlib.suppress(OSError):
                    while sent < 1 << 30:
                        sent += connection.send(block)
                print(f"    {sent >> 20} MiB were taken", file=sys.stderr)
                self.assertLess(sent, 64 << 20)

    def test_slow_senders_are_closed_after_the_time_for_a_header(self):
        with self.attacked() as server:
            begin = time.monotonic()
            slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(300)]
            for connection in slow:
                connection.sendall(b"GET / HTTP/1.1\r\n")
            self.assertEqual(server.get("/metrics")[0], 200)
            for _ in range(3):
                time.sleep(1)
                for connection in slow:
                    with contextlib.suppress(OSError):
                        connection.sendall(b"A: b\r\n")
            for connection in slow:
                connection.settimeout(10)
                with contextlib.suppress(ConnectionError):
                    self.assertEqual(connection.recv(100), b"")
                connection.close()
            print(f"    300 slow senders were closed after {time.monotonic() - begin:.1f} s", file=sys.stderr)

    def test_ten_thousand_connections(self):
        import resource
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        count = min(10_000, hard - 200)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))
        with self.attacked() as server:
            held = []
            served = []
            for index in range(count):
                connection = socket.socket()
                connection.settimeout(10)
                connection.connect(("127.0.0.1", server.port))
                held.append(connection)
                if index % 1000 == 999:
                    begin = time.monotonic()
                    self.assertEqual(server.get("/metrics")[0], 200)
                    served.append(time.monotonic() - begin)
            print(f"    {count} connections; others were served after at most {max(served):.3f} s", file=sys.stderr)
            for connection in held:
                connection.close()

    def test_a_full_house_still_serves(self):
        with self.attacked(connections=8) as server:
            idle = [server.connection() for _ in range(20)]
            for connection in idle:
                connection.connect()
            for _ in range(20):
                self.assertEqual(server.get("/healthz")[0], 200)
            for connection in idle:
                connection.close()

    def test_readers_that_do_not_read(self):
        with self.attacked(pools=100) as server:
            lazy = []
            for _ in range(50):
                connection = socket.socket()
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.connect(("127.0.0.1", server.port))
                connection.sendall(request(API + "pool", f"Authorization: Bearer {TOKEN}") * 5)
                lazy.append(connection)
            self.assertEqual(server.get("/metrics")[0], 200)
            for connection in lazy:
                connection.close()


class Tls(unittest.TestCase):
    def test_a_certificate_of_its_own(self):
        with Fixture(PROGRAM, tls="own") as server:
            self.assertEqual(server.get("/metrics")[0], 200)
            pem = ssl.get_server_certificate(("127.0.0.1", server.port))
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as trusted:
                trusted.write(pem)
                trusted.flush()
                context = ssl.create_default_context(cafile=trusted.name)
                connection = server.connection(context)
                connection.request("GET", "/healthz")
                self.assertEqual(connection.getresponse().status, 200)
                connection.close()

    def test_old_protocols_are_refused(self):
        with Fixture(PROGRAM, tls="own") as server:
            context = ssl._create_unverified_context()
            with warnings.catch_warnings(action="ignore"):
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = ssl.TLSVersion.TLSv1_1
            context.set_ciphers("ALL:@SECLEVEL=0")
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                server.connection(context).request("GET", "/healthz")

    def test_handshakes_that_stall_hold_up_nobody(self):
        with Fixture(PROGRAM, tls="own") as server:
            stalled = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(100)]
            self.assertEqual(server.get("/healthz")[0], 200)
            for connection in stalled:
                connection.close()

    def test_a_new_certificate_is_taken_without_a_restart(self):
        def make(folder, name):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj",
                            f"/CN={name}", "-keyout", f"{folder}/tls.key", "-out", f"{folder}/tls.crt"], check=True, capture_output=True)

        with tempfile.TemporaryDirectory() as folder:
            make(folder, "first")
            with Fixture(PROGRAM, tls=f"{folder}/tls.crt,{folder}/tls.key") as server:
                first = ssl.get_server_certificate(("127.0.0.1", server.port))
                kept = server.connection()
                kept.request("GET", "/healthz")
                kept.getresponse().read()
                self.addCleanup(kept.close)
                pathlib.Path(folder, "tls.crt").write_text("torn", encoding="ascii")
                make(folder, "second")
                deadline = time.monotonic() + 30
                while ssl.get_server_certificate(("127.0.0.1", server.port)) == first:
                    self.assertLess(time.monotonic(), deadline, "the new certificate was not taken")
                    time.sleep(0.2)
                kept.request("GET", "/healthz")
                self.assertEqual(kept.getresponse().status, 200, "connections of before go on")


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
