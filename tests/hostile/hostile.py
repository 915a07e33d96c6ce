#!/usr/bin/env python3
"""Broken, lying and hostile data, made here, and what `dsbias data` does with them.

    python3 hostile.py build/asan/examples/dsbias [CASE ...]      all cases, or those whose name holds CASE

Each case is a folder or file; `scan --json`, `verify` and `show` run on it, each in a process of its
own. A run fails the case if it dies, prints a report of a sanitizer, writes an escape sequence or
what is no JSON, takes longer than the case may, or more memory than 512 MiB (not judged with
sanitizers, whose shadow counts). Counts of usable, broken and left out are held against the case's
own. Prints a table; exit code 1 if a case failed. Not part of the tests: takes minutes and a few
hundred megabytes of disk in /var/tmp. Needs Pillow and NumPy; runs as root for devices, skips them
otherwise.
"""
import gzip
import io
import json
import os
import random
import resource
import socket
import struct
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import zipfile
import zlib

import numpy as np
from PIL import Image

MEMORY_KIB = 512 * 1024
CASES = []


def case(seconds=1.0, **expected):
    """A builder of one case: builder(root) fills the folder and returns the spec (None: the folder)."""
    def add(builder):
        CASES.append((builder.__name__, builder, seconds, expected))
        return builder
    return add


def put(root, name, data):
    path = os.path.join(os.fsencode(root), name if isinstance(name, bytes) else os.fsencode(name))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    return path


def encoded(kind, size=(60, 40), **options):
    width, height = size
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    out = io.BytesIO()
    Image.fromarray(((x * 13 + y * 7 + c * 50 + x * y % 17) & 255).astype(np.uint8)).save(out, kind, **options)
    return out.getvalue()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, depth, colour, idat, extra=b"", interlace=0):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", idat) + chunk(b"IEND", b"")


def zeros(n):
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(min(1 << 20, n - i))) for i in range(0, n, 1 << 20)) + packer.flush()


