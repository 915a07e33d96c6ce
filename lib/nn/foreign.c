/* See foreign.h. A pickle is a program for a small machine that can call any function of Python:
 * nothing here reads one. The recipe loads it with weights_only, which calls none. */
#include "nn/foreign.h"

#include <stdbool.h>
#include <string.h>

#define BYTES(text) text, sizeof text - 1

/* Advice that needs the file's name is written by refuse_pickle. */
static const char pickle[] = "";
static const char arrays[] =
    "Load it in Python with the library it belongs to, and save its arrays under their names with "
    "safetensors.numpy.save_file; docs/weights.md says which names are understood";

typedef struct foreign {
    const char *magic;
    size_t size, at;
    const char *inside; /* found anywhere in the head; NULL: not asked */
    const char *what;
    const char *advice;
} foreign;

static const foreign formats[] = {
    {BYTES("PK\x03\x04"), 0, "data.pkl", "a PyTorch checkpoint (a pickle in a zip)", pickle},
    {BYTES("PK\x03\x04"), 0, ".npy", "a NumPy archive (npz)", arrays},
    {BYTES("PK\x03\x04"), 0, ".h5", "a Keras model (zip)", arrays},
    {BYTES("PK\x03\x04"), 0, NULL, "a zip archive", pickle},
    {BYTES("\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"), 0, NULL,
     "a PyTorch checkpoint of before 1.6 (a pickle)", pickle},
    {BYTES("\x80\x02"), 0, NULL, "a Python pickle", pickle},
    {BYTES("\x80\x03"), 0, NULL, "a Python pickle", pickle},
    {BYTES("\x80\x04"), 0, NULL, "a Python pickle", pickle},
    {BYTES("\x80\x05"), 0, NULL, "a Python pickle", pickle},
    {BYTES("\x89HDF\r\n\x1a\n"), 0, NULL, "an HDF5 file (Keras .h5)", arrays},
    {BYTES("\x93NUMPY"), 0, NULL, "a single NumPy array (npy)", arrays},
    {BYTES("GGUF"), 0, NULL, "a GGUF file", arrays},
    {BYTES("TFL3"), 4, NULL, "a TensorFlow Lite model", arrays},
    {BYTES("ustar"), 257, NULL, "a tar archive", pickle},
    {BYTES("\x1f\x8b"), 0, NULL, "compressed with gzip", "Unpack it first"},
    {BYTES("version https://git-lfs"), 0, NULL, "a Git LFS pointer, not the file itself",
     "Fetch the file with: git lfs pull"},
    {BYTES("{"), 0, "weight_map", "the index of weights in several files",
     "Join them in Python: update a dictionary with safetensors.torch.load_file of each file, and "
     "save that with save_file"},
    {BYTES("<!DOCTYPE"), 0, NULL, "a web page", "The download gave something else than the file"},
    {BYTES("<html"), 0, NULL, "a web page", "The download gave something else than the file"},
};

static bool holds(const uint8_t *head, size_t size, const char *text)
{
    const size_t n = strlen(text);
    for (size_t at = 0; at + n <= size; at++)
        if (memcmp(head + at, text, n) == 0)
            return true;
    return false;
}

/* A protobuf that begins with ONNX's ir_version (field 1) and goes on with the next fields. */
static bool is_onnx(const uint8_t *head, size_t size)
{
    return size > 3 && head[0] == 0x08 && head[1] > 0 && head[1] < 32 &&
           (head[2] == 0x12 || head[2] == 0x1a || head[2] == 0x22 || head[2] == 0x3a ||
            head[2] == 0x42) &&
           head[3] > 0;
}

static dsb_status refuse_pickle(const char *what, const char *path)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    const int stem = (int)(dot ? (size_t)(dot - path) : strlen(path));
    return dsbi_fail(
        DSB_E_UNSUPPORTED,
        "%s, not safetensors. Reading a pickle can run any code, so it is refused. Convert it "
        "once, with this line of Python: "
        "import torch, safetensors.torch as st; d = torch.load(\"%s\", map_location=\"cpu\", "
        "weights_only=True); d = d.get(\"state_dict\", d.get(\"model\", d)); "
        "st.save_file({k: v.clone().contiguous() for k, v in d.items()}, \"%.*s.safetensors\")",
        what, path, stem, path);
}

dsb_status dsbi_foreign_check(const uint8_t *head, size_t size, const char *path)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        const foreign *f = &formats[i];
        if (size < f->at + f->size || memcmp(head + f->at, f->magic, f->size) != 0 ||
            (f->inside && !holds(head, size, f->inside)))
            continue;
        if (f->advice == pickle)
            return refuse_pickle(f->what, path);
        return dsbi_fail(DSB_E_UNSUPPORTED, "%s, not safetensors. %s", f->what, f->advice);
    }
    if (is_onnx(head, size))
        return dsbi_fail(DSB_E_UNSUPPORTED, "an ONNX model, not safetensors. %s", arrays);
    return DSB_OK;
}
