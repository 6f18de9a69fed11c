"""What a report is made of, written once and shown twice: as HTML and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TypeAlias


@dataclass(frozen=True)
class Prose:
    """A paragraph of plain text; what stands between backticks is code."""

    words: str


@dataclass(frozen=True)
class Command:
    """A command line."""

    words: str


@dataclass(frozen=True)
class Grid:
    """A table.

    Args:
        head: of its columns.
        rows: of cells; the first column names.
        note: under it.
        strong: names of rows that are set off.
        signed: columns whose numbers are colored by their sign where their interval leaves 0 out.
        folded: the words on which one clicks to see it; "" shows it at once.

    A cell "0.9 / 0.8" is ours and the paper's, which is set off; a row without a name belongs to the one above it.
    """

    head: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    note: str = ""
    strong: tuple[str, ...] = ()
    signed: tuple[int, ...] = ()
    folded: str = ""


@dataclass(frozen=True)
class Chart:
    """SVGs side by side, or one under the other, with a caption; Markdown leaves them out."""

    svgs: tuple[str, ...]
    caption: str
    stacked: bool = False


@dataclass(frozen=True)
class Picture:
    """An image with its words, as a data URI; ``wrong`` sets it off."""

    uri: str
    title: str
    words: str
    wrong: bool = False


@dataclass(frozen=True)
class Pictures:
    """Pictures side by side."""

    pictures: tuple[Picture, ...]
    caption: str


@dataclass(frozen=True)
class Verdict:
    """A claim of the paper, what it found, what was found here, and what that comes to.

    Args:
        claim: in a few words.
        paper: its number.
        ours: ours with its interval.
        outcome: "holds", "open", "against" or "absent".
        words: what the outcome means here.
    """

    claim: str
    paper: str
    ours: str
    outcome: str
    words: str


@dataclass(frozen=True)
class Verdicts:
    """Claims side by side."""

    verdicts: tuple[Verdict, ...]


Block: TypeAlias = Prose | Command | Grid | Chart | Pictures | Verdicts


@dataclass(frozen=True)
class Section:
    """A heading with what stands under it."""

    anchor: str
    title: str
    blocks: Sequence[Block] = field(default_factory=tuple)


OUTCOMES = {"holds": "holds here", "open": "not shown here", "against": "the other way here", "absent": "not run"}


def markdown(title: str, lead: str, sections: Sequence[Section]) -> str:
    """Write the report as Markdown; charts and pictures are named, not shown."""
    parts = [f"# {title}", lead]
    for section in sections:
        parts.append(f"## {section.title}")
        parts += [text for block in section.blocks if (text := _as_markdown(block))]
    return "\n\n".join(parts) + "\n"


def _as_markdown(block: Block) -> str:
    if isinstance(block, Prose):
        return block.words
    if isinstance(block, Command):
        return f"```sh\n{block.words}\n```"
    if isinstance(block, Grid):
        rows = [block.head, ["---"] * len(block.head)]
        rows += [[f"**{row[0]}**", *row[1:]] if row[0] in block.strong else list(row) for row in block.rows]
        table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
        return f"{table}\n\n{block.note}" if block.note else table
    if isinstance(block, Verdicts):
        head = ("claim of the paper", "there", "here", "")
        rows = [(v.claim, v.paper, v.ours, f"**{OUTCOMES[v.outcome]}**: {v.words}") for v in block.verdicts]
        return _as_markdown(Grid(head, rows))
    return ""


def inline(words: str) -> str:
    """Escape a text for HTML; between backticks it is code."""
    pieces = escape(words, quote=False).split("`")
    return "".join(f"<code>{piece}</code>" if index % 2 else piece for index, piece in enumerate(pieces))


def as_html(block: Block) -> str:
    """Write one block as HTML."""
    if isinstance(block, Prose):
        return f"<p>{inline(block.words)}</p>"
    if isinstance(block, Command):
        return f"<pre><code>{escape(block.words)}</code></pre>"
    if isinstance(block, Grid):
        return _grid(block)
    if isinstance(block, Chart):
        drawn = "".join(f"<div>{svg}</div>" for svg in block.svgs)
        kind = "charts" + " stacked" * block.stacked + " many" * (len(block.svgs) > 2)
        return f'<figure><div class="{kind}">{drawn}</div><figcaption>{inline(block.caption)}</figcaption></figure>'
    if isinstance(block, Pictures):
        drawn = "".join(
            f'<div class="picture{" wrong" * p.wrong}"><img src="{p.uri}" alt="{escape(p.title)}: {escape(p.words)}" '
            f'loading="lazy"><b>{inline(p.title)}</b><span>{inline(p.words)}</span></div>'
            for p in block.pictures
        )
        return f'<figure><div class="pictures">{drawn}</div><figcaption>{inline(block.caption)}</figcaption></figure>'
    cards = "".join(
        f'<div class="verdict {v.outcome}"><h3>{inline(v.claim)}</h3><p class="chip">{OUTCOMES[v.outcome]}</p>'
        f"<dl><dt>paper</dt><dd>{inline(v.paper)}</dd><dt>phantoms</dt><dd>{inline(v.ours)}</dd></dl>"
        f"<p>{inline(v.words)}</p></div>"
        for v in block.verdicts
    )
    return f'<div class="verdicts">{cards}</div>'


def _grid(block: Grid) -> str:
    head = "".join(f"<th>{inline(cell)}</th>" for cell in block.head)
    rows = []
    for row in block.rows:
        kinds = ["strong"] * (row[0] in block.strong) + ["more"] * (not row[0])
        kind = f' class="{" ".join(kinds)}"' if kinds else ""
        cells = "".join(
            f"<td{_sign(cell) if index in block.signed else ''}>{_cell(cell)}</td>" for index, cell in enumerate(row)
        )
        rows.append(f"<tr{kind}>{cells}</tr>")
    note = f'<p class="note">{inline(block.note)}</p>' if block.note else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    whole = f'<div class="table">{table}</div>{note}'
    return f"<details><summary>{inline(block.folded)}</summary>{whole}</details>" if block.folded else whole


def _cell(cell: str) -> str:
    """Set off the paper's number of a pair.

    >>> _cell("0.9 / 0.8")
    '0.9 <small>0.8</small>'
    """
    ours, slash, theirs = cell.partition(" / ")
    return f"{inline(ours)} <small>{inline(theirs)}</small>" if slash else inline(cell)


def _sign(cell: str) -> str:
    """Color "+0.1 (+0.05 to +0.2)" as a gain, with minus signs as a loss, and nothing whose interval holds 0."""
    signs = [letter for letter in cell if letter in "+−"]
    if len(signs) != 3 or len({*signs}) != 1 or not any(letter in "123456789" for letter in cell):
        return ""
    return ' class="up"' if signs[0] == "+" else ' class="down"'
