"""The core does no I/O, reads no clock and knows nothing of its surroundings."""

import ast
from pathlib import Path

import pytest

import app.core

ROOT = Path(app.core.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
ALLOWED = {
    "__future__",
    "ast",
    "array",
    "base64",
    "bisect",
    "binascii",
    "collections",
    "codecs",
    "dataclasses",
    "datetime",
    "enum",
    "fractions",
    "functools",
    "hashlib",
    "heapq",
    "io",
    "ipaddress",
    "itertools",
    "json",
    "math",
    "numpy",
    "operator",
    "pathlib",
    "re",
    "statistics",
    "string",
    "struct",
    "types",
    "typing",
    "unicodedata",
    "zlib",
    "random",
    "abc",
    "html",
    "textwrap",
    "contextlib",
    "copy",
    "csv",
    "sys",
}
REFUSED_CALLS = {"open", "print", "input", "exec", "eval", "__import__"}
REFUSED_METHODS = {
    "now",
    "utcnow",
    "today",
    "time_ns",
    "perf_counter",
    "monotonic",
    "read_text",
    "read_bytes",
    "write_text",
    "write_bytes",
    "unlink",
    "mkdir",
    "iterdir",
    "glob",
    "rglob",
    "stat",
}


def test_there_is_a_core_to_look_at() -> None:
    assert len(FILES) > 15


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_module_is_pure(path: Path) -> None:
    offences = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            offences += [
                a.name for a in node.names if a.name.split(".")[0] not in ALLOWED and not a.name.startswith("app.core")
            ]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if module.split(".")[0] not in ALLOWED and not module.startswith("app.core"):
                offences.append(module)
        elif isinstance(node, ast.Call):
            offences += _refused(node)
    assert not offences, f"{path.name}: {offences}"


def _refused(node: ast.Call) -> list[str]:
    if isinstance(node.func, ast.Name) and node.func.id in REFUSED_CALLS:
        return [node.func.id]
    if isinstance(node.func, ast.Attribute) and node.func.attr in REFUSED_METHODS and not _is_regex(node.func):
        return [node.func.attr]
    return []


def _is_regex(attribute: ast.Attribute) -> bool:
    return isinstance(attribute.value, ast.Name) and attribute.value.id == "re"
