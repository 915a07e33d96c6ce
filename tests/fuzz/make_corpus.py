#!/usr/bin/env python3
"""Makes the seeds of the codecs in corpus/: one small file for each way a picture can be stored.
Run in tests/fuzz with Pillow and NumPy; what is in the tree was made with Pillow 9.4.0,
webp with 13.0.0 (libwebp 1.6.0)."""
import io
import struct
import sys
import zlib

import numpy as np
from PIL import Image

sys.path.insert(0, "../hostile")
import hostile  # noqa: E402  pictures that no encoder writes


def pattern(width, height, channels):
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(channels), indexing="ij")
    return ((x * 13 + y * 7 + c * 50 + (x * y) % 17) & 255).astype(np.uint8)


def save(folder, name, data):
    with open(f"corpus/{folder}/{name}", "wb") as file:
        file.write(data)


def encoded(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def jpegs():
    rgb = Image.fromarray(pattern(19, 13, 3))
    exif = Image.Exif()
    exif[0x0112] = 6
    save("jpeg", "420", encoded(rgb, "JPEG", quality=60))
    save("jpeg", "444", encoded(rgb, "JPEG", quality=95, subsampling=0))
    save("jpeg", "progressive", encoded(rgb, "JPEG", quality=60, progressive=True))
    save("jpeg", "optimised", encoded(rgb, "JPEG", quality=30, optimize=True))
    save("jpeg", "grey", encoded(rgb.convert("L"), "JPEG"))
    save("jpeg", "cmyk", encoded(rgb.convert("CMYK"), "JPEG"))
    save("jpeg", "exif", encoded(rgb, "JPEG", exif=exif.tobytes(), icc_profile=b"none"))
    plain = encoded(rgb, "JPEG", quality=60)
    at = plain.index(b"\xff\xda")  # a restart interval of 1 without restart markers: resync
    save("jpeg", "restart", plain[:at] + b"\xff\xdd\x00\x04\x00\x01" + plain[at:])


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def raw_png(depth, colour, bits_a_pixel, extra=b"", interlace=0):
    header = struct.pack(">IIBBBBB", 11, 7, depth, colour, 0, 0, interlace)
    rows = b""
    # x0, y0, dx, dy of each pass
    adam7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    for x0, y0, dx, dy in adam7 if interlace else [(0, 0, 1, 1)]:
        row = (len(range(x0, 11, dx)) * bits_a_pixel + 7) // 8
        for y in range(y0, 7, dy) if row else []:
            rows += b"\x00" + bytes((y * 31 + i * 7) & 255 for i in range(row))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def pngs():
    for depth in (1, 2, 4, 8, 16):
        save("png", f"grey{depth}", raw_png(depth, 0, depth))
    palette = chunk(b"PLTE", bytes(range(48))) + chunk(b"tRNS", b"\x10\x20")
    for depth in (1, 4, 8):
        entries = palette if depth != 1 else chunk(b"PLTE", bytes(range(6)))
        save("png", f"palette{depth}", raw_png(depth, 3, depth, entries))
    for depth in (8, 16):
        save("png", f"rgb{depth}", raw_png(depth, 2, 3 * depth))
        save("png", f"greyalpha{depth}", raw_png(depth, 4, 2 * depth))
        save("png", f"rgba{depth}", raw_png(depth, 6, 4 * depth))
    text = chunk(b"tEXt", b"Comment\x00hello") + chunk(b"gAMA", struct.pack(">I", 45455))
    save("png", "text", raw_png(8, 2, 24, text))
    save("png", "interlaced8", raw_png(8, 2, 24, interlace=1))
    save("png", "interlaced1", raw_png(1, 0, 1, interlace=1))
    save("png", "filtered", encoded(Image.fromarray(pattern(9, 9, 3)), "PNG"))


def pnms():
    save("pnm", "bits", b"P4 9 2 \x80\x80\x7f\x00")
    save("pnm", "grey", b"P5\n# comment\n3 2 255\nabcdef")
    save("pnm", "grey16", b"P5 2 2 1000\n\x00\x01\x02\x03\x03\xe8\x00\x00")
    save("pnm", "rgb", b"P6 2 2 255\nabcdefghijkl")
    save("pnm", "rgb7", b"P6 2 1 7\n\x00\x01\x02\x03\x07\x09")


def bmps():
    rgb = Image.fromarray(pattern(5, 4, 3))
    save("bmp", "rgb", encoded(rgb, "BMP"))
    save("bmp", "rgbx", encoded(rgb.convert("RGBA"), "BMP"))
    save("bmp", "palette", encoded(rgb.quantize(8), "BMP"))
    save("bmp", "bits", encoded(rgb.convert("1"), "BMP"))
    save("bmp", "os2", b"BM\x22\x00\x00\x00\x00\x00\x00\x00\x1a\x00\x00\x00\x0c\x00\x00\x00"
         b"\x01\x00\x02\x00\x01\x00\x18\x00abc-def-")


def webps():
    rgb = Image.fromarray(pattern(19, 13, 3))
    rgba = Image.fromarray(np.concatenate([pattern(19, 13, 3), pattern(13, 19, 1).transpose(1, 0, 2)], 2))
    exif = Image.Exif()
    exif[0x0112] = 6
    save("webp", "lossy", encoded(rgb, "WEBP", quality=60))
    save("webp", "lossless", encoded(rgb, "WEBP", lossless=True))
    save("webp", "lossless_palette", encoded(rgb.quantize(7).convert("RGB"), "WEBP", lossless=True))
    save("webp", "lossless_alpha", encoded(rgba, "WEBP", lossless=True, exact=True))
    save("webp", "lossy_alpha", encoded(rgba, "WEBP", quality=30))
    save("webp", "lossy_alpha_raw", encoded(rgba, "WEBP", quality=90, alpha_quality=100, method=0))
    save("webp", "meta", encoded(rgb, "WEBP", quality=10, exif=exif.tobytes(), icc_profile=b"none", xmp=b"<x/>"))
    save("webp", "lossless_groups", hostile.riff((b"VP8L", hostile.lossless_of_groups(32, 2, 64, 0))))
    turned = [rgb.rotate(180)]
    save("webp", "animated", encoded(rgb, "WEBP", quality=60, save_all=True, append_images=turned, duration=9))
    still = encoded(rgba.crop((0, 0, 5, 4)), "WEBP", lossless=True, exact=True)[12:]
    animation = chunk_le(b"VP8X", b"\x12\0\0\0" + le24(18) + le24(12)) + chunk_le(b"ANIM", bytes(6))
    frame = le24(1) + le24(2) + le24(4) + le24(3) + le24(9) + b"\0"  # at 2, 4 on a canvas of 19 x 13
    body = animation + chunk_le(b"ANMF", frame + still)
    save("webp", "animated_part", b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body)


def le24(value):
    return struct.pack("<I", value)[:3]


def chunk_le(name, data):
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


jpegs()
pngs()
pnms()
bmps()
webps()
