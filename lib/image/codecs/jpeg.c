/* JPEG through the libjpeg API (libjpeg-turbo, or any library with the version 6.2 API).
 *
 * The usual clean file is decoded by jpeg_scan.h, from the header that libjpeg has read; all
 * others, and those that turn out not to be clean, by libjpeg alone.
 *
 * The setjmp of the library's JPEG use is here and in jpeg_encode.c. libjpeg reports a fatal error
 * by calling error_exit, which must not return: ours writes the sentence and jumps back to the
 * function that holds the decoder. What must survive the jump lives in `reader`, never in locals.
 *
 * Bit-exact with Pillow: JDCT_ISLOW, fancy upsampling, libjpeg's own guess of the colour space;
 * CMYK is taken as inverted (the Adobe convention) whatever the file says, and turned into RGB with
 * Pillow's integer formula.
 *
 * Hostile files: the sides, the number of pixels, the memory and the work of all scans are limited
 * before or while they are spent; the first byte read past the end of the file ends the decoding.
 */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <jpeglib.h>
#include "image/codecs/codec.h"
#include "image/jpeg_errors.h"
#include "image/jpeg_scan.h"

/* A flat progressive image takes about 1 bit for each 16x16 MCU component; beyond this the header
 * claims what the data cannot hold. */
enum { MAX_PIXELS_PER_BYTE = 4096, STATE_HEADER_READ = 202 /* libjpeg: DSTATE_READY */ };

/* Columns beside a cut that smooth upsampling at its border looks at. */
enum { CUT_MARGIN = 2, ROWS_A_CALL = 8 };

#if defined(LIBJPEG_TURBO_VERSION_NUMBER) && LIBJPEG_TURBO_VERSION_NUMBER >= 2000000
#define HAS_PARTIAL_DECODING 1
#else
#define HAS_PARTIAL_DECODING 0
#endif

typedef struct reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    dsb_status status; /* of the fatal error, its sentence is set */
    const dsbi_decode_limits *limits;
    dsb_image_info *info;
    uint32_t n_warnings;
    uint64_t blocks_a_scan;
    int last_scan;
    uint8_t *row; /* one row of grey or CMYK samples */
} reader;

static void on_error(j_common_ptr jpeg)
{
    reader *r = jpeg->client_data;
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    r->status = dsbi_fail(dsbi_jpeg_status(jpeg->err->msg_code), "jpeg: %s", text);
    longjmp(r->escape, 1);
}

/* Fails with our own sentence, set by the caller. */
static void give_up(reader *r, dsb_status status)
{
    r->status = status;
    longjmp(r->escape, 1);
}

static void on_message(j_common_ptr jpeg, int level)
{
    reader *r = jpeg->client_data;
    if (level < 0 && r->n_warnings < UINT32_MAX)
        r->n_warnings++;
}

static void on_output(j_common_ptr jpeg)
{
    (void)jpeg;
}

static void source_begin(j_decompress_ptr jpeg)
{
    (void)jpeg;
}

/* Everything was there from the start: to ask for more is to run past the end of the file. */
static boolean source_fill(j_decompress_ptr jpeg)
{
    give_up(
        jpeg->client_data,
        dsbi_fail(DSB_E_FORMAT, "jpeg: premature end of file (%s)",
                  jpeg->global_state > STATE_HEADER_READ ? "truncated scan" : "truncated header"));
    return FALSE;
}

static void source_skip(j_decompress_ptr jpeg, long count)
{
    struct jpeg_source_mgr *source = jpeg->src;
    if (count <= 0)
        return;
    if ((size_t)count > source->bytes_in_buffer)
        source_fill(jpeg);
    source->next_input_byte += count;
    source->bytes_in_buffer -= (size_t)count;
}

static void source_end(j_decompress_ptr jpeg)
{
    (void)jpeg;
}

/* Data of the segment whose marker was just read, looked at in place: nothing is copied, so that a
 * file of nothing but segments takes no memory. The source is left behind it. */
static const uint8_t *take_segment(j_decompress_ptr jpeg, size_t *size)
{
    struct jpeg_source_mgr *source = jpeg->src;
    if (source->bytes_in_buffer < 2)
        source_fill(jpeg);
    size_t length = dsbi_be16(source->next_input_byte); /* itself included */
    const uint8_t *data = source->next_input_byte + 2;
    *size = length > 2 ? length - 2 : 0;
    source_skip(jpeg, (long)*size + 2);
    return data;
}

