"""As much of JSON Schema as docs/api/openapi.yaml uses. A keyword that it does not know is an error, not a pass."""

import re

TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
}
KNOWN = {"type", "properties", "required", "additionalProperties", "items", "enum", "minimum", "maximum", "minLength",
         "maxLength", "pattern", "format", "$ref", "description"}
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def has_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def resolve(reference, root):
    schema = root
    for part in reference.removeprefix("#/").split("/"):
        schema = schema[part]
    return schema


def errors(value, schema, root, where="answer"):
    """What is wrong with `value`, as sentences."""
    unknown = set(schema) - KNOWN
    if unknown:
        return [f"{where}: the schema uses {unknown}"]
    found = []
    if "$ref" in schema:
        found += errors(value, resolve(schema["$ref"], root), root, where)
    types = schema.get("type", [])
    types = types if isinstance(types, list) else [types]
    if types and not any(has_type(value, name) for name in types):
        return found + [f"{where}: {value!r} is no {' or '.join(types)}"]
    return found + object_errors(value, schema, root, where) + value_errors(value, schema, where) + [
        error for index, item in enumerate(value if isinstance(value, list) and "items" in schema else [])
        for error in errors(item, schema["items"], root, f"{where}[{index}]")]


def object_errors(value, schema, root, where):
    if not isinstance(value, dict):
        return []
    properties = schema.get("properties", {})
    found = [f"{where}: {name} is missing" for name in schema.get("required", []) if name not in value]
    if schema.get("additionalProperties") is False:
        found += [f"{where}: {name} is not described" for name in value if name not in properties]
    for name, part in properties.items():
        if name in value:
            found += errors(value[name], part, root, f"{where}.{name}")
    return found


def value_errors(value, schema, where):
    found = []
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where}: {value!r} is none of {schema['enum']}")
    if has_type(value, "number"):
        if value < schema.get("minimum", value) or value > schema.get("maximum", value):
            found.append(f"{where}: {value} is out of bounds")
    if isinstance(value, str):
        if schema.get("format") == "date-time" and not DATE_TIME.fullmatch(value):
            found.append(f"{where}: {value!r} is no time")
        if "pattern" in schema and not re.search(schema["pattern"], value):
            found.append(f"{where}: {value!r} does not match {schema['pattern']}")
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            found.append(f"{where}: {value!r} is too long or too short")
    return found
