"""Seeds for the readers of lib/shift: python3 make_tables.py (NumPy 1.24 or later)."""
import io
import pathlib

import numpy as np

here = pathlib.Path(__file__).parent / "corpus"
arrays = {
    "labels_u8": np.array([3, 8, 8, 0], np.uint8),
    "labels_i64_big_endian": np.array([3, 8, 8, 0], ">i8"),
    "top5_i32": np.arange(15, dtype=np.int32).reshape(3, 5),
    "probabilities_f32": np.full((4, 3), 1 / 3, np.float32),
    "fortran_f64": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "half": np.array([0.5, np.inf, -0.0, 6e-8], np.float16),
    "bool": np.array([True, False]),
    "scalar": np.float64(3),
    "words": np.array(["cat", "dog"]),
}
for name, array in arrays.items():
    out = io.BytesIO()
    np.save(out, array)
    (here / "npy" / name).write_bytes(out.getvalue())
tables = {
    "wide": "index,label,resnet,vgg\n0,3,3,3\n1,8,8,1\n",
    "long": "model;item;prediction\nresnet;a;3\nvgg;a;4\n",
    "quoted": '\ufeff"model ""x""","a\nb"\r\n1.5e3,NA\r\n',
    "text": "cat\ndog\n\ncat\n",
    "tabs": "a\tb\n1\t-\n",
    "ragged": "a,b\n1\n",
    "open_quote": 'a,"b\n1,2\n',
}
for name, text in tables.items():
    (here / "csv" / name).write_bytes(text.encode())
documents = {
    "array": "[3, 8, 8, null]",
    "words": '["cat", "dog"]',
    "rows": "[[0.1, 0.9], [0.7, 0.3]]",
    "models": '{"resnet": [3, 8], "vgg": [3, 1]}',
    "ragged": "[[1, 2], [3]]",
    "mixed": '[1, "two"]',
    "csv": "a,b\n1,2\n",
}
for name, text in documents.items():
    (here / "predictions" / name).write_bytes(text.encode())
