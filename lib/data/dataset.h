/* Inside of dsb_dataset: an index in segments, so that it grows without copies and memory stays at
 * the size of an entry an image, plus names. */
#ifndef DSBI_DATA_DATASET_H
#define DSBI_DATA_DATASET_H

#include <stdatomic.h>
#include <stdbool.h>
#include "base/json_write.h"
#include "base/runtime.h"
#include "data/format.h"
#include "data/names.h"
#include "dsbias/data.h"

enum { DSBI_HASH_BYTES = 16 }; /* of SHA-256: 2^64 files before two are likely to share one */

enum dsbi_entry_flags {
    DSBI_ENTRY_PROGRESSIVE = 1 << 0,
    DSBI_ENTRY_ARITHMETIC = 1 << 1,
    DSBI_ENTRY_JFIF = 1 << 2,
    DSBI_ENTRY_ADOBE = 1 << 3,
    DSBI_ENTRY_EXIF = 1 << 4,
    DSBI_ENTRY_ICC = 1 << 5,
    DSBI_ENTRY_ALPHA = 1 << 6,
    DSBI_ENTRY_QUALITY_EXACT = 1 << 7,
    DSBI_ENTRY_WARNINGS = 1 << 8, /* decoded with defects passed over */
};

/* One usable image. Numbers as in dsb_image_info. */
typedef struct dsbi_entry {
    uint8_t
        hash[DSBI_HASH_BYTES]; /* of the file's bytes, or of the pixels where there is no file */
    uint64_t locator;
    uint64_t qtable_hash;
    uint64_t name; /* in the name pool */
    uint32_t width, height;
    uint32_t stratum; /* class: the label, or the folder */
    uint32_t sampling;
    uint32_t size_low; /* dsbi_entry_size */
    unsigned size_high : 8, container : 24;
    uint16_t flags;
    uint16_t restart_interval; /* a marker holds 16 bits */
    unsigned format : 8, quality : 7, exif_orientation : 4, channels : 4, bit_depth : 5, colour : 3;
} dsbi_entry;
_Static_assert(sizeof(dsbi_entry) == 72,
               "96 bytes an image leave 24 for splits, order, pixel store");

/* What an entry can hold: a terabyte an image, 16 million containers. */
#define DSBI_ENTRY_MAX_SIZE (((uint64_t)1 << 40) - 1)
enum { DSBI_ENTRY_MAX_CONTAINERS = 1 << 24 };

static inline uint64_t dsbi_entry_size(const dsbi_entry *entry)
{
    return (uint64_t)entry->size_high << 32 | entry->size_low;
}
static inline void dsbi_entry_set_size(dsbi_entry *entry, uint64_t size_bytes)
{
    if (size_bytes > DSBI_ENTRY_MAX_SIZE)
        size_bytes = DSBI_ENTRY_MAX_SIZE; /* above every limit */
    entry->size_low = (uint32_t)size_bytes;
    entry->size_high = size_bytes >> 32 & 0xff;
}

#ifdef DSBI_SMALL_SEGMENTS /* for fuzzing: borders are reached, and less has to be set up */
enum { DSBI_ENTRY_SEGMENT = 16 };
#else
enum { DSBI_ENTRY_SEGMENT = 4096 };
#endif

typedef struct dsbi_entries {
    dsbi_entry **segments; /* [DSBI_ENTRY_SEGMENT] each */
    size_t n_segments, capacity;
    uint64_t n;
} dsbi_entries;

static inline dsbi_entry *dsbi_entries_at(const dsbi_entries *entries, uint64_t i)
{
    return &entries->segments[i / DSBI_ENTRY_SEGMENT][i % DSBI_ENTRY_SEGMENT];
}

typedef struct dsbi_problem {
    uint64_t path, message; /* in the name pool */
    uint32_t cause;
    uint32_t reserved;
} dsbi_problem;

enum { DSBI_CAUSE_LAST = DSB_CAUSE_FOLDER, DSBI_CAUSE_FIRST_SKIPPED = DSB_CAUSE_HIDDEN };

typedef struct dsbi_problems {
    dsbi_problem *items; /* the first max_listed */
    size_t n, capacity;
    uint64_t total;
} dsbi_problems;

/* Something whose change means that the collection may have changed. */
typedef struct dsbi_witness {
    uint64_t path; /* in the name pool; folders and containers of a tree: below its root */
    uint64_t size_bytes;
    int64_t mtime_ns; /* -1: changed too late to be trusted */
    uint32_t kind;    /* dsbi_witness_kind */
    uint32_t reserved;
} dsbi_witness;

typedef struct dsbi_witnesses {
    dsbi_witness *items;
    size_t n, capacity;
} dsbi_witnesses;

struct dsb_dataset {
    atomic_size_t references;
    dsb_runtime *rt; /* retained */
    const dsbi_format *format;
    void *state;
    dsb_dataset_opts opts;
    char *name, *where;
    size_t where_path; /* bytes of `where` before its options */
    dsbi_entries entries;
    dsbi_names names;
    dsbi_name_set strata; /* classes, numbered */
    bool has_labels;      /* classes are declared by the format, not folders */
    uint32_t *groups;     /* [entries] numbers, DSBI_NO_GROUP; NULL: nobody named groups */
    size_t groups_capacity;
    dsbi_name_set group_names;
    dsbi_problems broken, skipped;
    uint64_t cause_counts[DSBI_CAUSE_LAST + 1];
    uint8_t digest[32];
    atomic_uint_fast64_t n_read; /* candidates read by the scan */
    uint64_t n_scanned;          /* entries that are images; those behind are candidates */
    double scan_start;           /* dsbi_now; 0: has not begun */