static boolean on_exif(j_decompress_ptr jpeg)
{
    dsb_image_info *info = ((reader *)jpeg->client_data)->info;
    size_t size;
    const uint8_t *data = take_segment(jpeg, &size);
    if (!info->has_exif && size >= 6 && memcmp(data, "Exif\0", 5) == 0) {
        info->has_exif = 1;
        info->exif_orientation = dsbi_exif_orientation(data + 6, size - 6);
    }
    return TRUE;
}

static boolean on_icc(j_decompress_ptr jpeg)
{
    size_t size;
    const uint8_t *data = take_segment(jpeg, &size);
    if (size >= 12 && memcmp(data, "ICC_PROFILE", 12) == 0)
        ((reader *)jpeg->client_data)->info->has_icc = 1;
    return TRUE;
}

/* Called often while scans are read: bounds their number and their work. */
static void on_progress(j_common_ptr common)
{
    reader *r = common->client_data;
    int scan = r->jpeg.input_scan_number;
    if (scan == r->last_scan)
        return;
    r->last_scan = scan;
    if ((uint32_t)scan > r->limits->max_scans)
        give_up(r, dsbi_fail(DSB_E_LIMIT, "jpeg: more than %u scans", r->limits->max_scans));
    if ((uint64_t)scan * r->blocks_a_scan > r->limits->max_blocks)
        give_up(r, dsbi_fail(DSB_E_LIMIT, "jpeg: %d scans of %llu blocks pass the limit of work",
                             scan, (unsigned long long)r->blocks_a_scan));
}

/* Sets up everything but the escape; jpeg_create_decompress itself may jump. */
static void reader_begin(reader *r, const uint8_t *bytes, size_t size)
{
    r->jpeg.err = jpeg_std_error(&r->errors);
    r->errors.error_exit = on_error;
    r->errors.emit_message = on_message;
    r->errors.output_message = on_output;
    r->jpeg.client_data = r;
    jpeg_create_decompress(&r->jpeg);
    r->jpeg.client_data = r; /* create clears it */
    r->jpeg.mem->max_memory_to_use = (long)r->limits->max_memory_bytes;
    r->source = (struct jpeg_source_mgr){
        .next_input_byte = bytes,
        .bytes_in_buffer = size,
        .init_source = source_begin,
        .fill_input_buffer = source_fill,
        .skip_input_data = source_skip,
        .resync_to_restart = jpeg_resync_to_restart,
        .term_source = source_end,
    };
    r->jpeg.src = &r->source;
    jpeg_set_marker_processor(&r->jpeg, JPEG_APP0 + 1, on_exif);
    jpeg_set_marker_processor(&r->jpeg, JPEG_APP0 + 2, on_icc);
    jpeg_read_header(&r->jpeg, TRUE);
}

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

static void read_tables(dsb_image_info *info, const struct jpeg_decompress_struct *jpeg)
{
    uint64_t hash = 0xcbf29ce484222325u;
    bool any = false;
    for (int c = 0; c < jpeg->num_components; c++) {
        const jpeg_component_info *component = &jpeg->comp_info[c];
        int number = component->quant_tbl_no;
        if (number < 0 || number >= NUM_QUANT_TBLS || !jpeg->quant_tbl_ptrs[number])
            continue; /* may still come between scans */
        uint16_t table[64];
        for (int i = 0; i < 64; i++)
            table[i] = jpeg->quant_tbl_ptrs[number]->quantval[i];
        if (c < 2)
            memcpy(c == 0 ? info->qtable_luma : info->qtable_chroma, table, sizeof table);
        for (int i = 0; i < 64; i++) {
            uint8_t pair[2] = {(uint8_t)(table[i] >> 8), (uint8_t)table[i]};
            hash = hash_bytes(hash, pair, sizeof pair);
        }
        any = true;
    }
    info->qtable_hash = any ? hash : 0;
}

