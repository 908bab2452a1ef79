import base64
import zlib

import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st

from dongliang.ballots import codes
from dongliang.ballots.squares import BORDER, square

ADDRESS = "https://vote.example.cn/v/receipt/?receipt="

receipts = st.text(codes.ALPHABET, min_size=10, max_size=10).map(lambda text: codes.grouped(text, 5))


def modules(source):
    """The picture's pixels, row by row, dark as 1; read as any browser reads a PNG."""
    data = base64.b64decode(source.removeprefix("data:image/png;base64,"))
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, at = {}, 8
    while at < len(data):
        length = int.from_bytes(data[at : at + 4])
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert zlib.crc32(kind + content) == int.from_bytes(data[at + 8 + length : at + 12 + length])
        chunks[kind] = content
        at += 12 + length
    width, height = (int.from_bytes(chunks[b"IHDR"][place : place + 4]) for place in (0, 4))
    stride = 1 + -(-width // 8)
    rows = zlib.decompress(chunks[b"IDAT"])
    assert len(rows) == stride * height
    lines = [rows[place * stride : (place + 1) * stride] for place in range(height)]
    assert {line[0] for line in lines} == {0}
    return [
        ["01".index("10"[int(bit)]) for bit in f"{int.from_bytes(line[1:]):0{(stride - 1) * 8}b}"[:width]]
        for line in lines
    ]


@settings(max_examples=25)
@given(receipts)
def test_the_square_is_the_qr_code_of_the_whole_address(receipt):
    code = segno.make(ADDRESS + receipt, error="m", micro=False, boost_error=False, mode="byte", mask=0)

    assert modules(square(ADDRESS, receipt)) == [list(row) for row in code.matrix_iter(border=BORDER)]


@pytest.mark.parametrize("address", ["http://[::1]:8000/v/receipt/?receipt=", "https://a.cn/?", "x" * 120])
def test_any_address_has_its_square(address):
    receipt = "8WQ2M-4KX7P"
    code = segno.make(address + receipt, error="m", micro=False, boost_error=False, mode="byte", mask=0)

    assert modules(square(address, receipt)) == [list(row) for row in code.matrix_iter(border=BORDER)]