    /* for the index on disk */
    bool is_indexed;                   /* keep times and witnesses */
    bool checks_files, checks_folders; /* option check: what a reopening looks at */
    int64_t *mtimes;                   /* [entries], capacity n_mtimes */
    size_t n_mtimes;
    dsbi_witnesses witnesses;
    const struct dsbi_index_memory *memory; /* what an older index knows, during the scan */
    void *map; /* entries and names lie in it; NULL: in segments of their own */
    size_t map_bytes;
    const int64_t *map_times;
    const uint32_t *map_groups;
    int64_t started_ns;              /* when the listing of the loaded index began */
    const dsbi_format *index_format; /* the loaded index is of */
};

#define DSBI_NO_GROUP UINT32_MAX

/* A hold more, for objects made from the dataset. End it with dsb_dataset_free. */
void dsbi_dataset_retain(const dsb_dataset *dataset);

/* Entry and path of image i < count. */
const dsbi_entry *dsbi_dataset_entry(const dsb_dataset *dataset, uint64_t i);
const char *dsbi_dataset_path(const dsb_dataset *dataset, uint64_t i);
/* `where` without its options, yours: dsbi_free. */
char *dsbi_dataset_where_path(const dsb_dataset *dataset);
/* Digest in hexadecimal. */
void dsbi_dataset_fingerprint(const dsb_dataset *dataset, char hex[65]);

/* The listed broken files, at most so many, as objects {dataset, path, cause, message} of an array
 * that is open. Returns how many. */
uint64_t dsbi_dataset_write_broken(const dsb_dataset *dataset, dsbi_json_writer *w, uint64_t most);

/* Bytes of the file; UNSUPPORTED where the format holds none. Yours: dsbi_free. Any thread. */
dsb_status dsbi_dataset_read(const dsb_dataset *dataset, dsb_runtime *rt, uint8_t **bytes,
                             size_t *size, uint64_t i);
/* Decoded RGB, within the runtime's memory budget. Any thread. Messages name the image. */
dsb_status dsbi_dataset_decode(const dsb_dataset *dataset, dsb_runtime *rt, dsbi_image *out,
                               uint64_t i);
/* What of an image is wanted, and what one got. Zeros: everything, exactly. */
typedef struct dsbi_wish {
    uint32_t
        min_side; /* a JPEG may come out smaller, its shorter side no less than this; 0: exact */
    /* Chooses a rectangle once the size is known, noted in `cut`: a JPEG is decoded no further than
     * that says. NULL: everything. */
    void (*choose)(void *user, uint32_t width, uint32_t height, dsbi_cut *cut);
    void *user;
    bool is_upright;      /* turned and mirrored as EXIF says; then always whole */
    dsbi_scratch *pixels; /* where the result may lie; NULL: its own memory */
    dsbi_cut cut;         /* set by the call */
} dsbi_wish;

/* Decoded as wished. Give it back with dsbi_image_release(rt, out, wish->pixels). */
dsb_status dsbi_dataset_decode_wish(const dsb_dataset *dataset, dsb_runtime *rt, dsbi_image *out,
                                    uint64_t i, dsbi_wish *wish);
/* With nothing but `min_side`. */
dsb_status dsbi_dataset_decode_least(const dsb_dataset *dataset, dsb_runtime *rt, dsbi_image *out,
                                     uint64_t i, uint32_t min_side);

/* SHA-256 of sides, channels and pixels: what images without a file are known by. */
void dsbi_image_digest(const dsb_runtime *rt, uint8_t digest[32], const dsbi_image *image);

/* ---- parts of reading, for the scan ---- */

dsbi_member dsbi_member_of(const dsb_dataset *dataset, const dsbi_entry *entry);
/* `*budget` is what was taken of the runtime's memory budget: give it back after the bytes are
 * freed, also on failure. */
dsb_status dsbi_read_member(const dsb_dataset *dataset, dsb_runtime *rt, uint8_t **bytes,
                            size_t *size, const dsbi_member *member, uint64_t *budget);
/* What decoding `size` bytes would refuse of this header: DSB_E_LIMIT, DSB_E_FORMAT. */
dsb_status dsbi_check_header(const dsb_dataset *dataset, const dsb_image_info *info, size_t size);
/* `info` as read from the header, filled again; `budget` as told by dsbi_read_member. */
dsb_status dsbi_decode_bytes(const dsb_dataset *dataset, dsbi_image *out, dsb_image_info *info,
                             const uint8_t *bytes, size_t size, uint64_t budget);

/* ---- while opening ---- */

dsb_status dsbi_entries_add(dsb_runtime *rt, dsbi_entries *entries, const dsbi_entry *entry);
/* Keeps the first n and frees whole segments behind them. */
void dsbi_entries_truncate(dsb_runtime *rt, dsbi_entries *entries, uint64_t n);
/* Notes a witness; without an index nothing happens. */
dsb_status dsbi_dataset_witness(dsb_dataset *dataset, uint32_t kind, const char *path,
                                uint64_t size_bytes, int64_t mtime_ns);
/* Counts a file that is not used and lists it if there is room. */
dsb_status dsbi_dataset_note(dsb_dataset *dataset, uint64_t path, uint32_t cause,
                             const char *message);
/* Reads the candidates listed since the last time, keeps the usable ones, notes the others. */
dsb_status dsbi_dataset_scan_listed(dsb_dataset *dataset, dsb_event_fn fn, void *user);
/* The same, for the last time: numbers class folders, sorts the notes, fills the digest. */
dsb_status dsbi_dataset_scan(dsb_dataset *dataset, dsb_event_fn fn, void *user);

#endif
