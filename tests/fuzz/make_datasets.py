#!/usr/bin/env python3
"""Makes the seeds of the dataset formats in corpus/: small files of each kind, sound ones and some
that lie. Run in tests/fuzz with NumPy; what is in the tree was made with NumPy 2.4.6 and Python 3.11."""
import gzip
import io
import os
import struct
import tarfile

import numpy as np


def save(folder, name, data):
    os.makedirs(f"corpus/{folder}", exist_ok=True)
    with open(f"corpus/{folder}/{name}", "wb") as file:
        file.write(data)


def ppm(value):
    return b"P6 2 2 255\n" + bytes([value] * 12)


def tar(kind, members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as file:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return out.getvalue().rstrip(b"\0") + bytes(1024)


def tars():
    plain = [("a/1.ppm", ppm(1)), ("a/1.cls", b"3"), ("a/2.ppm", ppm(2)), ("a/2.json", b'{"label": 1}')]
    long = [("d" * 120 + "/" + "n" * 90 + ".ppm", ppm(4)), ("x.cls", b"0")]
    for name, kind in ("ustar", tarfile.USTAR_FORMAT), ("gnu", tarfile.GNU_FORMAT), ("pax", tarfile.PAX_FORMAT):
        save("webdataset", name, tar(kind, plain))
        save("webdataset", name + "_long", tar(kind, long))
    save("webdataset", "gzip", gzip.compress(tar(tarfile.USTAR_FORMAT, plain), mtime=0))


def npy(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def arrays():
    images = np.arange(2 * 3 * 2 * 3, dtype=np.uint8)
    save("arrays", "nhwc", npy(images.reshape(2, 3, 2, 3)))
    save("arrays", "nhw", npy(images.reshape(6, 3, 2)))
    save("arrays", "float", npy(images.reshape(2, 3, 2, 3).astype(np.float32)))
    for name, write in ("stored", np.savez), ("deflated", np.savez_compressed):
        out = io.BytesIO()
        write(out, x_train=images.reshape(2, 3, 2, 3), y_train=np.array([1, 0]), x_test=images.reshape(6, 3, 2))
        save("npz", name, out.getvalue())


def records():
    idx = bytes([0, 0, 8, 3]) + struct.pack(">III", 2, 3, 2) + bytes(range(12))
    save("idx", "grey", idx)
    save("idx", "gzip", gzip.compress(idx, mtime=0))
    save("idx", "rgb", bytes([0, 0, 8, 4]) + struct.pack(">IIII", 1, 2, 2, 3) + bytes(range(12)))
    save("cifar", "two", bytes([3]) + bytes(3072) + bytes([9]) + bytes([7] * 3072))
    save("cifar", "wrong_label", bytes([11]) + bytes(3072))


def lists():
    save("list", "csv", b'path,label,dataset\r\n"a,b.jpg",dog,x\r\nc.jpg,"c""at",y\n')
    save("list", "tsv", b"file\tclass\na.jpg\t3\nb.jpg\t0\n")
    save("list", "jsonl", b'{"path": "a.jpg", "label": 3}\n\n{"file": "../b.jpg", "label": 0}\n')
    save("list", "words", b'{"path": "a.jpg", "label": "x"}\n{"path": "b.jpg", "label": "y"}\n')


if __name__ == "__main__":
    tars()
    arrays()
    records()
    lists()
