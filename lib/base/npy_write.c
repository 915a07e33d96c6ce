/* See npy_write.h. */
#include "base/npy_write.h"

#include <stdint.h>
#include <string.h>
#include "base/file.h"
#include "base/text.h"

static const struct {
    const char *descr;
    size_t item_bytes;
} types[] = {[DSBI_NPY_F32] = {"<f4", 4}, [DSBI_NPY_U32] = {"<u4", 4}, [DSBI_NPY_I64] = {"<i8", 8}};

/* Magic, version, length, and a dict padded so that the data begin at a multiple of 64. */
static void write_head(dsbi_text *text, dsbi_npy_type type, const size_t *shape, size_t n_dims)
{
    enum { BEFORE_DICT = 10, ALIGN = 64 };
    dsbi_text_add_n(text, "\x93NUMPY\x01\x00\x00\x00", BEFORE_DICT);
    dsbi_text_printf(text, "{'descr': '%s', 'fortran_order': False, 'shape': (", types[type].descr);
    for (size_t d = 0; d < n_dims; d++)
        dsbi_text_printf(text, d ? " %zu%s" : "%zu%s", shape[d],
                         d + 1 < n_dims || d == 0 ? "," : "");
    dsbi_text_add(text, "), }");
    while (text->status == DSB_OK && (text->size + 1) % ALIGN != 0)
        dsbi_text_add(text, " ");
    dsbi_text_add(text, "\n");
    if (text->status == DSB_OK) {
        const size_t length = text->size - BEFORE_DICT;
        text->data[8] = (char)(length & 255);
        text->data[9] = (char)(length >> 8);
    }
}

/* Blocks of elements, their bytes in little endian order. */
static void write_items(dsbi_new_file *file, const uint8_t *data, size_t count, size_t item)
{
    enum { BLOCK = 32768 };
    uint8_t block[BLOCK];
    const uint16_t probe = 1;
    const uint8_t swap = *(const uint8_t *)&probe == 1 ? 0 : (uint8_t)(item - 1);
    for (size_t done = 0; done < count;) {
        const size_t n = count - done < BLOCK / item ? count - done : BLOCK / item;
        for (size_t i = 0; i < n * item; i++)
            block[i ^ swap] = data[done * item + i];
        dsbi_new_file_write(file, block, n * item);
        done += n;
    }
}

dsb_status dsbi_npy_write(dsb_runtime *rt, const char *path, dsbi_npy_type type,
                          const size_t *shape, size_t n_dims, const void *data)
{
    size_t count = 1;
    for (size_t d = 0; d < n_dims; d++)
        count *= shape[d];
    dsbi_text head;
    dsbi_new_file file;
    dsbi_text_init(&head, rt);
    write_head(&head, type, shape, n_dims);
    dsbi_new_file_begin(&file, rt, path);
    dsbi_new_file_fail(&file, head.status);
    dsbi_new_file_write(&file, head.data, head.size);
    write_items(&file, data, count, types[type].item_bytes);
    dsbi_text_free(&head);
    return dsbi_new_file_end(&file);
}
