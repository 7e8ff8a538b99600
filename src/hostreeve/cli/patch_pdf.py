"""Reports as PDF, by reportlab: pages across, the heading on each, Japanese names without a font file."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from hostreeve.cli.patch_pages import STANDINGS, Table, is_bad
from hostreeve.cli.trouble import UsageTrouble

LATIN, OTHER = "Helvetica", "HeiseiKakuGo-W5"
"""Readers have both; the second, where they have its package, with Greek, Cyrillic and Japanese letters."""
SIZE, MARGIN = 5.5, 28.0
CELL_CHARS_MAX = 400
NARROW = 9
"""Columns are as wide as their longest cell, between this many letters and three times as many."""


def written(head: tuple[str, Mapping[str, Any]], columns: Sequence[str], rows: Table) -> bytes:
    """A PDF of A4 pages. `head` is its title and GetPatchFleetSummary's members (empty: none).

    UsageTrouble when reportlab is not installed.
    """
    try:
        from reportlab.lib import colors, pagesizes
        from reportlab.lib.styles import ParagraphStyle
        from reportlab.pdfbase import cidfonts, pdfmetrics
        from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer
        from reportlab.platypus import Table as Grid
    except ImportError:
        raise UsageTrouble(
            "PDF needs the library reportlab, which is not installed.",
            "pip install 'hostreeve[pdf]', or take --format html, which browsers print.",
        ) from None
    pdfmetrics.registerFont(cidfonts.UnicodeCIDFont(OTHER))
    title, summary = head
    cell = ParagraphStyle("cell", fontName=LATIN, fontSize=SIZE, leading=SIZE * 1.3)
    other = ParagraphStyle("other", parent=cell, fontName=OTHER, wordWrap="CJK")
    large = ParagraphStyle("title", parent=cell, fontSize=16, leading=22)
    middle = ParagraphStyle("numbers", parent=cell, fontSize=9, leading=13)
    across = pagesizes.landscape(pagesizes.A4)
    numbers = [f"{summary[member]} {name}" for member, name in STANDINGS.items() if member in summary]
    grid = Grid(
        [
            [Paragraph(escape(text[:CELL_CHARS_MAX]), cell if _is_latin(text) else other) for text in row]
            for row in (columns, *rows)
        ],
        colWidths=_widths(columns, rows, across[0] - 2 * MARGIN),
        repeatRows=1,
    )
    lines = [("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.HexColor("#d5dbdb"))]
    paint = [("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#f2f3f3"))]
    paint += [
        ("BACKGROUND", (0, number), (-1, number), colors.HexColor("#fdf3f1"))
        for number, row in enumerate(rows, 1)
        if is_bad(row)
    ]
    grid.setStyle([*lines, *paint, ("VALIGN", (0, 0), (-1, -1), "TOP")])
    told = [Paragraph(escape(", ".join(numbers)), middle)] if numbers else []
    file = io.BytesIO()
    margins: dict[str, Any] = dict.fromkeys(
        ("leftMargin", "rightMargin", "topMargin", "bottomMargin"), MARGIN
    )
    # invariant: the same report is the same file.
    document = SimpleDocTemplate(file, pagesize=across, title=title, invariant=1, **margins)
    document.build([Paragraph(escape(title), large), *told, Spacer(0, 8), grid], onLaterPages=_numbered)
    return file.getvalue()


def _widths(columns: Sequence[str], rows: Table, room: float) -> list[float]:
    letters = [
        min(max([NARROW, *(len(row[place]) for row in rows[:1000])]), 3 * NARROW)
        for place in range(len(columns))
    ]
    return [room * each / sum(letters) for each in letters]


def _is_latin(text: str) -> bool:
    return all(letter <= "ÿ" for letter in text)


def _numbered(canvas: Any, document: Any) -> None:
    canvas.setFont(LATIN, SIZE + 1)
    canvas.drawRightString(document.pagesize[0] - MARGIN, MARGIN / 2, str(document.page))
