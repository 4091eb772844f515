"""Another real model, made of the one that is there: of every few tensors one keeps three bits of four, the last drawn.

GGUF as https://github.com/ggml-org/ggml/blob/master/docs/gguf.md describes it; a block of Q4_1 holds 32 weights in 20
bytes, two of scale, two of minimum, and 16 of four bits each.
"""

import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np

_FIXED = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_TEXT, _LIST, _Q4_1 = 8, 9, 3
_BLOCK, _WEIGHTS, _ALIGNED = 20, 32, 32


def write_coarse(source: Path, target: Path, *, every: int = 6) -> Path:
    """Write a copy of a file of Q4_1 weights in which the lowest bit of each is drawn; return where it is.

    every: of each so many tensors one. What is drawn keeps the mean; cut off, it would shift all weights.
    """
    chance = np.random.default_rng(0)
    content = bytearray(source.read_bytes())
    for start, size in _tensors(source)[::every]:
        blocks = np.frombuffer(content, dtype=np.uint8, count=size, offset=start).reshape(-1, _BLOCK)
        coarse = blocks.copy()
        drawn = chance.integers(0, 256, size=coarse[:, 4:].shape, dtype=np.uint8)
        coarse[:, 4:] = (coarse[:, 4:] & 0xEE) | (drawn & 0x11)
        content[start : start + size] = coarse.tobytes()
    target.write_bytes(content)
    return target


def _tensors(source: Path) -> list[tuple[int, int]]:
    """Return where the data of each Q4_1 tensor begins, and how long they are."""
    with source.open("rb") as file:
        magic, _, tensors, values = struct.unpack("<4sIQQ", file.read(24))
        assert magic == b"GGUF"
        for _ in range(values):
            _text(file)
            _skip(file, _number(file, "<I"))
        found = []
        for _ in range(tensors):
            _text(file)
            dimensions = [_number(file, "<Q") for _ in range(_number(file, "<I"))]
            kind, offset = _number(file, "<I"), _number(file, "<Q")
            if kind == _Q4_1:
                found.append((offset, int(np.prod(dimensions)) // _WEIGHTS * _BLOCK))
        data = -(-file.tell() // _ALIGNED) * _ALIGNED
    return [(data + offset, size) for offset, size in found]


def _number(file: BinaryIO, form: str) -> int:
    return int(struct.unpack(form, file.read(struct.calcsize(form)))[0])


def _text(file: BinaryIO) -> bytes:
    return file.read(_number(file, "<Q"))


def _skip(file: BinaryIO, kind: int) -> None:
    if kind == _TEXT:
        _text(file)
    elif kind == _LIST:
        inner, count = _number(file, "<I"), _number(file, "<Q")
        for _ in range(count):
            _skip(file, inner)
    else:
        file.read(_FIXED[kind])
