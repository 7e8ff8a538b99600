"""Reports as files: CSV for spreadsheets, HTML as one page that needs nothing else."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

STANDINGS = {
    "UpToDate": "up to date",
    "Missing": "patches missing",
    "Error": "errors",
    "PendingReboot": "waiting for a restart",
    "Rejected": "rejected patches installed",
    "NotReported": "not scanned yet",
}
"""How nodes stand, in words."""
Table = Sequence[Sequence[str]]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_BAD = frozenset({"NON_COMPLIANT", "MISSING", "FAILED", "INSTALLED_REJECTED", "INSTALLED_PENDING_REBOOT"})

_STYLE = """body{font:15px/1.45 system-ui,sans-serif;margin:2rem;color:#16191f}
table{border-collapse:collapse;width:100%}
th,td{padding:.35rem .6rem;border-bottom:1px solid #d5dbdb;text-align:left}
th{background:#f2f3f3}tr.bad td{background:#fdf3f1}
.numbers{display:flex;gap:2rem;margin:1.5rem 0}
.numbers div{font-size:2rem}.numbers span{display:block;font-size:.85rem;color:#545b64}
@media print{body{margin:0}}"""


def written(kind: str, head: tuple[str, Mapping[str, Any]], columns: Sequence[str], rows: Table) -> str:
    """A report in this format; `head` is its title and GetPatchFleetSummary's members (empty: none)."""
    return _csv(columns, rows) if kind == "csv" else _html(head, columns, rows)


def _csv(columns: Sequence[str], rows: Table) -> str:
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(columns)
    lines.writerows([_plain(cell) for cell in row] for row in rows)
    return text.getvalue()


def _plain(cell: str) -> str:
    """Nodes choose their names: a spreadsheet must not take one for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _html(head: tuple[str, Mapping[str, Any]], columns: Sequence[str], rows: Table) -> str:
    title, summary = head
    numbers = "".join(
        f"<div>{int(summary[member])}<span>{escape(name)}</span></div>"
        for member, name in STANDINGS.items()
        if member in summary
    )
    heading = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "\n".join(_row(row) for row in rows)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{escape(title)}</h1>\n"
        + (f'<div class="numbers">{numbers}</div>\n' if numbers else "")
        + f"<table><thead><tr>{heading}</tr></thead>\n<tbody>\n{body}\n</tbody></table></body></html>\n"
    )


def is_bad(row: Sequence[str]) -> bool:
    """Whether what a row tells of deserves a look."""
    return bool(_BAD & set(row))


def _row(row: Sequence[str]) -> str:
    kind = ' class="bad"' if is_bad(row) else ""
    return f"<tr{kind}>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
