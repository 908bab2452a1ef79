"""The tile map: a tile a place, in the order given, each with a bar of the kinds of people there. Drawn on the server."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from dongliang.common.charts import _key


@dataclass(frozen=True)
class Heap:
    """What one place has of each kind, in the order of the kinds."""

    label: str
    counts: tuple[int, ...]
    url: str = ""


@dataclass(frozen=True)
class Piece:
    """A stretch of a tile's bar: ``x`` and ``width`` in percent of the largest place."""

    kind: int
    name: str
    count: int
    x: float
    width: float


@dataclass(frozen=True)
class DrawnTile:
    heap: Heap
    total: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class TileMap:
    key: str
    title: str
    kinds: tuple[tuple[int, str], ...]
    tiles: tuple[DrawnTile, ...]
    template: str = field(default="common/charts/tiles.html", init=False)


def tile_map(heaps: Sequence[Heap], *, kinds: Sequence[str], title: str) -> TileMap:
    """Draw a tile for each place. Its bar is as long, against the widest, as it has people; every count is printed.

    At most six kinds: the shades of more could not be told apart.
    """
    widest = max(sum(heap.counts) for heap in heaps) or 1
    return TileMap(
        key=_key(title),
        title=title,
        kinds=tuple(enumerate(kinds, start=1)),
        tiles=tuple(DrawnTile(heap, sum(heap.counts), pieces(heap, kinds, widest)) for heap in heaps),
    )


def pieces(heap: Heap, kinds: Sequence[str], widest: int) -> tuple[Piece, ...]:
    drawn, before = [], 0
    for kind, (name, count) in enumerate(zip(kinds, heap.counts, strict=True), start=1):
        if count:
            drawn.append(
                Piece(kind, name, count, round(100 * before / widest, 2), round(100 * count / widest, 2))
            )
        before += count
    return tuple(drawn)