static uint32_t colour_of(J_COLOR_SPACE space)
{
    switch (space) {
    case JCS_GRAYSCALE:
        return DSB_COLOUR_GREY;
    case JCS_RGB:
        return DSB_COLOUR_RGB;
    case JCS_CMYK:
        return DSB_COLOUR_CMYK;
    case JCS_YCCK:
        return DSB_COLOUR_YCCK;
    default:
        return DSB_COLOUR_YCC;
    }
}

static void facts(dsb_image_info *info, const struct jpeg_decompress_struct *jpeg)
{
    info->width = jpeg->image_width;
    info->height = jpeg->image_height;
    info->channels = (uint32_t)jpeg->num_components;
    info->bit_depth = (uint32_t)jpeg->data_precision;
    info->colour = colour_of(jpeg->jpeg_color_space);
    info->progressive = jpeg->progressive_mode ? 1 : 0;
    info->arithmetic = jpeg->arith_code ? 1 : 0;
    info->restart_interval = jpeg->restart_interval;
    for (int c = 0; c < jpeg->num_components && c < 4; c++) {
        const jpeg_component_info *component = &jpeg->comp_info[c];
        info->sampling = info->sampling << 8 | (uint32_t)(component->h_samp_factor & 15) << 4 |
                         (uint32_t)(component->v_samp_factor & 15);
    }
    info->has_jfif = jpeg->saw_JFIF_marker ? 1 : 0;
    info->has_adobe = jpeg->saw_Adobe_marker ? 1 : 0;
    read_tables(info, jpeg);
}

/* 8x8 blocks of all components. */
static uint64_t count_blocks(const struct jpeg_decompress_struct *jpeg)
{
    uint64_t blocks = 0;
    for (int c = 0; c < jpeg->num_components; c++)
        blocks +=
            (uint64_t)jpeg->comp_info[c].width_in_blocks * jpeg->comp_info[c].height_in_blocks;
    return blocks;
}

/* Before anything is allocated for pixels. */
static dsb_status check_limits(reader *r, size_t file_bytes)
{
    const struct jpeg_decompress_struct *jpeg = &r->jpeg;
    const dsbi_decode_limits *limits = r->limits;
    DSBI_TRY(dsbi_check_size("jpeg", jpeg->image_width, jpeg->image_height, limits));
    uint64_t pixels = (uint64_t)jpeg->image_width * jpeg->image_height;
    if (pixels / MAX_PIXELS_PER_BYTE > file_bytes)
        return dsbi_fail(DSB_E_FORMAT, "jpeg: %u x %u pixels cannot come from %zu bytes",
                         jpeg->image_width, jpeg->image_height, file_bytes);
    if (jpeg->num_components != 1 && jpeg->num_components != 3 && jpeg->num_components != 4)
        return dsbi_fail(DSB_E_UNSUPPORTED, "jpeg: %d components", jpeg->num_components);
    r->blocks_a_scan = count_blocks(jpeg);
    if (r->blocks_a_scan > limits->max_blocks)
        return dsbi_fail(DSB_E_LIMIT, "jpeg: %llu blocks pass the limit of work",
                         (unsigned long long)r->blocks_a_scan);
    /* several scans: all coefficients are kept, 128 bytes a block */
    uint64_t memory = pixels * 3;
    if (jpeg_has_multiple_scans(&r->jpeg))
        memory += r->blocks_a_scan * 128;
    if (memory > limits->max_memory_bytes)
        return dsbi_fail(DSB_E_LIMIT, "jpeg: %u x %u in several scans needs %llu bytes, limit %zu",
                         jpeg->image_width, jpeg->image_height, (unsigned long long)memory,
                         limits->max_memory_bytes);
    return DSB_OK;
}

static void grey_to_rgb(uint8_t *restrict rgb, const uint8_t *restrict grey, size_t width)
{
    for (size_t x = 0; x < width; x++, rgb += 3)
        rgb[0] = rgb[1] = rgb[2] = grey[x];
}

/* Pillow: cmyk inverted on reading, then out = clip(nk - MULDIV255(c, nk)), nk = 255 - k. */
static void inverted_cmyk_to_rgb(uint8_t *restrict rgb, const uint8_t *restrict cmyk, size_t width)
{
    for (size_t x = 0; x < width; x++, rgb += 3, cmyk += 4) {
        int nk = cmyk[3];
        for (int c = 0; c < 3; c++) {
            int product = (255 - cmyk[c]) * nk + 128;
            rgb[c] = (uint8_t)(nk - (((product >> 8) + product) >> 8));
        }
    }
}

