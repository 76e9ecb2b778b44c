"""SPDY/3.1 frames, as much of them as streams between kubectl and a pod need.

Source: the draft draft-mbelshe-httpbis-spdy-00; kubectl sends its frames through a WebSocket.
"""

from __future__ import annotations

import dataclasses
import struct
import zlib
from collections.abc import Iterator

SYN_STREAM, SYN_REPLY, RST_STREAM, PING, GOAWAY = 1, 2, 3, 6, 7
DATA = 0  # no number of the protocol: data frames have none
FIN = 1
LARGEST = 1 << 20  # bytes in one frame

_WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
    "authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie "
    "keep-alive origin"
)
_TAIL = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden"
    "404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug "
    "Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,"
    "application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdch"
    "charset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
DICTIONARY = (
    b"".join(struct.pack(">I", len(word)) + word.replace("_", " ").encode() for word in _WORDS.split()) + _TAIL.encode()
)
"""What both sides' compression of headers begins with."""


@dataclasses.dataclass(frozen=True)
class Frame:
    """One frame: its type, the stream it is of, whether the stream ends with it, and its content."""

    type: int
    stream: int = 0
    final: bool = False
    data: bytes = b""
    headers: dict[str, str] = dataclasses.field(default_factory=dict)


class Codec:
    """Reads the frames of one side and writes those of the other; both compress headers over all frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take bytes, give the frames that are whole. Raises ValueError where they are none."""
        self._buffer += data
        while len(self._buffer) >= 8:
            first, second = struct.unpack(">II", self._buffer[:8])
            length = second & 0xFFFFFF
            if length > LARGEST:
                raise ValueError(f"a frame of {length} bytes is more than {LARGEST}")
            if len(self._buffer) < 8 + length:
                return
            body = bytes(self._buffer[8 : 8 + length])
            del self._buffer[: 8 + length]
            yield self._frame(first, second >> 24, body)

    def _frame(self, first: int, flags: int, body: bytes) -> Frame:
        final = bool(flags & FIN)
        if not first >> 31:
            return Frame(DATA, first, final, body)
        kind = first & 0xFFFF
        stream = struct.unpack(">I", body[:4])[0] & 0x7FFFFFFF if len(body) >= 4 else 0
        if kind == SYN_STREAM:
            return Frame(kind, stream, final, headers=self._headers(body[10:]))
        return Frame(kind, stream, final, body)

    def _headers(self, block: bytes) -> dict[str, str]:
        try:
            plain = self._inflate.decompress(block, LARGEST)
            (count,), at, words = struct.unpack(">I", plain[:4]), 4, []
            for _ in range(2 * count):
                (size,) = struct.unpack(">I", plain[at : at + 4])
                words.append(plain[at + 4 : at + 4 + size].decode())
                at += 4 + size
        except (zlib.error, struct.error) as error:
            raise ValueError(f"headers that cannot be read: {error}") from error
        return dict(zip(words[::2], words[1::2], strict=True))

    def reply(self, stream: int) -> bytes:
        """Return the frame that accepts a stream."""
        block = self._deflate.compress(struct.pack(">I", 0)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return self._control(SYN_REPLY, struct.pack(">I", stream) + block)

    def ping(self, body: bytes) -> bytes:
        """Return the answer to a ping."""
        return self._control(PING, body)

    def data(self, stream: int, content: bytes, *, final: bool = False) -> bytes:
        """Return a frame with content of a stream."""
        return struct.pack(">II", stream, (FIN if final else 0) << 24 | len(content)) + content

    def _control(self, kind: int, body: bytes) -> bytes:
        return struct.pack(">II", 1 << 31 | 3 << 16 | kind, len(body)) + body
