"""House rules that a machine can keep: front doors, sizes, names, declared authorisation, one home for
SQL."""

import ast
import functools
import re
from pathlib import Path

import grimp
from tools import coverage_page

from hostreeve.app.compose import OPERATIONS

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "hostreeve"
MODULES = sorted(p for p in SOURCE.rglob("*.py"))
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
PARAMETERS_MAX = 6
OPEN_TO_APP = {"operations", "worker"}
BANNED_IN_NAMES = re.compile(r"(Manager|Helper|Util|Base|Impl)(?![a-z])")
SQL_WORDS = re.compile(r"\b(SELECT .+ FROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM)\b")


@functools.cache
def _parsed(path):
    return ast.parse(path.read_text())


def test_slices_are_entered_by_their_front_door():
    graph = grimp.build_graph("hostreeve")
    slices = {
        child
        for floor in ("hostreeve.capabilities", "hostreeve.platform")
        for child in graph.find_children(floor)
    }

    def slice_of(module):
        return next((s for s in slices if module == s or module.startswith(s + ".")), None)

    trespassers = []
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            home = slice_of(imported)
            if home in (None, imported, slice_of(importer)):
                continue
            if importer.startswith("hostreeve.app") and imported.removeprefix(home + ".") in OPEN_TO_APP:
                continue
            trespassers.append(f"{importer} -> {imported}")
    assert not trespassers


def test_no_file_is_longer_than_a_reader_can_hold():
    long = [
        f"{p.relative_to(ROOT)}: {n}"
        for p in MODULES
        if (n := len(p.read_text().splitlines())) > FILE_LINES_MAX
    ]
    assert not long


def test_no_function_is_longer_than_a_page_or_takes_too_much():
    wrong = []
    for path, function in _functions():
        lines = (function.end_lineno or 0) - function.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            wrong.append(f"{path}:{function.lineno} {function.name} has {lines} lines")
        positional = [
            a for a in function.args.posonlyargs + function.args.args if a.arg not in ("self", "cls")
        ]
        if len(positional) > PARAMETERS_MAX:
            wrong.append(
                f"{path}:{function.lineno} {function.name} takes {len(positional)} positional parameters"
            )
    assert not wrong


def test_every_module_says_what_room_it_is():
    silent = [
        str(p.relative_to(ROOT))
        for p in MODULES
        if p.read_text().strip() and not ast.get_docstring(_parsed(p))
    ]
    assert not silent


def test_only_a_slice_has_something_in_its_init():
    full = [
        str(p.relative_to(ROOT))
        for p in MODULES
        if p.name == "__init__.py" and p.read_text().strip() and not _is_front_door(p.parent)
    ]
    assert not full


def test_no_class_hides_behind_a_word_that_says_nothing():
    banned = [
        f"{path}:{node.lineno} {node.name}"
        for path in MODULES
        for node in ast.walk(_parsed(path))
        if isinstance(node, ast.ClassDef) and BANNED_IN_NAMES.search(node.name)
    ]
    assert not banned


def test_sql_lives_in_stores_only():
    homes = ("store", "schema", "persistence", "outbox", "leases")
    strays = [
        str(path.relative_to(ROOT))
        for path in MODULES
        if not any(part in path.as_posix() for part in homes) and SQL_WORDS.search(path.read_text())
    ]
    assert not strays


def test_every_error_that_is_raised_exists_in_its_services_model():
    for (service, name), operation in OPERATIONS.items():
        assert operation.model.service.name == service, name


def test_writes_write_and_reads_do_not():
    """A read runs on a read-only snapshot, so a writing statement in it would fail: here it fails before it
    runs."""
    lied = [
        key
        for key, op in OPERATIONS.items()
        if not op.writes and op.name.startswith(("Create", "Delete", "Put"))
    ]
    assert not lied


def test_nothing_is_left_to_do_without_an_issue():
    marked = [f"{p.relative_to(ROOT)}" for p in MODULES if re.search(r"\b(TODO|FIXME|XXX)\b", p.read_text())]
    assert not marked


def _functions():
    for path in MODULES:
        for node in ast.walk(_parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path.relative_to(ROOT), node


def _is_front_door(folder):
    return (
        folder.parent.name in ("capabilities", "platform")
        or folder.parent.parent.name
        in (
            "capabilities",
            "platform",
            "plugins",
        )
        or "plugins" in folder.parts
        or folder.name in ("signature", "protocols")
    )


def test_the_coverage_page_tells_what_there_is():
    page = ROOT / "docs" / "reference" / "coverage.md"
    assert page.exists() and page.read_text() == coverage_page.page(OPERATIONS), "run make docs"


def test_every_benchmark_can_be_called_by_its_name():
    # One of them that cannot be imported keeps all of them from running, and only `make bench` would tell.
    from tools.bench.__main__ import BENCHMARKS, main

    assert all(callable(run) for run in BENCHMARKS.values())
    assert main(["no such benchmark"]) == 2
