"""Lines out of bytes that arrive in pieces, cut anywhere: plain Python."""

from __future__ import annotations


class LineBuffer:
    """Collects pieces and gives whole lines; UTF-8 is decoded line by line, so no character is ever cut.

    >>> lines = LineBuffer()
    >>> lines.feed("grün".encode()[:3])
    []
    >>> lines.feed("grün".encode()[3:] + b"\\nred")
    ['grün']
    >>> lines.rest()
    ['red']
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def feed(self, piece: bytes) -> list[str]:
        """Take the next bytes and return the lines that they complete, without line ends."""
        *complete, rest = piece.split(b"\n")
        if not complete:
            self._pieces.append(rest)
            return []
        complete[0] = b"".join([*self._pieces, complete[0]])
        self._pieces = [rest]
        return [_text(line) for line in complete]

    def rest(self) -> list[str]:
        """Give the last line that no line end followed, if there is one."""
        last, self._pieces = b"".join(self._pieces), []
        return [_text(last)] if last else []


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r")