/* Rows [first, end) of the decoder's output; those before it were passed over. */
static void read_rows(reader *r, dsbi_image *out, uint32_t first, uint32_t end)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    size_t width = out->width, row = width * 3;
    while (jpeg->output_scanline < end) {
        uint8_t *rgb = out->data + (size_t)(jpeg->output_scanline - first) * row;
        JSAMPROW rows[ROWS_A_CALL] = {r->row ? r->row : rgb};
        JDIMENSION n = 1;
        for (; !r->row && n < ROWS_A_CALL && n < end - jpeg->output_scanline; n++)
            rows[n] = rgb + n * row;
        if (jpeg_read_scanlines(jpeg, rows, n) == 0)
            give_up(r, dsbi_fail(DSB_E_INTERNAL, "jpeg: the decoder stopped"));
        if (jpeg->out_color_space == JCS_GRAYSCALE)
            grey_to_rgb(rgb, r->row, width);
        else if (jpeg->out_color_space == JCS_CMYK)
            inverted_cmyk_to_rgb(rgb, r->row, width);
    }
}

/* Halves, quarters and eighths have fast transforms of their own. */
static void choose_scale(struct jpeg_decompress_struct *jpeg, const dsbi_decode_limits *limits)
{
    uint32_t width = jpeg->image_width, height = jpeg->image_height;
    uint32_t min_width = limits->min_side, min_height = limits->min_side;
    if (limits->cut) {
        width = limits->cut->width;
        height = limits->cut->height;
        min_width = limits->cut->min_width;
        min_height = limits->cut->min_height;
    }
    jpeg->scale_num = jpeg->scale_denom = 1;
    while (min_width && min_height && jpeg->scale_denom < 8 &&
           width / (2 * jpeg->scale_denom) >= min_width &&
           height / (2 * jpeg->scale_denom) >= min_height)
        jpeg->scale_denom *= 2;
}

/* Narrows the started decoder to the cut; *first and *end are its rows. The columns are widened to
 * whole MCUs, and by a margin, so that pixels inside the cut are the same as in the whole image.
 * Files in several scans have all coefficients in memory and only end sooner. */
static void narrow(reader *r, dsbi_cut *cut, uint32_t *first, uint32_t *end)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    const uint32_t scale = jpeg->scale_denom;
    const uint32_t bottom = (cut->y + cut->height + scale - 1) / scale;
    cut->scale = scale;
    cut->at_x = cut->at_y = 0;
    *end = bottom < jpeg->output_height ? bottom : jpeg->output_height;
#if HAS_PARTIAL_DECODING
    if (jpeg_has_multiple_scans(jpeg))
        return;
    const uint32_t x0 = cut->x / scale, x1 = (cut->x + cut->width + scale - 1) / scale;
    JDIMENSION at = x0 > CUT_MARGIN ? x0 - CUT_MARGIN : 0, width = jpeg->output_width - at;
    if (x1 + CUT_MARGIN < jpeg->output_width)
        width = x1 + CUT_MARGIN - at;
    if (width < jpeg->output_width) {
        jpeg_crop_scanline(jpeg, &at, &width);
        cut->at_x = at;
    }
    cut->at_y = *first = cut->y / scale;
    if (*first > 0 && jpeg_skip_scanlines(jpeg, *first) != *first)
        give_up(r, dsbi_fail(DSB_E_INTERNAL, "jpeg: the decoder stopped"));
#else
    (void)first;
#endif
}

static dsb_status alloc_pixels(reader *r, dsb_runtime *rt, dsbi_image *out, uint32_t height)
{
    const struct jpeg_decompress_struct *jpeg = &r->jpeg;
    if (!r->limits->pixels)
        return dsbi_image_alloc(rt, out, jpeg->output_width, height, 3);
    uint8_t *data =
        dsbi_scratch_reserve(rt, r->limits->pixels, (size_t)jpeg->output_width * height * 3);
    if (!data)
        return DSB_E_NOMEM;
    *out = (dsbi_image){data, jpeg->output_width, height, 3};
    return DSB_OK;
}

