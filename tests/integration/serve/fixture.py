"""Starts serve_fixture, the web server over an installation that does not exist, and talks to it."""

import http.client
import json
import os
import ssl
import subprocess

TOKEN = "a-token-for-tests-only"
API = "/api/admin/monitoring/connections/"


class Fixture:
    """serve_fixture, for as long as the `with` block runs."""

    def __init__(self, program, **options):
        self.command = [str(program), *(f"{name}={value}" for name, value in options.items())]
        self.tls = options.get("tls", "off") != "off"

    def __enter__(self):
        # A build with AddressSanitizer keeps what is freed for a while: little of it here, so that growth means something.
        options = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "quarantine_size_mb=8"]))
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "ASAN_OPTIONS": options})
        line = self.process.stdout.readline()
        if not line.startswith("port "):
            raise RuntimeError(f"{self.command} did not start")
        self.port = int(line.split()[1])
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def rss_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))

    def connection(self, context=None):
        if not self.tls:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        context = context or ssl._create_unverified_context()
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20, context=context)

    def get(self, path, token=TOKEN, method="GET", headers=None):
        """status, headers, body"""
        connection = self.connection()
        try:
            sent = dict(headers or {})
            if token is not None:
                sent["Authorization"] = f"Bearer {token}"
            connection.request(method, path, headers=sent)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def get_json(self, path, token=TOKEN):
        status, _, body = self.get(path, token)
        return status, json.loads(body)
