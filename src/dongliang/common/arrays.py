"""Many values as one parameter of a statement for PostgreSQL."""

from collections.abc import Iterable


def array_literal(values: Iterable[bytes | str | int | bool | None]) -> str:
    """``values``, all of one kind, as the text of a PostgreSQL array: ``{"a","b"}``, to be cast where it is used.

    psycopg takes lists as well, but spends 6 µs on each value, which for a batch of ballots is half of its time.
    """
    return f"{{{','.join([spelt(value) for value in values])}}}"


def spelt(value: bytes | str | int | bool | None) -> str:
    if isinstance(value, bytes):
        return f'"\\\\x{value.hex()}"'
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if value is None:
        return "NULL"
    return str(value)
