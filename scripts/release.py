"""Makes everything that a release consists of, in dist/: the charts, install.yaml, the program, a bill of materials, the images where this
machine can build them, and SHA256SUMS. The same commit gives the same bytes.

usage: release.py [--out DIR] [--binary FILE]     (./dev release builds the program first)
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import re
import subprocess
import tarfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
VERSION = (ROOT / "VERSION").read_text().strip()
# Libraries of headers only: the program holds them, and its list of shared libraries does not tell.
HEADER_PACKAGES = ["nlohmann-json3-dev", "libcli11-dev", "libboost1.74-dev", "libspdlog-dev"]


def output(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def commit_time() -> int:
    return int(output("git", "log", "-1", "--format=%ct").strip())


def tracked_files(folder: Path) -> list[Path]:
    """What belongs to the tree: not what somebody left lying there."""
    return sorted(ROOT / name for name in output("git", "ls-files", "--", str(folder.relative_to(ROOT))).splitlines())


def archive(files: dict[str, bytes], executables: set[str] = frozenset()) -> bytes:
    """A tar.gz that depends on nothing but its content and the commit's time."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(content), commit_time()
            entry.mode = 0o755 if name in executables else 0o644
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)


def chart_archive(name: str) -> bytes:
    folder = ROOT / "charts" / name
    return archive({f"{name}/{path.relative_to(folder)}": path.read_bytes() for path in tracked_files(folder)})


def program_archive(binary: Path) -> bytes:
    folder = f"poolwright-{VERSION}"
    files = {f"{folder}/{name}": (ROOT / name).read_bytes() for name in ("LICENSE", "README.md", "CHANGELOG.md")}
    return archive(files | {f"{folder}/poolwright": binary.read_bytes()}, {f"{folder}/poolwright"})


# -- bill of materials --


def owners_of(libraries: list[str]) -> set[str]:
    """The Debian packages that files belong to. A package may know a file by its path before /lib and /usr/lib were merged."""
    paths = {path for library in libraries for path in (library, str(Path(library).resolve()))}
    paths |= {"/usr" + path for path in paths} | {path.removeprefix("/usr") for path in paths}
    found = subprocess.run(["dpkg-query", "--search", *sorted(paths)], capture_output=True, text=True).stdout  # also says what it lacks
    return {line.rsplit(": ", 1)[0].split(",")[0] for line in found.splitlines() if not line.startswith("diversion")}


def packages_of(binary: Path) -> list[dict[str, str]]:
    """Name, version, architecture and source of all packages that the program is made of or loads."""
    libraries = re.findall(r"(?:=> )?(/\S+) \(0x", output("ldd", str(binary)))
    names = sorted(owners_of(libraries) | set(HEADER_PACKAGES))
    fields = ["binary:Package", "Version", "Architecture", "source:Package", "source:Version"]
    lines = output("dpkg-query", "--show", "--showformat", "\\t".join(f"${{{field}}}" for field in fields) + "\\n", *names).splitlines()
    return [dict(zip(("name", "version", "architecture", "source", "source_version"), line.split("\t"))) for line in sorted(lines)]


def spdx_id(name: str) -> str:
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)


def bill_of_materials(binary: Path) -> dict[str, Any]:
    """SPDX 2.3."""
    digest = hashlib.sha256(binary.read_bytes()).hexdigest()
    product = {"SPDXID": "SPDXRef-poolwright", "name": "poolwright", "versionInfo": VERSION, "downloadLocation": "NOASSERTION",
               "filesAnalyzed": False, "licenseConcluded": "Apache-2.0", "licenseDeclared": "Apache-2.0", "copyrightText": "NOASSERTION",
               "checksums": [{"algorithm": "SHA256", "checksumValue": digest}], "primaryPackagePurpose": "APPLICATION"}
    parts = [{"SPDXID": spdx_id(f"deb-{one['name']}"), "name": one["name"].split(":")[0], "versionInfo": one["version"],
              "supplier": "Organization: Debian", "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
              "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION",
              "sourceInfo": f"built from {one['source']} {one['source_version']}",
              "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator":
                                f"pkg:deb/debian/{one['name'].split(':')[0]}@{one['version'].replace('+', '%2B').replace(':', '%3A')}"
                                f"?arch={one['architecture']}&distro=bookworm"}]} for one in packages_of(binary)]
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-poolwright")]
    relations += [("SPDXRef-poolwright", "DEPENDS_ON", part["SPDXID"]) for part in parts]
    return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"poolwright-{VERSION}",
            "documentNamespace": f"https://poolwright.dev/spdx/poolwright-{VERSION}-{digest[:16]}",
            "creationInfo": {"created": datetime.fromtimestamp(commit_time(), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
                             "creators": ["Tool: poolwright-release"]},
            "packages": [product, *parts],
            "relationships": [dict(zip(("spdxElementId", "relationshipType", "relatedSpdxElement"), one)) for one in relations]}


def artefacts(binary: Path) -> dict[str, bytes]:
    architecture = output("dpkg", "--print-architecture").strip()
    return {
        f"poolwright-{VERSION}.tgz": chart_archive("poolwright"),
        f"poolwright-pools-{VERSION}.tgz": chart_archive("poolwright-pools"),
        f"poolwright-{VERSION}-linux-{architecture}.tar.gz": program_archive(binary),
        "install.yaml": (ROOT / "config/install.yaml").read_bytes(),
        f"poolwright-{VERSION}.spdx.json": (json.dumps(bill_of_materials(binary), indent=1) + "\n").encode(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--binary", type=Path, default=ROOT / "build/release/operator/poolwright")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name, content in artefacts(options.binary).items():
        (options.out / name).write_bytes(content)
    # Of everything in the folder: images are put there by their own script.
    files = sorted(path for path in options.out.iterdir() if path.is_file() and path.name != "SHA256SUMS")
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in files]
    (options.out / "SHA256SUMS").write_text("\n".join(sums) + "\n")
    print("\n".join(sums))


if __name__ == "__main__":
    main()
