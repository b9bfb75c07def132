"""What a server says of a failure, in one line."""

from __future__ import annotations

_MOST = 500  # characters
_TRACEBACK = "Traceback (most recent call last):"


def brief(text: str) -> str:
    """Give what a server says in one line, of 500 characters at most, without the traceback that handlers send along.

    What is no text, such as the sequences that steer a terminal, becomes question marks.

    Parameters
    ----------
    text
        As it came: what stands before a traceback counts, or else its last line.
    """
    message, _, traceback = text.partition(_TRACEBACK)
    words = message if message.strip() else traceback.strip().rpartition("\n")[2]
    line = "".join(letter if letter.isprintable() else "?" for letter in " ".join(words.split()))
    return line if len(line) <= _MOST else f"{line[: _MOST - 1]}…"
