/* Writing JPEG through the libjpeg API. What must survive the jump out of error_exit lives in
 * `writer`, never in locals: see codecs/jpeg.c. */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <jpeglib.h>
#include "image/image.h"
#include "image/jpeg_errors.h"

typedef struct writer {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr destination;
    jmp_buf escape;
    dsb_status status;
    dsb_runtime *rt;
    uint8_t *bytes;
    size_t capacity;
} writer;

enum { FIRST_BYTES = 16384 };

static void on_write_error(j_common_ptr jpeg)
{
    writer *w = jpeg->client_data;
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    w->status = dsbi_fail(dsbi_jpeg_status(jpeg->err->msg_code), "jpeg: %s", text);
    longjmp(w->escape, 1);
}

static void on_write_output(j_common_ptr jpeg)
{
    (void)jpeg;
}

static void destination_begin(j_compress_ptr jpeg)
{
    (void)jpeg;
}

/* The buffer is full: double it. */
static boolean destination_grow(j_compress_ptr jpeg)
{
    writer *w = jpeg->client_data;
    size_t full = w->capacity;
    uint8_t *grown = dsbi_realloc_array(w->rt, w->bytes, full, 2 * full, 1);
    if (!grown) {
        w->status = DSB_E_NOMEM;
        longjmp(w->escape, 1);
    }
    w->bytes = grown;
    w->capacity = 2 * full;
    w->destination.next_output_byte = grown + full;
    w->destination.free_in_buffer = full;
    return TRUE;
}

static void destination_end(j_compress_ptr jpeg)
{
    (void)jpeg;
}

static void write_pixels(writer *w, const dsbi_image *in, int quality, bool subsampling_420)
{
    struct jpeg_compress_struct *jpeg = &w->jpeg;
    jpeg->err = jpeg_std_error(&w->errors);
    w->errors.error_exit = on_write_error;
    w->errors.output_message = on_write_output;
    jpeg->client_data = w;
    jpeg_create_compress(jpeg);
    jpeg->client_data = w;
    w->destination = (struct jpeg_destination_mgr){
        .next_output_byte = w->bytes,
        .free_in_buffer = w->capacity,
        .init_destination = destination_begin,
        .empty_output_buffer = destination_grow,
        .term_destination = destination_end,
    };
    jpeg->dest = &w->destination;
    jpeg->image_width = in->width;
    jpeg->image_height = in->height;
    jpeg->input_components = 3;
    jpeg->in_color_space = JCS_RGB;
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, quality, TRUE);
    jpeg->dct_method = JDCT_ISLOW;
    jpeg->comp_info[0].h_samp_factor = jpeg->comp_info[0].v_samp_factor = subsampling_420 ? 2 : 1;
    jpeg_start_compress(jpeg, TRUE);
    while (jpeg->next_scanline < jpeg->image_height) {
        JSAMPROW row = in->data + (size_t)jpeg->next_scanline * in->width * 3;
        jpeg_write_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_compress(jpeg);
}

dsb_status dsbi_jpeg_encode(dsb_runtime *rt, uint8_t **bytes, size_t *size, const dsbi_image *in,
                            int quality, bool subsampling_420)
{
    *bytes = NULL;
    *size = 0;
    if (quality < 1 || quality > 100 || in->channels != 3)
        return dsbi_fail(DSB_E_INVALID, "jpeg: quality %d (1..100), %u channels (3)", quality,
                         in->channels);
    writer w;
    memset(&w, 0, sizeof w);
    w.rt = rt;
    w.capacity = FIRST_BYTES;
    w.bytes = dsbi_alloc(rt, w.capacity);
    if (!w.bytes)
        return DSB_E_NOMEM;
    if (setjmp(w.escape) == 0)
        write_pixels(&w, in, quality, subsampling_420);
    jpeg_destroy_compress(&w.jpeg);
    if (w.status != DSB_OK) {
        dsbi_free(rt, w.bytes);
        return w.status;
    }
    *bytes = w.bytes;
    *size = w.capacity - w.destination.free_in_buffer;
    return DSB_OK;
}