/* The rectangle of the image at its reduced size. */
static void take_cut(dsbi_jpeg_scan *scan, const dsbi_cut *cut)
{
    const uint32_t scale = scan->scale;
    scan->out_width = (scan->width + scale - 1) / scale;
    scan->out_height = (scan->height + scale - 1) / scale;
    if (!cut)
        return;
    scan->x = cut->x / scale;
    scan->y = cut->y / scale;
    scan->out_width = (cut->x + cut->width + scale - 1) / scale - scan->x;
    scan->out_height = (cut->y + cut->height + scale - 1) / scale - scan->y;
    scan->to_the_end = cut->is_checked;
}

/* What jpeg_scan.h needs to know; false: it is not for this file. */
static bool describe_scan(const reader *r, dsbi_jpeg_scan *scan)
{
    const struct jpeg_decompress_struct *jpeg = &r->jpeg;
    const bool is_known = (jpeg->num_components == 3 && jpeg->jpeg_color_space == JCS_YCbCr) ||
                          (jpeg->num_components == 1 && jpeg->jpeg_color_space == JCS_GRAYSCALE);
    if (!is_known || jpeg->progressive_mode || jpeg->arith_code || jpeg->data_precision != 8 ||
        jpeg->comps_in_scan != jpeg->num_components || jpeg->Ss != 0 || jpeg->Se != DCTSIZE2 - 1 ||
        jpeg->Ah != 0 || jpeg->Al != 0)
        return false;
    const jpeg_component_info *luma = &jpeg->comp_info[0];
    *scan = (dsbi_jpeg_scan){
        .width = jpeg->image_width,
        .height = jpeg->image_height,
        .n_components = (uint32_t)jpeg->num_components,
        .across = jpeg->num_components == 1 ? 1 : (uint32_t)luma->h_samp_factor,
        .down = jpeg->num_components == 1 ? 1 : (uint32_t)luma->v_samp_factor,
        .restart_interval = jpeg->restart_interval,
        .bytes = r->source.next_input_byte,
        .size = r->source.bytes_in_buffer,
        .scale = jpeg->scale_denom,
        .to_the_end = true,
    };
    for (int c = 0; c < jpeg->num_components; c++) {
        const jpeg_component_info *component = jpeg->cur_comp_info[c];
        if ((unsigned)component->quant_tbl_no >= NUM_QUANT_TBLS ||
            (unsigned)component->dc_tbl_no >= NUM_HUFF_TBLS ||
            (unsigned)component->ac_tbl_no >= NUM_HUFF_TBLS)
            return false;
        const JQUANT_TBL *quant = jpeg->quant_tbl_ptrs[component->quant_tbl_no];
        const JHUFF_TBL *dc = jpeg->dc_huff_tbl_ptrs[component->dc_tbl_no];
        const JHUFF_TBL *ac = jpeg->ac_huff_tbl_ptrs[component->ac_tbl_no];
        if (component->component_index != c || !quant || !dc || !ac ||
            (c > 0 && (component->h_samp_factor != 1 || component->v_samp_factor != 1)))
            return false;
        scan->dc[c] = (dsbi_jpeg_huffman){dc->bits, dc->huffval};
        scan->ac[c] = (dsbi_jpeg_huffman){ac->bits, ac->huffval};
        for (int i = 0; i < DCTSIZE2; i++)
            scan->quant[c][i] = quant->quantval[i];
    }
    take_cut(scan, r->limits->cut);
    return true;
}

/* Pixels of the scan, with its working memory: behind them in the scratch, or taken and given back.
 */
