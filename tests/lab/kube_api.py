"""A small client of the lab's API server for threads that ask often; tests themselves use kubectl through Lab."""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path
from typing import Any


class ApiError(Exception):
    """The server refused: `code` is HTTP's, 404 for what does not exist, 409 for a conflict."""

    def __init__(self, code: int, text: str):
        super().__init__(f"HTTP {code}: {text[:300]}")
        self.code = code


class KubeApi:
    """One connection, opened again when it broke. For one thread. OSError while the server cannot be reached."""

    def __init__(self, lab_dir: Path, port: int):
        self._port = port
        self._tls = ssl.create_default_context(cafile=str(lab_dir / "pki/ca.crt"))
        self._tls.load_cert_chain(lab_dir / "pki/admin.crt", lab_dir / "pki/admin.key")
        self._connection: http.client.HTTPSConnection | None = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def get(self, path: str) -> dict[str, Any] | None:
        """The object or list, None when it does not exist."""
        try:
            return self._request("GET", path)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def create(self, path: str, body: dict[str, Any]) -> None:
        self._request("POST", path, body)

    def patch(self, path: str, body: dict[str, Any]) -> None:
        """A strategic merge patch: conditions and the like are merged by their key."""
        self._request("PATCH", path, body, "application/strategic-merge-patch+json")

    def delete(self, path: str, body: dict[str, Any]) -> None:
        self._request("DELETE", path, body)

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None, kind: str = "application/json") -> dict[str, Any]:
        if self._connection is None:
            self._connection = http.client.HTTPSConnection("127.0.0.1", self._port, context=self._tls, timeout=10)
        try:
            text = None if body is None else json.dumps(body)
            self._connection.request(method, path, text, {"Content-Type": kind, "Accept": "application/json"})
            answer = self._connection.getresponse()
            content = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise OSError(f"{method} {path}: {error}") from error
        if answer.status >= 400:
            raise ApiError(answer.status, content)
        return json.loads(content)
