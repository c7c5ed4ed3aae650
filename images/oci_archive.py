#!/usr/bin/env python3
"""Makes an image of one layer out of a folder, as an OCI archive that `ctr images import` and `skopeo` read. No daemon, no registry.

    oci_archive.py ROOT OUT.tar NAME:TAG CONFIG.json

CONFIG.json is the image's configuration (User, Entrypoint, Labels, ...). All owners are root and all times the epoch, so the same
files make the same digest, which is printed.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

MEDIA = "application/vnd.oci.image."
EPOCH = "1970-01-01T00:00:00Z"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def write_layer(root: Path, file: BinaryIO) -> None:
    def neutral(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = 0, 0, 0, "", ""
        return entry

    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as layer:
        for path in sorted(root.iterdir()):
            layer.add(path, arcname=path.name, filter=neutral)  # sorts what is in folders itself


def descriptor(kind: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": MEDIA + kind, "digest": digest(content), "size": len(content)}


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def document(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def write_archive(root: Path, archive: Path, name: str, settings: dict[str, Any]) -> str:
    """The digest of the manifest, by which the image is known."""
    target = {"architecture": ARCHITECTURES.get(platform.machine(), platform.machine()), "os": "linux"}
    with tempfile.TemporaryFile() as file:
        write_layer(root, file)
        file.seek(0)
        layer = file.read()
    config = document(target | {"created": EPOCH, "config": settings, "rootfs": {"type": "layers", "diff_ids": [digest(layer)]},
                                "history": [{"created": EPOCH, "created_by": "images/build"}]})
    manifest = document({"schemaVersion": 2, "mediaType": MEDIA + "manifest.v1+json", "config": descriptor("config.v1+json", config),
                         "layers": [descriptor("layer.v1.tar", layer)]})
    names = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name.rsplit(":", 1)[1]}
    index = document({"schemaVersion": 2, "mediaType": MEDIA + "index.v1+json",
                      "manifests": [descriptor("manifest.v1+json", manifest) | {"platform": target, "annotations": names}]})
    with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT) as tar:
        add(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        add(tar, "index.json", index)
        for blob in (config, manifest, layer):
            add(tar, "blobs/sha256/" + digest(blob).split(":")[1], blob)
    return digest(manifest)


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def main() -> None:
    if len(sys.argv) != 5 or ":" not in sys.argv[3]:
        sys.exit(__doc__)
    root, archive, name, config = sys.argv[1:]
    made = write_archive(Path(root), Path(archive), name, json.loads(Path(config).read_text()))
    print(f"{name} {made} {Path(archive).stat().st_size >> 20} MiB")


if __name__ == "__main__":
    main()