static dsb_status scan_pixels(const dsbi_jpeg_scan *scan, dsb_runtime *rt, dsbi_image *out,
                              const dsbi_decode_limits *limits, bool *is_done)
{
    size_t pixels = (size_t)scan->out_width * scan->out_height * 3, work;
    pixels = (pixels + DSBI_ALIGN - 1) / DSBI_ALIGN * DSBI_ALIGN;
    if (!dsbi_jpeg_scan_memory(scan, &work) || pixels > limits->max_memory_bytes ||
        work > limits->max_memory_bytes - pixels)
        return DSB_OK;
    dsbi_scratch own = {0}, *scratch = limits->pixels ? limits->pixels : &own;
    uint8_t *memory = dsbi_scratch_reserve(rt, scratch, limits->pixels ? pixels + work : work);
    if (!memory)
        return DSB_E_NOMEM;
    dsb_status status = DSB_OK;
    if (limits->pixels) {
        *out = (dsbi_image){memory, scan->out_width, scan->out_height, 3};
        memory += pixels;
    } else {
        status = dsbi_image_alloc(rt, out, scan->out_width, scan->out_height, 3);
    }
    if (status == DSB_OK)
        *is_done = dsbi_jpeg_scan_decode(scan, dsbi_kernels_of(rt), out->data, memory);
    dsbi_scratch_free(rt, &own);
    if (!*is_done)
        dsbi_image_release(rt, out, limits->pixels);
    return status;
}

/* *is_done: the image is there. Else libjpeg may do it from where the header ends. */
static dsb_status read_scan(reader *r, dsb_runtime *rt, dsbi_image *out, bool *is_done)
{
    dsbi_jpeg_scan scan;
    *is_done = false;
    if (!describe_scan(r, &scan) || !dsbi_jpeg_scan_suits(&scan, dsbi_kernels_of(rt)))
        return DSB_OK;
    DSBI_TRY(scan_pixels(&scan, rt, out, r->limits, is_done));
    if (*is_done && r->limits->cut) {
        r->limits->cut->scale = scan.scale;
        r->limits->cut->at_x = scan.x;
        r->limits->cut->at_y = scan.y;
    }
    return DSB_OK;
}

static dsb_status read_pixels(reader *r, dsb_runtime *rt, dsbi_image *out, size_t file_bytes)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    DSBI_TRY(check_limits(r, file_bytes));
    choose_scale(jpeg, r->limits);
    bool is_done;
    DSBI_TRY(read_scan(r, rt, out, &is_done));
    if (is_done)
        return DSB_OK;
    jpeg->out_color_space = jpeg->num_components == 1   ? JCS_GRAYSCALE
                            : jpeg->num_components == 4 ? JCS_CMYK
                                                        : JCS_RGB;
    jpeg->dct_method = JDCT_ISLOW;
    jpeg->do_fancy_upsampling = TRUE;
    r->progress.progress_monitor = on_progress;
    jpeg->progress = &r->progress;
    jpeg_start_decompress(jpeg);
    uint32_t first = 0, end = jpeg->output_height;
    if (r->limits->cut && !r->limits->cut->is_checked)
        narrow(r, r->limits->cut, &first, &end);
    DSBI_TRY(alloc_pixels(r, rt, out, end - first));
    if (jpeg->num_components != 3) {
        r->row = dsbi_alloc_array(rt, jpeg->output_width, 4);
        if (!r->row)
            return DSB_E_NOMEM;
    }
    read_rows(r, out, first, end);
    if (end == jpeg->output_height)
        jpeg_finish_decompress(jpeg); /* reads on to the end marker: missing = truncated */
    return DSB_OK;
}

static dsb_status read_jpeg(dsb_runtime *rt, dsbi_image *out, dsb_image_info *info,
                            const uint8_t *bytes, size_t size, const dsbi_decode_limits *limits)
{
    if (size < 3 || bytes[2] != 0xff)
        return dsbi_fail(DSB_E_FORMAT, "jpeg: no marker after the start of image");
    reader r;
    memset(&r, 0, sizeof r);
    r.limits = limits;
    r.info = info;
    if (setjmp(r.escape) == 0) {
        reader_begin(&r, bytes, size);
        facts(info, &r.jpeg);
        if (out && limits->on_header)
            limits->on_header(limits->user, info);
        if (out)
            r.status = read_pixels(&r, rt, out, size);
    }
    info->n_warnings = r.n_warnings;
    jpeg_destroy_decompress(&r.jpeg);
    dsbi_free(rt, r.row);
    if (r.status != DSB_OK && out)
        dsbi_image_release(rt, out, limits->pixels);
    return r.status;
}

const dsbi_codec dsbi_codec_jpeg = {
    .format = DSB_FORMAT_JPEG,
    .decode = read_jpeg,
    .says_header = true,
};