def riff(*chunks):
    body = b"".join(n + struct.pack("<I", len(d)) + d + bytes(len(d) % 2) for n, d in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


# ---- images ----

def jpeg_cuts(data):
    return [i for i in range(2, len(data) - 1) if data[i] == 0xFF and data[i + 1] not in (0, 0xFF)]


def png_cuts(data):
    at, cuts = 8, [8]
    while at < len(data):
        length = struct.unpack(">I", data[at:at + 4])[0]
        cuts += [at + 4, at + 8, at + 8 + length]
        at += 12 + length
        cuts.append(at)
    return cuts[:-1]


def webp_cuts(data):
    at, cuts = 12, [4, 8, 12]
    while at + 8 <= len(data):
        length = struct.unpack("<I", data[at + 4:at + 8])[0]
        cuts += [at + 4, at + 8, at + 8 + length // 2]
        at += 8 + length + length % 2
        cuts.append(at)
    return [c for c in cuts if c < len(data)]


@case(3, usable=0)
def cut_at_every_structure(root):
    exif = Image.Exif()
    exif[0x0112] = 6
    files = {"a.jpg": (encoded("JPEG"), jpeg_cuts), "p.jpg": (encoded("JPEG", progressive=True), jpeg_cuts),
             "e.jpg": (encoded("JPEG", exif=exif.tobytes(), icc_profile=b"x" * 70000), jpeg_cuts),
             "a.png": (encoded("PNG"), png_cuts), "l.webp": (encoded("WEBP", lossless=True), webp_cuts),
             "m.webp": (encoded("WEBP", exif=exif.tobytes(), icc_profile=b"icc"), webp_cuts),
             "b.bmp": (encoded("BMP"), lambda d: [2, 14, 18, 30, 54, len(d) - 1]),
             "c.ppm": (encoded("PPM"), lambda d: [1, 2, 3, 5, 8, 12, len(d) - 1])}
    for name, (data, cuts) in files.items():
        for cut in cuts(data):
            put(root, f"{cut:06d}-{name}", data[:cut])


@case(3, usable=0)
def sizes_that_lie(root):
    jpeg = bytearray(encoded("JPEG"))
    sof = next(i for i in jpeg_cuts(jpeg) if jpeg[i + 1] == 0xC0)
    progressive = bytearray(encoded("JPEG", progressive=True))
    sof2 = next(i for i in jpeg_cuts(progressive) if progressive[i + 1] == 0xC2)
    for height, width in [(65535, 65535), (65500, 65500), (65535, 1), (0, 60), (40, 0), (20000, 20000)]:
        jpeg[sof + 5:sof + 9] = struct.pack(">HH", height, width)
        put(root, f"{height}x{width}.jpg", bytes(jpeg)[:-2] if height < 65500 and width else bytes(jpeg))
        progressive[sof2 + 5:sof2 + 9] = struct.pack(">HH", max(height, 9000), max(width, 9000))
        put(root, f"p{height}x{width}.jpg", bytes(progressive))
    for width, height in [(2**31 - 1, 2**31 - 1), (65535, 65535), (0, 5), (2**32 - 1, 1), (10**6, 10**6)]:
        put(root, f"{width}x{height}.png", png(width, height, 8, 2, zlib.compress(bytes(1000))))
        put(root, f"i{width}x{height}.png", png(width, height, 1, 0, zlib.compress(bytes(1000)), interlace=1))
    for width, height in [(2**31 - 1, 2**31 - 1), (-5, 5), (5, -2**31), (60000, 60000), (0, 0)]:
        bmp = bytearray(encoded("BMP"))
        bmp[18:26] = struct.pack("<ii", width, height)
        put(root, f"{width}x{height}.bmp", bytes(bmp))
    for text in [b"P6 99999999999 1 255\n", b"P5 65536 65536 65535\n", b"P4 -1 -1\n", b"P6 1 1 0\n",
                 b"P6 4294967297 1 255\n\0\0\0", b"P5 " + b"9" * 5000 + b" 1 255\n", b"P6" + b"#" * 100000]:
        put(root, f"{zlib.crc32(text)}.ppm", text)
    still = encoded("WEBP")[12:]
    put(root, "canvas.webp", riff((b"VP8X", bytes(4) + b"\xff" * 6), (b"VP8 ", still[8:])))
    put(root, "long.webp", encoded("WEBP")[:16] + b"\xff\xff\xff\x7f" + still[8:])


@case(1.0, usable=0)
def png_bomb(root):
    put(root, "colour.png", png(20000, 20000, 8, 2, zeros(20000 * 60001)))


@case(2.0)
def png_bits_bomb(root):
    put(root, "bits.png", png(13000, 13000, 1, 0, zeros(13000 * 1626)))


@case(1.0, usable=2)
def png_text_bombs(root):
    idat = zlib.compress(bytes(10 * 31))
    bomb = zeros(200 << 20)
    put(root, "iccp.png", png(10, 10, 8, 2, idat, chunk(b"iCCP", b"x\0\0" + bomb)))
    put(root, "ztxt.png", png(10, 10, 8, 2, idat, chunk(b"zTXt", b"x\0\0" + bomb)))


@case(1.0, broken=1)
def png_million_chunks(root):
    put(root, "chunks.png", png(10, 10, 8, 2, zlib.compress(bytes(310)), chunk(b"tEXt", b"k\0v") * 600000)[:-12])


@case(1.0, usable=0, broken=1)
def jpeg_thousand_scans(root):
    data = encoded("JPEG", (2000, 2000), progressive=True)
    scans = [i for i in jpeg_cuts(data) if data[i + 1] == 0xDA]
    put(root, "scans.jpg", data[:-2] + data[scans[-1]:-2] * 1000 + data[-2:])


@case(1.0)
def jpeg_many_markers(root):
    data = encoded("JPEG")
    put(root, "comments.jpg", data[:2] + b"\xff\xfe\x00\x02" * 2000000 + data[2:])
    put(root, "fill.jpg", data[:2] + b"\xff" * 16000000 + data[2:])


@case(1.0, usable=1)
def jpeg_exif_loop(root):
    ifd = struct.pack("<HHIHHI", 1, 0x8769, 1, 4, 0, 8) + struct.pack("<I", 8)
    data = encoded("JPEG")
    exif = b"Exif\0\0II*\0" + struct.pack("<I", 8) + ifd
    put(root, "loop.jpg", data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])


class Bits:
    def __init__(self):
        self.value, self.n = 0, 0

    def put(self, value, n):
        self.value |= value << self.n
        self.n += n

    def bytes(self):
        return self.value.to_bytes((self.n + 7) // 8, "little")


def lossless_of_one_colour(width, height):
    bits = Bits()
    bits.put(0x2F, 8)
    bits.put(width - 1, 14)
    bits.put(height - 1, 14)
    bits.put(0, 1 + 3)  # no alpha, version
    bits.put(0, 1)  # no transform
    bits.put(0, 1)  # no cache
    bits.put(0, 1)  # one group
    for _ in range(5):
        bits.put(1, 1)  # simple code, one symbol of one bit: 0
        bits.put(0, 3)
    return bits.bytes()


@case(1.5)
def webp_lossless_bomb(root):
    put(root, "small.webp", riff((b"VP8L", lossless_of_one_colour(7000, 7000))))


@case(1.0, usable=0)
def webp_largest(root):
    put(root, "large.webp", riff((b"VP8L", lossless_of_one_colour(16384, 16384))))


def lossless_of_groups(side, tile_bits, groups, cache_bits=11):
    """Every tile its own group of codes: libwebp makes tables for each, larger ones with a cache."""
    bits = []

    def add(value, n):
        bits.append((value, n))

    add(0x2F, 8), add(side - 1, 14), add(side - 1, 14), add(0, 4), add(0, 1)
    add(cache_bits > 0, 1), add(cache_bits, 4 * (cache_bits > 0))
    add(1, 1), add(tile_bits - 2, 3)
    # the image of groups: literals, red and green hold the number; no cache
    add(0, 1)
    for code in range(5):  # green, red: all 256 values with 8 bits; blue, alpha, distance: one symbol
        if code < 2:
            # normal code: code length codes: only length 8 used (symbol 8) and 0
            add(0, 1)
            order = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
            n_codes = 12
            add(n_codes - 4, 4)
            for k in range(n_codes):
                add(1 if order[k] in (8, 0) else 0, 3)
            add(1, 1)  # max_symbol given
            add(3, 3), add(256 - 2, 8)  # 8 bits: 256 symbols
            # codes: 0 -> '0', 8 -> '1' (canonical, by symbol)
            for _ in range(256):
                add(1, 1)
        else:
            add(1, 1), add(0, 1), add(0, 1), add(0, 1)
    n_tiles = ((side + (1 << tile_bits) - 1) >> tile_bits) ** 2
    for t in range(n_tiles):
        g = t % groups
        for byte in (g & 255, g >> 8):  # green then red, 8-bit codes, most significant bit first
            add(int(f"{byte:08b}"[::-1], 2), 8)
    for _ in range(groups):
        for _ in range(5):
            add(1, 1), add(0, 3)
    out, value, n = bytearray(), 0, 0
    for v, k in bits:
        value |= v << n
        n += k
        while n >= 8:
            out.append(value & 255)
            value >>= 8
            n -= 8
    out.append(value & 255)
    return bytes(out) + bytes(64)


@case(1.0, usable=2, broken=3)
def webp_many_code_tables(root):
    for cache_bits, groups in [(11, 65536), (0, 65536), (11, 20000), (11, 4096), (0, 20000)]:
        picture = lossless_of_groups(1024, 2, groups, cache_bits)
        put(root, f"{groups}-{cache_bits}.webp", riff((b"VP8L", picture)))


@case(1.0, usable=0, broken=1)
def webp_alpha_of_many_tables(root):
    width = struct.pack("<I", 1023)[:3]
    alpha = b"\x01" + lossless_of_groups(1024, 2, 65536)[5:]
    picture = encoded("WEBP", (1024, 1024))[20:]
    put(root, "alpha.webp", riff((b"VP8X", b"\x10\0\0\0" + width * 2), (b"ALPH", alpha), (b"VP8 ", picture)))


@case(1.0)
def webp_million_chunks(root):
    put(root, "chunks.webp", riff((b"VP8L", lossless_of_one_colour(10, 10)), *[(b"JUNK", b"")] * 1000000))


@case(1.0, usable=0)
def wrong_content(root):
    for name, data in {"html.jpg": b"<!DOCTYPE html><script>alert(1)</script>", "empty.png": b"", "zeros.jpg": bytes(9999),
                       "elf.jpg": b"\x7fELF" + bytes(500), "pdf.png": b"%PDF-1.4", "svg.png": b"<svg onload='x'/>",
                       "lfs.jpg": b"version https://git-lfs.github.com/spec/v1\n", "gif.jpg": b"GIF89a" + bytes(99),
                       "zip.jpg": b"PK\x03\x04" + bytes(99), "php.jpg": b"<?php system('id'); ?>"}.items():
        put(root, name, data)


# ---- archives ----

def tar_header(name, size=b"00000000010\0", kind=b"0", magic=b"ustar\x0000", link=b"", prefix=b""):
    block = bytearray(512)
    block[0:len(name)] = name
    block[100:108] = b"0000644\0"
    block[108:124] = b"0000000\0" * 2
    block[124:136] = size
    block[136:148] = b"00000000000\0"
    block[148:156] = b" " * 8
    block[156:157] = kind
    block[157:157 + len(link)] = link
    block[257:265] = magic
    block[345:345 + len(prefix)] = prefix
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def octal(n):
    return b"%011o\0" % n


def member(name, data, kind=b"0"):
    return tar_header(name, octal(len(data)), kind) + data + bytes(-len(data) % 512)


GOOD = member(b"good.jpg", encoded("JPEG")) + member(b"good.cls", b"0")
END = bytes(1024)


def pax(**records):
    text = b""
    for key, value in records.items():
        line = b" " + key.encode() + b"=" + value + b"\n"
        n = len(line)
        while len(str(n).encode() + line) != n:
            n = len(str(n).encode() + line)
        text += str(n).encode() + line
    return member(b"pax", text, b"x")


@case(1.0, usable=13)
def tar_lying_sizes(root):
    sizes = {"2^62": b"\x80\0\0\0" + struct.pack(">Q", 2**62), "negative": b"\xff" * 12, "octal": b"77777777777\0",
             "garbage": b"hello world\0", "empty": bytes(12), "2^95": b"\x80" + b"\xff" * 11}
    for name, size in sizes.items():
        put(root, f"{name}.tar", GOOD + tar_header(b"bad.jpg", size) + GOOD + END)
    put(root, "pax-size.tar", GOOD + pax(size=b"4611686018427387904") + tar_header(b"bad.jpg") + END)
    put(root, "pax-long.tar", GOOD + tar_header(b"pax", octal(1 << 30), b"x") + END)
    put(root, "gnu-long.tar", GOOD + tar_header(b"././@LongLink", octal(1 << 30), b"L") + END)
    put(root, "pax-record.tar", GOOD + member(b"pax", b"99999999999999999999 path=x\n", b"x") + GOOD + END)
    put(root, "checksum.tar", GOOD + tar_header(b"x.jpg")[:-1] + b"x" + GOOD + END)
    put(root, "sparse.tar", GOOD + tar_header(b"s.jpg", octal(10), b"S") + END)


@case(2.0)
def tar_cut_everywhere(root):
    whole = GOOD + member(b"two.jpg", encoded("JPEG", (9, 9))) + pax(path=b"three.jpg") + member(b"x", encoded("PNG")) + END
    for cut in list(range(0, len(whole), 256)) + list(range(480, 530)):
        put(root, f"{cut:06d}.tar", whole[:cut])


@case(1.0, usable=1)
def tar_zip_slip(root):
    data = encoded("JPEG")
    names = [b"../../slip.jpg", b"/etc/slip.jpg", b"a/../../slip.jpg", b"..\\slip.jpg", b"c:\\slip.jpg",
             b"new\nline.jpg", b"\x1b[2Jescape.jpg", b"<script>alert(1)</script>.jpg", b"\xff\xfe.jpg",
             "\u202egpj.exe.jpg".encode(), b"%s%n.jpg", b"a" * 99, b"/" * 50 + b"x.jpg", b"..", b"."]
    body = GOOD + b"".join(member(n, data) for n in names[:9])
    body += pax(path=b"nul\0name.jpg") + member(b"x.jpg", data)
    body += tar_header(b"link.jpg", octal(0), b"2", link=b"/etc/passwd")
    body += tar_header(b"hard.jpg", octal(0), b"1", link=b"../../etc/passwd")
    body += tar_header(b"dev.jpg", octal(0), b"3") + tar_header(b"fifo.jpg", octal(0), b"6")
    put(root, "slip.tar", body + END)


@case(4.0)
def tar_hundred_thousand_empty(root):
    with open(os.path.join(root, "many.tar"), "wb") as file:
        for i in range(100000):
            file.write(tar_header(b"%06d.jpg" % i, octal(0)))
        file.write(END)


@case(2.0)
def tar_same_names(root):
    put(root, "same.tar", GOOD * 300 + END)
    put(root, "deep.tar", member(b"/".join([b"a"] * 40) + b"/x.jpg", encoded("JPEG")) + END)
    put(root, "paxes.tar", pax(path=b"p.jpg") * 20000 + END)
    put(root, "longlinks.tar", member(b"././@LongLink", b"q" * 600, b"L") * 2000 + END)


@case(4.0, fails=True)
def gzip_bomb(root):
    path = os.path.join(root, "bomb.tar.gz")
    with gzip.open(path, "wb") as file:
        file.write(tar_header(b"big.jpg", octal(1 << 32)))
        for _ in range(1024):
            file.write(bytes(1 << 20))
    return path


@case(1.0)
def gzip_damaged(root):
    data = bytearray(gzip.compress(GOOD + END))
    put(root, "cut.tar.gz", bytes(data[:len(data) // 2]))
    data[len(data) // 2] ^= 255
    put(root, "flip.tar.gz", bytes(data))


def npy(descr, shape, data=b"", order="False", version=1):
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}".encode() + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


def npy_case(name, data):
    @case(1.0, fails=True)
    def build(root):
        return os.path.join(os.fsencode(root), os.path.basename(put(root, "x.npy", data))).decode()
    CASES[-1] = (f"npy_{name}",) + CASES[-1][1:]


npy_case("overflow", npy("'|u1'", "(4294967296, 4294967296, 4294967296, 3)"))
npy_case("claims", npy("'|u1'", "(1000000000, 224, 224, 3)", bytes(1000)))
npy_case("negative", npy("'|u1'", "(-1, 8, 8, 3)", bytes(1000)))
npy_case("object", npy("'|O'", "(1, 8, 8, 3)", b"\x80\x04cos\nsystem\n(S'id'\ntR."))
npy_case("nested", b"\x93NUMPY\x01\0" + struct.pack("<H", 60000) + b"(" * 60000)
npy_case("header", b"\x93NUMPY\x02\0" + struct.pack("<I", 2**31) + b"{'descr'")
npy_case("zero", npy("'|u1'", "(0, 8, 8, 3)"))


@case(2.0, fails=True)
def npz_bomb(root):
    path = os.path.join(root, "bomb.npz")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("images.npy", "w", force_zip64=True) as file:
            file.write(npy("'|u1'", "(100000, 100, 100, 3)"))
            for _ in range(600):
                file.write(bytes(1 << 20))
    return path


@case(1.0, fails=True)
def npz_lies(root):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("../../x.npy", npy("'|u1'", "(2, 8, 8, 3)", bytes(384)))
    data = bytearray(out.getvalue())
    at = data.index(b"PK\x01\x02")
    data[at + 20:at + 28] = b"\xfe\xff\xff\xff" * 2
    data[at + 42:at + 46] = b"\xf0\xff\xff\xff"
    return put(root, "lies.npz", bytes(data)).decode()


@case(1.0)
def npz_many_members(root):
    path = os.path.join(root, "many.npz")
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(20000):
            archive.writestr(f"{i}.npy", npy("'<i4'", "(1,)", bytes(4)))
        archive.writestr("images.npy", npy("'|u1'", "(2, 8, 8, 3)", bytes(384)))
    return path


@case(1.0, fails=True)
def idx_overflow(root):
    return put(root, "t-images-idx3-ubyte", b"\0\0\x08\x03" + b"\xff" * 12 + bytes(100)).decode()


@case(2.0, fails=True)
def idx_label_bomb(root):
    put(root, "t-images-idx3-ubyte", b"\0\0\x08\x03" + struct.pack(">III", 2, 4, 4) + bytes(32))
    with gzip.open(os.path.join(root, "t-labels-idx1-ubyte.gz"), "wb") as file:
        file.write(b"\0\0\x08\x01\0\0\0\2")
        for _ in range(1024):
            file.write(bytes(1 << 20))


@case(1.0)
def cifar_labels(root):
    random.seed(1)
    return put(root, "data_batch_1.bin", bytes(random.randrange(256) for _ in range(3073 * 5 + 100))).decode()


# ---- lists ----

def list_case(name, file, data, seconds=1.0, **expected):
    @case(seconds, **expected)
    def build(root):
        put(root, "a.jpg", encoded("JPEG"))
        return put(root, file, data).decode()
    CASES[-1] = (f"list_{name}",) + CASES[-1][1:]


list_case("huge_line", "l.jsonl", b'{"path":"' + b"a" * (100 << 20) + b'"}\n{"path":"a.jpg"}\n', 3, fails=True)
list_case("deep_json", "l.jsonl", b'{"path":' + b"[" * 1000000 + b"\n", 2, fails=True)
list_case("columns", "l.csv", b"path" + b",x" * 1000000 + b"\na.jpg" + b",1" * 1000000 + b"\n", 2, fails=True)
list_case("quote", "l.csv", b'path,label\n"a.jpg,1\n' + b"x,1\n" * 1000000, 2, fails=True)
list_case("escapes", "l.csv", b"path,label\n../../../etc/passwd,1\n/etc/passwd,1\nfile:///etc/passwd,1\n"
          b"http://example.org/a.jpg,2\na.jpg,=cmd|' /C calc'!A0\n\x1b[2J.jpg,3\n", 1, usable=1)
list_case("utf16", "l.csv", "path,label\na.jpg,1\n".encode("utf-16"), 1, fails=True)
list_case("zero", "l.csv", b"path,label\nn\0ul.jpg,4\n", 1, fails=True)
list_case("label", "l.csv", b"path,label\na.jpg,4294967295\n", 1)


# ---- folders ----

@case(1.0)
def links_and_devices(root):
    put(root, "in/a.jpg", encoded("JPEG"))
    os.symlink("in/a.jpg", f"{root}/good-link.jpg")
    os.symlink("/etc/passwd", f"{root}/passwd.jpg")
    os.symlink("..", f"{root}/in/up")
    os.symlink("loop.jpg", f"{root}/loop.jpg")
    os.symlink("/dev/zero", f"{root}/zero.jpg")
    os.symlink("/proc/self/mem", f"{root}/mem.jpg")
    os.symlink("nowhere", f"{root}/dangling.jpg")
    os.mkfifo(f"{root}/fifo.jpg")
    listener = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(root)
    listener.bind("socket.jpg")
    os.chdir(here)
    if os.geteuid() == 0:
        try:
            os.mknod(f"{root}/null.jpg", 0o20666, os.makedev(1, 3))
        except PermissionError:
            pass


@case(6.0, usable=0, broken=100000)
def hundred_thousand_empty_files(root):
    for i in range(100000):
        if i % 1000 == 0:
            os.mkdir(f"{root}/{i // 1000:03d}")
        os.close(os.open(f"{root}/{i // 1000:03d}/{i:06d}.jpg", os.O_CREAT | os.O_WRONLY))


@case(1.0, usable=1)
def nested_deep(root):
    put(root, "a.jpg", encoded("JPEG"))
    here = os.getcwd()
    os.chdir(root)
    for _ in range(3000):
        os.mkdir("d" * 20)
        os.chdir("d" * 20)
    with open("deep.jpg", "wb") as file:
        file.write(encoded("JPEG"))
    os.chdir(here)


@case(1.0, usable=1, broken=2)
def sparse_terabyte(root):
    put(root, "a.jpg", encoded("JPEG"))
    for name, size in [("tera.jpg", 1 << 40), ("large.png", 200 << 20)]:
        with open(f"{root}/{name}", "wb") as file:
            file.truncate(size)


@case(1.0, usable=9)
def names(root):
    data = encoded("JPEG")
    for name in [b"new\nline.jpg", b"\x1b[31m\x1b]0;owned\x07.jpg", b"\xff\xfe\x9b.jpg", "\u202egpj.exe.jpg".encode(), b"%s%n%d.jpg",
                 b"<img src=x onerror=alert(1)>.jpg", b"'; drop table.jpg", b"a" * 251 + b".jpg", b"-rf.jpg"]:
        put(root, name, data)


@case(20.0)
def files_that_vanish_and_shrink(root):
    data = encoded("JPEG", (300, 300))
    for i in range(4000):
        put(root, f"{i % 7}/{i:05d}.jpg", data)
    stop = time.monotonic() + 6

    def disturb():
        rnd = random.Random(2)
        while time.monotonic() < stop:
            path = f"{root}/{rnd.randrange(7)}/{rnd.randrange(4000):05d}.jpg"
            try:
                kind = rnd.randrange(4)
                if kind == 0:
                    os.truncate(path, rnd.randrange(len(data)))
                elif kind == 1:
                    os.unlink(path)
                elif kind == 2:
                    os.truncate(path, 3 << 20)
                else:
                    os.rename(path, path + "x")
            except OSError:
                pass
    threading.Thread(target=disturb).start()


@case(8.0)
def shards_that_shrink(root):
    for i in range(20):
        put(root, f"{i:05d}.tar", GOOD * 1 + b"".join(member(b"%05d.jpg" % k, encoded("JPEG", (90, 90))) for k in range(200)) + END)
    stop = time.monotonic() + 6

    def disturb():
        rnd = random.Random(3)
        while time.monotonic() < stop:
            path = f"{root}/{rnd.randrange(20):05d}.tar"
            try:
                os.truncate(path, rnd.randrange(1 << 20)) if rnd.randrange(3) else os.unlink(path)
            except OSError:
                pass
            time.sleep(0.02)
    threading.Thread(target=disturb).start()


# ---- running ----

def run(program, args, limit):
    started = time.monotonic()
    environment = dict(os.environ, ASAN_OPTIONS="detect_leaks=1:allocator_may_return_null=1", TERM="dumb")
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen([program, "data", *args], stdout=out, stderr=err, env=environment)
        timer = threading.Timer(60 + 10 * limit, child.kill)
        timer.start()
        _, status, usage = os.wait4(child.pid, 0)
        timer.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        return child.returncode, out.read(), err.read(), time.monotonic() - started, usage.ru_maxrss


def judge(program, spec, seconds, expected, sanitized, work):
    faults, worst, memory, counts = [], 0.0, 0, "-"
    page, sheet = f"{work}/page.html", f"{work}/sheet.jpg"
    for action in (["scan", spec, "--json", "--html", page], ["verify", spec, "--max-broken", "1000000"],
                   ["show", spec, "--out", sheet]):
        code, out, err, took, peak = run(program, action, seconds)
        worst, memory = max(worst, took), max(memory, peak)
        if code not in (0, 1, 3, 4):
            faults.append(f"{action[0]} ends with {code}")
        if b"Sanitizer" in err or b"runtime error" in err:
            faults.append(f"{action[0]}: {err[-3000:].decode(errors='replace')}")
        if b"\x1b" in out or b"\x1b" in err:
            faults.append(f"{action[0]} writes an escape sequence")
        if took > seconds * (8 if sanitized else 1):
            faults.append(f"{action[0]} took {took:.1f} s")
        if peak > MEMORY_KIB and not sanitized:
            faults.append(f"{action[0]} took {peak >> 10} MiB")
        if action[0] == "scan" and code == 0:
            said = json.loads(out)["datasets"][0]
            found = {"usable": said["n_images"], "broken": said["n_broken"], "left_out": said["n_skipped"]}
            counts = f"{found['usable']} usable, {found['broken']} broken, {found['left_out']} left out"
            faults += [f"{k}: {found[k]}, expected {v}" for k, v in expected.items() if k in found and found[k] != v]
            text = open(page, encoding="utf-8").read()
            if any(word in text for word in ("<script", "\x1b", "<img src=x", "\u202e")):
                faults.append("the page holds markup of a name")
        elif action[0] == "scan":
            counts = err.decode(errors="replace").strip().split("\n")[-1][:90]
            if not expected.get("fails"):
                faults.append("refused whole: " + counts)
    return faults, worst, memory, counts


def main():
    if sys.argv[1] == "--make":
        builder = next(case[1] for case in CASES if case[0] == sys.argv[2])
        print(builder(sys.argv[3]) or sys.argv[3], flush=True)
        return False
    program, wanted = os.path.abspath(sys.argv[1]), sys.argv[2:]
    sanitized = b"__asan_init" in open(program, "rb").read()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    n_failed = 0
    for name, builder, seconds, expected in CASES:
        if wanted and not any(w in name for w in wanted):
            continue
        with tempfile.TemporaryDirectory(dir="/var/tmp") as work:
            root = f"{work}/{name}"
            os.mkdir(root)
            # in a process of its own: a child's peak of memory counts its parent's
            making = subprocess.Popen([sys.executable, __file__, "--make", name, root], stdout=subprocess.PIPE, text=True)
            spec = making.stdout.readline().strip()
            faults, worst, memory, counts = judge(program, spec, seconds, expected, sanitized, work)
            making.wait()
            subprocess.run(["rm", "-rf", root], check=False)
        n_failed += bool(faults)
        print(f"{'FAILED' if faults else 'ok':6} {name:32} {worst:6.2f} s {memory / 1024:6.0f} MiB  {counts}", flush=True)
        for fault in faults:
            print("       ", fault)
    return n_failed > 0


if __name__ == "__main__":
    sys.exit(main())
