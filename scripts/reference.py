#!/usr/bin/env python3
"""Writes docs/reference.md, every field of the resource with its type, default and meaning, from the CRD.

usage: scripts/reference.py            writes the page
       scripts/reference.py --check    ends with 1 if the page is not what would be written
"""

import json
import pathlib
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
CRD = ROOT / "crds/poolwright.dev_connectionpools.yaml"
PAGE = ROOT / "docs/reference.md"

HEAD = """# Reference: every field of ConnectionPool

Generated from [the CRD](../crds/poolwright.dev_connectionpools.yaml) by `scripts/reference.py`; `kubectl explain
connectionpools.poolwright.dev.spec` shows the same in a terminal. [full.yaml](../config/samples/full.yaml) has all fields in one example.

A field of the left column is written below the one whose name it continues: `postgres.tls.mode` is `mode` in `tls` in `postgres`.
`[]` is an element of a list; the fields of `spec.databases` are those of one element. What must be given is marked *required*. Each rule is checked by the API server when the resource is
stored, by `poolwright validate` before that, and by the operator again.
"""


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def bounds(schema: dict) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{low} to {high}"
    if "maxLength" in schema and schema.get("type") == "string":
        return f"at most {schema['maxLength']} characters"
    if "maxItems" in schema:
        return f"{schema.get('minItems', 0)} to {schema['maxItems']} elements"
    if "maxProperties" in schema:
        return f"at most {schema['maxProperties']} entries"
    return ""


def type_of(schema: dict) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("x-kubernetes-int-or-string"):
        return "integer or text"
    if schema.get("type") == "object" and "additionalProperties" in schema:
        return f"map of {type_of(schema['additionalProperties'])}"
    if schema.get("type") == "array":
        return f"list of {type_of(schema['items'])}s"
    return {"string": "text", "object": "object"}.get(schema.get("type"), schema.get("type", "any"))


def default_of(schema: dict) -> str:
    if "default" not in schema or schema.get("type") == "object":
        return ""
    return f"`{json.dumps(schema['default'])}`"


def sentences(rules: list[dict]) -> list[str]:
    return [f"{message[0].upper()}{message[1:]}." for message in (rule["message"].rstrip(".") for rule in rules)]


def rules_of(schema: dict, field: str) -> list[dict]:
    """The rules that speak of this field ("": of the object itself); an element's rules may speak of its own fields."""
    return [rule for rule in schema.get("x-kubernetes-validations", []) if rule.get("fieldPath", "") == (field and f".{field}")]


def meaning(schema: dict, from_parent: list[dict]) -> str:
    return " ".join(part for part in [schema.get("description", ""), *sentences(from_parent + rules_of(schema, ""))] if part)


def is_reference(schema: dict) -> bool:
    return set(schema.get("properties", {})) == {"name"}


def row(schema: dict, path: str, is_required: bool, from_parent: list[dict]) -> str:
    kind = "object with the `name` of a Secret" if is_reference(schema) else type_of(schema)
    limits = bounds(schema)
    needed = "*required*" if is_required else default_of(schema)
    return f"| `{path}` | {cell(kind + (', ' + limits if limits else ''))} | {cell(needed)} | {cell(meaning(schema, from_parent))} |"


def rows(schema: dict, path: str = "") -> list[str]:
    """One line for each field below `schema`, depth first."""
    lines = []
    if is_reference(schema):
        return lines
    for name, inner in schema.get("properties", {}).items():
        full = f"{path}.{name}" if path else name
        lines.append(row(inner, full, name in schema.get("required", []), rules_of(schema, name)))
        lines += rows(inner["items"], f"{full}[]") if inner.get("type") == "array" else rows(inner, full)
    return lines


def table(schema: dict) -> str:
    return "\n".join(["| field | type | default | meaning |", "|---|---|---|---|", *rows(schema)])


def page() -> str:
    crd = yaml.safe_load(CRD.read_text(encoding="utf-8"))
    version = crd["spec"]["versions"][0]
    parts = version["schema"]["openAPIV3Schema"]["properties"]
    text = [HEAD]
    for name, schema in parts["spec"]["properties"].items():
        of_spec = parts["spec"].get("required", [])
        text.append(f"\n## spec.{name}\n\n{cell(meaning(schema, []))}{' *Required.*' if name in of_spec else ''}\n")
        text.append(table(schema["items"] if schema["type"] == "array" else schema))
    text.append("\n## status\n\nWritten by the operator only, and never read by it as truth.\n")
    text.append(table(parts["status"]))
    text.append("\n## kubectl get\n\n| column | from |\n|---|---|")
    text += [f"| {column['name']}{' (`-o wide`)' if column.get('priority') else ''} | `{cell(column['jsonPath'])}` |"
             for column in version["additionalPrinterColumns"]]
    return "\n".join(text) + "\n"


def main() -> int:
    wanted = page()
    if "--check" in sys.argv[1:]:
        if PAGE.read_text(encoding="utf-8") == wanted:
            return 0
        print(f"{PAGE.relative_to(ROOT)} is not what the CRD gives: run scripts/reference.py", file=sys.stderr)
        return 1
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
