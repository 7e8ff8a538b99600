"""The payload as a file: what old nodes need of it."""

import ast
import io
import re
import subprocess
import sys
import zipfile

from hostreeve.patcher.payload import payload_bytes

LATER_THAN_3_6 = {
    "dataclasses", "contextvars", "importlib.resources", "graphlib", "zoneinfo", "tomllib",
}  # fmt: skip
LATER_ARGUMENTS = {"capture_output", "text", "missing_ok", "strict", "exist_ok_"}
LATER_METHODS = {"removeprefix", "removesuffix", "fromisoformat", "is_relative_to", "readlink", "isascii"}
LATER_NAMES = {"Literal", "Final", "Protocol", "TypedDict", "Annotated", "TypeAlias", "Self", "OrderedDict"}


def _sources():
    with zipfile.ZipFile(io.BytesIO(payload_bytes())) as bundle:
        return {name: bundle.read(name).decode() for name in bundle.namelist() if name.endswith(".py")}


def test_it_is_written_in_the_python_of_the_oldest_nodes():
    for name, text in _sources().items():
        tree = ast.parse(text, name, feature_version=(3, 6))
        assert "from __future__ import annotations" not in text, name
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                assert not LATER_ARGUMENTS & {each.arg for each in node.keywords}, (name, node.lineno)
            if isinstance(node, ast.Attribute):
                assert node.attr not in LATER_METHODS, (name, node.lineno)
            if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
                assert node.value.id not in ("list", "dict", "tuple", "set"), (name, node.lineno)
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
                assert not isinstance(node.right, ast.Constant), (name, node.lineno)


def test_it_carries_all_it_needs_but_the_standard_library():
    sources = _sources()
    inside = {name[:-3].replace("/", ".").removesuffix(".__init__") for name in sources}
    for name, text in sources.items():
        for node in ast.walk(ast.parse(text)):
            modules = []
            if isinstance(node, ast.Import):
                modules = [each.name for each in node.names]
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0
                modules = [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
                assert node.module != "typing" or not LATER_NAMES & {each.name for each in node.names}, name
            for module in modules[:1]:
                assert module not in LATER_THAN_3_6, name
                top = module.split(".")[0]
                assert top in sys.stdlib_module_names or top in ("hostreeve", "dnf", "hawkey"), (name, module)
                assert top != "hostreeve" or module in inside, (name, module)


def test_it_is_the_same_file_every_time_and_small():
    assert payload_bytes() == payload_bytes()
    assert len(payload_bytes()) < 100_000


def test_it_says_how_it_is_called(tmp_path):
    path = tmp_path / "payload.pyz"
    path.write_bytes(payload_bytes())
    done = subprocess.run(
        [sys.executable, "-I", path, "run", "--operation", "Upgrade"], capture_output=True, text=True
    )
    assert done.returncode == 2 and re.search("invalid choice: 'Upgrade'", done.stderr)
