"""zstd's own library, for those who read and write what nodes send each other."""

from __future__ import annotations

import ctypes
import ctypes.util

# A block of what is owed has at most so many bytes.
MOST_PLAIN = 16 << 20
MAGIC = b"\x28\xb5\x2f\xfd"
LEVEL = 3
_SIZE = ctypes.c_size_t


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(ctypes.util.find_library("zstd"))
    for name in ("ZSTD_findFrameCompressedSize", "ZSTD_decompress", "ZSTD_compress",
                 "ZSTD_compressBound"):
        getattr(library, name).restype = _SIZE
    return library


def compressed(plain: bytes) -> bytes:
    library = _library()
    room = ctypes.create_string_buffer(library.ZSTD_compressBound(_SIZE(len(plain))))
    size = library.ZSTD_compress(room, _SIZE(len(room)), plain, _SIZE(len(plain)), LEVEL)
    assert not library.ZSTD_isError(_SIZE(size))
    return room.raw[:size]


def expanded(data: bytes) -> bytes | None:
    """What the frame at the start of `data` holds; none when there is no whole frame."""
    library = _library()
    size = library.ZSTD_findFrameCompressedSize(data, _SIZE(len(data)))
    if library.ZSTD_isError(_SIZE(size)):
        return None
    room = ctypes.create_string_buffer(MOST_PLAIN)
    plain = library.ZSTD_decompress(room, _SIZE(MOST_PLAIN), data, _SIZE(size))
    return None if library.ZSTD_isError(_SIZE(plain)) else room.raw[:plain]
