/** Data: collections of images, what is broken in them, duplicates, splits, and a threaded loader.
 *
 *  Simplest use:
 *      dsb_dataset *sets[2];
 *      dsb_dataset_open(rt, &sets[0], "holiday=/photos/2023", NULL, NULL, NULL);
 *      dsb_dataset_open(rt, &sets[1], "/photos/scans", NULL, NULL, NULL);
 *      printf("%llu images, %llu broken\n", (unsigned long long)dsb_dataset_count(sets[0]),
 *             (unsigned long long)dsb_dataset_broken_count(sets[0]));
 *
 *      dsb_split *split;
 *      dsb_split_create(rt, &split, (const dsb_dataset *const *)sets, 2, NULL);
 *      dsb_loader *loader;
 *      dsb_loader_create(rt, &loader, split, DSB_PART_TRAIN, NULL);
 *      dsb_batch batch;
 *      dsb_batch_init(&batch, sizeof batch);
 *      while (dsb_loader_next(loader, &batch) == DSB_OK && batch.n)
 *          use(batch.images, batch.labels, batch.n);
 *
 *  A collection is named by a spec, "[NAME=]WHERE[?option=value&...]". WHERE is a folder, a file,
 * or what another format takes ("synthetic:..."); its format is told by content (docs/datasets.md
 * has all of them and their options). NAME defaults to the last part of WHERE. A folder with '=' in
 * its name is written "./a=b"; %XX in a value is a byte.
 *
 *  What counts as an image in a folder: every file whose content is an image, whatever it is
 * called. A file that is no image is *broken* if its name ends like an image's (.jpg, .png ...),
 * for somebody took it for one, and *skipped* if not (.txt, .json, Thumbs.db). Hidden files and
 * folders (first character '.'), links that leave the folder, links to folders and special files
 * are skipped. Both lists say why, nothing is dropped silently. Symbolic links to files inside the
 * folder are followed.
 */
#ifndef DSBIAS_DATA_H
#define DSBIAS_DATA_H

#include "dsbias/base.h"
#include "dsbias/image.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- collections ---- */

/** One opened collection: the index of its usable images. It never changes, and all functions on it
 *  may be called by any number of threads at once. */
typedef struct dsb_dataset dsb_dataset;

typedef struct dsb_dataset_opts {
    uint64_t struct_size;    /* bytes the caller knows about; set by dsb_dataset_opts_init */
    uint64_t max_file_bytes; /* larger files are broken (LIMIT), >= 1; default 128 MiB */
    uint64_t max_listed;     /* broken and skipped files kept by name, each; all are counted;
                                default 65536 */
    uint32_t verify;         /* 1: decode every image once, so that all broken ones are known now;
                                0: read headers only, the rest (max_blocks and max_scans, too)
                                surfaces in the loader; default 1 */
    uint32_t max_depth;      /* folders inside folders; deeper ones are skipped; default 32 */
    uint64_t max_unpacked_bytes; /* what one gzip or deflate stream may unpack to on disk, >= 1;
                                    default 16 GiB */
    uint64_t max_pixels; /* larger images are broken (LIMIT), >= 1; default 178,956,970 as Pillow */
    uint64_t max_blocks; /* 8 x 8 blocks that decoding a JPEG may visit, all scans together, >= 1:
                            bounds the time, the same on every machine; default 32 Mi, about a
                            second */
    uint32_t max_scans;  /* of a progressive JPEG, >= 1; default 100 */
    uint32_t reserved;   /* must be 0 */
} dsb_dataset_opts;

/** Fills `opts` with defaults. @param size sizeof *opts as the caller compiled it. */
DSB_API void dsb_dataset_opts_init(dsb_dataset_opts *opts, size_t size);

/** Opens a collection: lists it, then reads every file on the runtime's pool: content hash, header,
 *  pixels if `verify`. The result does not depend on the number of threads.
 *  Memory: at most 96 bytes an image plus its name stay; 384 MiB while large files are decoded.
 *  @param fn  progress, stage "scan NAME"; NULL = none.
 *  @return DSB_OK, also for a collection without a usable image; DSB_E_NOTFOUND, DSB_E_INVALID
 *  (spec, options), DSB_E_IO (the folder itself), DSB_E_NOMEM, DSB_E_LIMIT, DSB_E_CANCELLED.
 *  Since 0.1. */
DSB_API dsb_status dsb_dataset_open(dsb_runtime *rt, dsb_dataset **out, const char *spec,
                                    const dsb_dataset_opts *opts, dsb_event_fn fn, void *user);
/** Ends the caller's hold; splits and loaders made from it keep it alive. */
DSB_API void dsb_dataset_free(dsb_dataset *dataset);

/** Name, place as given after "NAME=", and format ("folder"): borrowed. */
DSB_API const char *dsb_dataset_name(const dsb_dataset *dataset);
DSB_API const char *dsb_dataset_where(const dsb_dataset *dataset);
DSB_API const char *dsb_dataset_format(const dsb_dataset *dataset);

/** Number of usable images. They are numbered from 0 in byte order of their folders and names. */
DSB_API uint64_t dsb_dataset_count(const dsb_dataset *dataset);
/** Path of image i below the folder, '/' between. Any bytes but NUL. NULL if there is no such
 * image. */
DSB_API const char *dsb_dataset_path(const dsb_dataset *dataset, uint64_t i);
/** Facts of image i, as dsb_image_info_read gives them, quantisation tables left out.
 *  @param info  prepared by dsb_image_info_init. @return DSB_OK, DSB_E_INVALID. */
DSB_API dsb_status dsb_dataset_info(const dsb_dataset *dataset, uint64_t i, dsb_image_info *info);
/** Decodes image i. @return DSB_OK, DSB_E_INVALID, or as dsb_image_load. */
DSB_API dsb_status dsb_dataset_image(const dsb_dataset *dataset, uint64_t i, dsb_image **out);

/** Classes: number of them, name of one, and the one of image i (UINT32_MAX if there is no such
 *  image). Where the format carries labels (CIFAR, npy with labels ...) the class is the label, and
 *  classes without an image count too. Elsewhere it is the image's folder, "" for the root,
 * numbered in order of first appearance. */
DSB_API uint32_t dsb_dataset_class_count(const dsb_dataset *dataset);
DSB_API const char *dsb_dataset_class_name(const dsb_dataset *dataset, uint32_t class_id);
DSB_API uint32_t dsb_dataset_class(const dsb_dataset *dataset, uint64_t i);
/** 1 where classes are labels, 0 where they are folders. */
DSB_API uint32_t dsb_dataset_has_labels(const dsb_dataset *dataset);

/** Groups: images that a split must not divide (the slices of a patient, the frames of a film),
 * named by option `group` of the spec or a manifest's column; docs/datasets.md. Number of groups,
 * name of one, and the one of image i: UINT32_MAX if it is in none. Since 0.1. */
DSB_API uint32_t dsb_dataset_group_count(const dsb_dataset *dataset);
DSB_API const char *dsb_dataset_group_name(const dsb_dataset *dataset, uint32_t group);
DSB_API uint32_t dsb_dataset_group(const dsb_dataset *dataset, uint64_t i);

/** Files read while opening: all candidates, or those that changed since the index (option
 * index=FILE of the spec) was written; 0 when nothing did and the index was opened as it is. */
DSB_API uint64_t dsb_dataset_read_count(const dsb_dataset *dataset);

/** SHA-256 over path, size and content hash of every usable image, in order: two collections with
 *  the same digest hold the same images. */
DSB_API void dsb_dataset_digest(const dsb_dataset *dataset, uint8_t digest[32]);

/** Why a file is not used. 1..15: broken, somebody took it for an image. 16 and above: skipped. */
#define DSB_CAUSE_EMPTY 1u       /* no bytes */
#define DSB_CAUSE_NOT_IMAGE 2u   /* named like an image, but its content is none */
#define DSB_CAUSE_UNSUPPORTED 3u /* an image in a format or variant that is not decoded */
#define DSB_CAUSE_DAMAGED 4u     /* ends too early, contradicts itself, fails its checksum */
#define DSB_CAUSE_LIMIT 5u       /* more bytes, pixels or scans than allowed */
#define DSB_CAUSE_UNREADABLE 6u  /* the operating system refused */
#define DSB_CAUSE_HIDDEN 16u     /* name begins with '.' */
#define DSB_CAUSE_OTHER 17u      /* neither named like an image nor one by content */
#define DSB_CAUSE_LINK 18u    /* symbolic link to a folder, out of the collection, or to nothing */
#define DSB_CAUSE_SPECIAL 19u /* socket, FIFO, device */
#define DSB_CAUSE_DEPTH 20u   /* folder deeper than max_depth */
#define DSB_CAUSE_FOLDER 21u  /* folder that cannot be listed */

/** Name of a cause, "damaged". Static text; "?" for a value that is none. */
DSB_API const char *dsb_cause_name(uint32_t cause);

/** A file that is not used. Texts are borrowed from the collection. */
typedef struct dsb_problem {
    uint64_t struct_size; /* bytes the caller knows about; set by dsb_problem_init */
    const char *path;     /* below the folder, '/' between */
    const char *message;  /* one sentence */
    uint32_t cause;       /* DSB_CAUSE_* */
    uint32_t reserved;    /* 0 */
} dsb_problem;

DSB_API void dsb_problem_init(dsb_problem *problem, size_t size);

/** Files of one cause, or of all broken ones (cause 0). */
DSB_API uint64_t dsb_dataset_broken_count(const dsb_dataset *dataset);
DSB_API uint64_t dsb_dataset_skipped_count(const dsb_dataset *dataset);
DSB_API uint64_t dsb_dataset_cause_count(const dsb_dataset *dataset, uint32_t cause);
/** Broken (skipped) file i in order of path, i below min(count, max_listed).
 *  @return DSB_OK, DSB_E_INVALID. */
DSB_API dsb_status dsb_dataset_broken(const dsb_dataset *dataset, uint64_t i, dsb_problem *problem);
DSB_API dsb_status dsb_dataset_skipped(const dsb_dataset *dataset, uint64_t i,
                                       dsb_problem *problem);

/* ---- conversion ---- */

typedef struct dsb_convert_opts {
    uint64_t struct_size; /* bytes the caller knows about; set by dsb_convert_opts_init */
    uint64_t per_shard;   /* images a tar shard, >= 1; default 10000 */
    uint32_t size;    /* side in pixels images are reduced to (shorter side, middle cut), 0..4096;
                         0 (default): as they are */
    uint32_t quality; /* 1..100: stored anew as JPEG; 0 (default): the bytes as they are, pixels
                         and resized images as PNG */
} dsb_convert_opts;

DSB_API void dsb_convert_opts_init(dsb_convert_opts *opts, size_t size);

/** Writes a collection as another format, in its order. Nothing is lost between formats that hold
 * the same (files: bytes; arrays: pixels), unless `size` or `quality` say so.
 *  @param to   "folder" (OUT/CLASS/000000012.jpg, OUT/classes.txt), "webdataset" (OUT/00000.tar
 *  with .cls members, OUT/classes.txt), "npy" (OUT, labels and class names beside it), "cifar"
 * (OUT, 32 x 32, names beside it; at most 100 classes).
 *  @param out  a folder, new or empty, or a file; each file is written whole or not at all, a file
 *  of that name is replaced.
 *  @param fn   progress, stage "convert"; NULL = none.
 *  @return DSB_OK; DSB_E_SHAPE (sizes differ, or are not the format's), DSB_E_NOTFOUND (`to`),
 *  DSB_E_IO, DSB_E_UNSUPPORTED (PNG without libpng), DSB_E_LIMIT, DSB_E_INVALID (also: `out` is not
 *  empty, is the collection itself, or names of other classes lie beside it), DSB_E_NOMEM,
 *  DSB_E_CANCELLED, or what is wrong with an image. Since 0.1. */
DSB_API dsb_status dsb_dataset_convert(dsb_runtime *rt, const dsb_dataset *dataset, const char *to,
                                       const char *out, const dsb_convert_opts *opts,
                                       dsb_event_fn fn, void *user);

/* ---- contact sheets ---- */

/** A picture of many small pictures, for a look at what there is. Never changes; any thread. */
typedef struct dsb_sheet dsb_sheet;

typedef struct dsb_sheet_opts {
    uint64_t struct_size; /* bytes the caller knows about; set by dsb_sheet_opts_init */
    uint64_t seed;        /* which images are drawn; any value; default 0 */
    uint32_t tiles;       /* images of each group, 1..10000; fewer where it has fewer; 0 (default):
                             64, or one row where there are several groups */
    uint32_t columns;     /* tiles a row, 1..1000; 0 (default): as many as rows, or 10 where there
                             are several groups */
    uint32_t tile;        /* side of a tile in pixels, 8..1024; default 128 */
    uint32_t by_class;    /* 1: a group is a class; 0 (default): a group is a collection */
} dsb_sheet_opts;

DSB_API void dsb_sheet_opts_init(dsb_sheet_opts *opts, size_t size);

/** Draws a sheet: images of each group, drawn without repeats by the seed and shown in the order of
 *  the collection, each group beginning a row of its own. Images are reduced to fit a tile whole,
 *  small ones are enlarged two, three ... times. A tile crossed out is a file that cannot be
 *  decoded; files found broken when the collection was opened are drawn, too, unless by class. The
 *  sheet does not depend on the number of threads.
 *  @param fn  progress, stage "sheet"; NULL = none.
 *  @return DSB_OK; DSB_E_DATA (nothing to show), DSB_E_LIMIT (more than 64 million pixels),
 *  DSB_E_INVALID, DSB_E_NOMEM, DSB_E_CANCELLED. Since 0.1. */
DSB_API dsb_status dsb_sheet_create(dsb_runtime *rt, dsb_sheet **out,
                                    const dsb_dataset *const *datasets, uint64_t n_datasets,
                                    const dsb_sheet_opts *opts, dsb_event_fn fn, void *user);
DSB_API void dsb_sheet_free(dsb_sheet *sheet);

/** The picture, borrowed: dsb_image_save_png, dsb_image_save_jpeg, dsb_image_pixels. */
DSB_API const dsb_image *dsb_sheet_image(const dsb_sheet *sheet);
/** Tiles, and those of them crossed out. */
DSB_API uint64_t dsb_sheet_count(const dsb_sheet *sheet);
DSB_API uint64_t dsb_sheet_broken_count(const dsb_sheet *sheet);
/** Number of rows, and what a row shows: its collection, or its class (behind its collection's name
 *  where there are several). Borrowed; NULL if there is no such row. */
DSB_API uint64_t dsb_sheet_row_count(const dsb_sheet *sheet);
DSB_API const char *dsb_sheet_row_name(const dsb_sheet *sheet, uint64_t row);
/** What each tile shows, as JSON ("dsbias.sheet/1", docs/data-summary.md).
 *  @param json  yours, free it with dsb_data_text_free.  @param size  may be NULL.
 *  @return DSB_OK, DSB_E_INVALID, DSB_E_LIMIT, DSB_E_NOMEM. Since 0.1. */
DSB_API dsb_status dsb_sheet_json(const dsb_sheet *sheet, char **json, size_t *size);

/* ---- duplicates ---- */

/** Groups of byte-identical files within and across collections. Never changes; any thread. */
typedef struct dsb_duplicates dsb_duplicates;

/** Compares the content hashes (128 bits of SHA-256) of all usable images. Groups are numbered by
 *  their first file, files within a group by collection and image. Keeps the collections.
 *  @return DSB_OK, DSB_E_INVALID, DSB_E_LIMIT (2^32 images in all), DSB_E_NOMEM. Since 0.1. */
DSB_API dsb_status dsb_duplicates_find(dsb_runtime *rt, dsb_duplicates **out,
                                       const dsb_dataset *const *datasets, uint64_t n_datasets);

/** The same for decoded pixels: a picture stored as PNG and as BMP, or a JPEG with other metadata.
 *  Two images are equal if their width, height and RGB values are. Decodes every image once, unless
 *  the format holds pixels. Memory: 20 bytes an image while it runs.
 *  @param fn  progress, stage "equal pixels"; NULL = none.
 *  @return as dsb_duplicates_find; DSB_E_CANCELLED. Since 0.1. */
DSB_API dsb_status dsb_duplicates_find_pixels(dsb_runtime *rt, dsb_duplicates **out,
                                              const dsb_dataset *const *datasets,
                                              uint64_t n_datasets, dsb_event_fn fn, void *user);

typedef struct dsb_near_opts {
    uint64_t struct_size; /* bytes the caller knows about; set by dsb_near_opts_init */
    double max_distance;  /* 1 - correlation of two small grey pictures, 0..2; 0 (default):
                             calibrated on the images, at most 0.04 */
    uint32_t max_bits;    /* bits of the perceptual hashes that may differ, 0..11; default 7 */
    uint32_t reserved;    /* must be 0 */
} dsb_near_opts;

DSB_API void dsb_near_opts_init(dsb_near_opts *opts, size_t size);

/** Groups of images that look the same though their bytes differ: resized, cut by a few per cent,
 *  stored with another quality, made brighter. Decodes every image once, large JPEG at a
 * reduced size. Pairs whose 64-bit perceptual hashes (DCT of 32 x 32 grey pixels) are within
 * max_bits are compared as 16 x 16 grey pictures; those within max_distance are joined, and so are
 * their chains. Equal images are in the
 * groups too. The threshold is calibrated by default: a tenth of the median distance from an
 * image of a sample to the nearest different one, so that digits, which are all near each other,
 * are not taken for copies. The same for any number of threads. Memory: about 310 bytes an image
 * while it runs.
 *  @param fn  progress, stage "near duplicates"; NULL = none.
 *  @return DSB_OK, DSB_E_INVALID, DSB_E_LIMIT, DSB_E_NOMEM, DSB_E_CANCELLED. Since 0.1.
 *  Source: Zauner 2010, "Implementation and benchmarking of perceptual image hash functions". */
DSB_API dsb_status dsb_duplicates_find_near(dsb_runtime *rt, dsb_duplicates **out,
                                            const dsb_dataset *const *datasets, uint64_t n_datasets,
                                            const dsb_near_opts *opts, dsb_event_fn fn, void *user);
/** The distance used, 0 for groups of equal bytes. */
DSB_API double dsb_duplicates_distance(const dsb_duplicates *duplicates);
DSB_API void dsb_duplicates_free(dsb_duplicates *duplicates);

/** Number of groups; files in group g (at least 2); 1 if they lie in more than one collection. */
DSB_API uint64_t dsb_duplicates_count(const dsb_duplicates *duplicates);
DSB_API uint64_t dsb_duplicates_size(const dsb_duplicates *duplicates, uint64_t g);
DSB_API uint32_t dsb_duplicates_is_across(const dsb_duplicates *duplicates, uint64_t g);
/** File k of group g. @return DSB_OK, DSB_E_INVALID. */
DSB_API dsb_status dsb_duplicates_file(const dsb_duplicates *duplicates, uint64_t g, uint64_t k,
                                       uint64_t *dataset, uint64_t *image);
/** Of collection d: files that repeat an earlier one of the same collection, and files found in
 *  another collection as well. */
DSB_API uint64_t dsb_duplicates_within(const dsb_duplicates *duplicates, uint64_t d);
DSB_API uint64_t dsb_duplicates_shared(const dsb_duplicates *duplicates, uint64_t d);

/* ---- splits ---- */

#define DSB_PART_TRAIN 0u
#define DSB_PART_SELECT 1u /* to choose among models, to calibrate */
#define DSB_PART_TEST 2u   /* scored once */

/** Three disjoint parts with equal numbers of images per label. Never changes; any thread. */
typedef struct dsb_split dsb_split;

/* What becomes of images that show, or may show, the same thing. */
#define DSB_SPLIT_KEEP 0u   /* all can be drawn, but never into two parts */
#define DSB_SPLIT_DROP 1u   /* only the first can be drawn */
#define DSB_SPLIT_IGNORE 2u /* each on its own: parts may share them, and scores be too good */

typedef struct dsb_split_opts {
    uint64_t struct_size; /* bytes the caller knows about; set by dsb_split_opts_init */
    uint64_t seed;        /* any value; default 0 */
    uint64_t n_train;     /* images per label; 0 (default): what is left is shared in the ratio */
    uint64_t n_select;    /* 0.7 : 0.1 : 0.2 among the parts that are 0, each at least 1 */
    uint64_t n_test;
    /* Groups found by dsb_duplicates_find_near or _pixels among these collections, or more; lent
       for the call. NULL (default): only equal files are looked for. */
    const dsb_duplicates *similar;
    uint32_t equal_files;    /* DSB_SPLIT_*: files of equal bytes; default DROP */
    uint32_t similar_images; /* the same for the groups of `similar`; default KEEP */
    uint32_t groups;         /* the same for groups of a collection (option group); default KEEP */
    uint32_t match_classes;  /* 1: only classes that all collections name alike, with as many images
                                in each, in every part; DROP takes the place of KEEP; default 0 */
} dsb_split_opts;

DSB_API void dsb_split_opts_init(dsb_split_opts *opts, size_t size);

/** Draws the parts. Label d is collection d. Of byte-identical files in one collection only the
 *  first can be drawn, so that no file is in two parts and test images are different images; images
 *  of a group, or that look the same, stay in one part (see the options). What is found in two
 *  collections has no one label and is not drawn at all, unless it is to be ignored. Where a group
 *  does not fit the rest of a part its other images are in none, so n_train 0 may give a few less.
 *  The drawing depends on the seed, the collection's number and its images alone, and the test part
 *  does not depend on n_train. Keeps the collections.
 *  @return DSB_OK; DSB_E_DATA when the smallest collection has too few images to draw from (the
 *  sentence counts them), when groups are too large for the parts, or when no class is shared;
 *  DSB_E_INVALID, DSB_E_LIMIT, DSB_E_NOMEM. Since 0.1. */
DSB_API dsb_status dsb_split_create(dsb_runtime *rt, dsb_split **out,
                                    const dsb_dataset *const *datasets, uint64_t n_datasets,
                                    const dsb_split_opts *opts);

/** Null control: cuts one collection by seed into n_labels disjoint pseudo-collections of equal
 * size, each with three parts. Label p is pseudo-collection p. Nothing can tell them apart but
 * chance. */
DSB_API dsb_status dsb_split_create_pseudo(dsb_runtime *rt, dsb_split **out,
                                           const dsb_dataset *dataset, uint64_t n_labels,
                                           const dsb_split_opts *opts);
DSB_API void dsb_split_free(dsb_split *split);

DSB_API uint64_t dsb_split_labels(const dsb_split *split);
/** Images of a part, all labels together; 0 for a part that is none. Items are numbered label by
 *  label: item k has label k / (size / labels). Within a label the order is random. */
DSB_API uint64_t dsb_split_size(const dsb_split *split, uint32_t part);
/** Classes that all collections share, if they were matched, else 0. Since 0.1. */
DSB_API uint64_t dsb_split_shared_classes(const dsb_split *split);
/** Images of a label that could be drawn. */
DSB_API uint64_t dsb_split_usable(const dsb_split *split, uint64_t label);
/** Item k of a part. Outputs may be NULL; *dataset is borrowed from the split.
 *  @return DSB_OK, DSB_E_INVALID. */
DSB_API dsb_status dsb_split_item(const dsb_split *split, uint32_t part, uint64_t k,
                                  uint32_t *label, const dsb_dataset **dataset, uint64_t *image);
/** Duplicates among the split's collections, borrowed. */
DSB_API const dsb_duplicates *dsb_split_duplicates(const dsb_split *split);

/* ---- loader ---- */

/** Batches of prepared images, made by threads of its own ahead of the one who asks. What comes,
 * and in which order, depends on the options alone, not on the number of threads. One thread at a
 * time may use a loader; dsb_loader_cancel may be called by any. */
typedef struct dsb_loader dsb_loader;

typedef struct dsb_loader_opts {
    uint64_t struct_size;     /* bytes the caller knows about; set by dsb_loader_opts_init */
    uint64_t seed;            /* of order and augmentation; default 0 */
    uint64_t n_epochs;        /* passes over the part; 0 = without end; default 1 */
    uint64_t first_sample;    /* begins with this sample number, to go on where a run ended;
                                 default 0 */
    uint64_t store_max_bytes; /* disk space for decoded images, so that later epochs need not
                                 decode; 0 = none; default 16 GiB */
    const char *store_folder; /* where; NULL (default) = /var/tmp */
    const char *augment;      /* "none" (default, also NULL), "shift", "pad", "crop", "randaug",
                                 "full" */
    uint32_t batch_size;      /* images, 1..65536; default 128. Only the very last may be smaller */
    uint32_t size;            /* side of the square images in pixels, 1..4096; default 64 */
    uint32_t source_size;     /* crops are cut from images reduced to this shorter side, >= size;
                                 0 (default) = 2 * size */
    uint32_t mode;            /* DSB_PREPARE_*, where nothing is cropped; default CENTRE_CROP */
    uint32_t filter;          /* DSB_FILTER_*, of crops too; default BICUBIC */
    uint32_t shuffle;         /* 1: another order each epoch; 0 (default): item order */
    uint32_t n_threads;       /* 1..64; 0 (default) = the runtime's number */
    uint32_t prefetch;        /* batches made ahead, 1..64; default 4 */
    uint32_t fast;  /* 1: large JPEG files are decoded at 1/2, 1/4 or 1/8 where no pixel of the
                       result is then enlarged: faster, no longer equal to Pillow to the bit;
                       0 (default): exact */
    uint32_t whole; /* 1: crops are cut from the images at their own size, as torchvision does,
                       and nothing is stored; with `fast`, no more of a JPEG is decoded than its
                       crop needs. 0 (default): from images reduced to source_size */
    double scale_min, scale_max; /* crops: area of the box / area of the image, 0 < min <= max <= 1;
                                    default 0.08, 1 */
    double ratio_min, ratio_max; /* crops: width / height, log-uniform; default 3/4, 4/3 */
    double flip;     /* chance of mirroring where the augmentation mirrors at all; default 0.5 */
    uint32_t resize; /* prepared images are first resized to this, then the middle of `size` is
                        cut: torchvision's Resize(256), CenterCrop(224), timm's
                        floor(size / crop_pct); size..8192, 0 (default) = size */
    uint32_t exif;   /* 1: images are turned and mirrored as EXIF says; 0 (default): as stored, as
                        torchvision does */
} dsb_loader_opts;

DSB_API void dsb_loader_opts_init(dsb_loader_opts *opts, size_t size);

/** A batch. Arrays belong to the loader and hold until its next call. */
typedef struct dsb_batch {
    uint64_t struct_size;   /* bytes the caller knows about; set by dsb_batch_init */
    const uint8_t *images;  /* [n, size, size, 3] */
    const uint32_t *labels; /* [n] */
    const uint64_t *items;  /* [n] item numbers within the part */
    const uint64_t *shown; /* [n] item whose image is shown: not items[i] where that could no longer
                              be decoded and the next one of its label takes its place */
    uint64_t n;            /* images; 0 after the last batch */
    uint64_t first_sample; /* sample number of image 0; sample s is in epoch s / part size */
} dsb_batch;

DSB_API void dsb_batch_init(dsb_batch *batch, size_t size);

/** Starts the threads. Keeps the split.
 *  Memory: prefetch + 1 batches, a source image a thread, 4 bytes an item if shuffled and 1 byte an
 *  image for the store.
 *  @return DSB_OK, DSB_E_INVALID, DSB_E_NOTFOUND (augmentation), DSB_E_NOMEM. Since 0.1. */
DSB_API dsb_status dsb_loader_create(dsb_runtime *rt, dsb_loader **out, const dsb_split *split,
                                     uint32_t part, const dsb_loader_opts *opts);
/** Ends the threads, at any time, and frees the batches. */
DSB_API void dsb_loader_free(dsb_loader *loader);

/** The next batch, waiting for it if need be. @param batch  prepared by dsb_batch_init.
 *  @return DSB_OK, with n = 0 after the last; DSB_E_CANCELLED; DSB_E_DATA when no image of a label
 *  can be decoded any more; DSB_E_NOMEM, DSB_E_INVALID. After a failure every call fails. */
DSB_API dsb_status dsb_loader_next(dsb_loader *loader, dsb_batch *batch);
/** Makes the pending and all later dsb_loader_next end with DSB_E_CANCELLED. Any thread. */
DSB_API void dsb_loader_cancel(dsb_loader *loader);

/** Items that could not be decoded so far and were replaced. */
DSB_API uint64_t dsb_loader_failed_count(const dsb_loader *loader);
/** Images taken from the store and images decoded so far: how well the store works. */
DSB_API uint64_t dsb_loader_stored_count(const dsb_loader *loader);
DSB_API uint64_t dsb_loader_decoded_count(const dsb_loader *loader);

/* ---- summary ---- */

/** What there is in some collections, as one JSON text ("dsbias.data/1", docs/data-summary.md):
 *  counts, formats, sizes, class folders, broken and skipped files by cause with their names,
 *  duplicates within and across.
 *  @param json        NUL-terminated UTF-8; yours, free it with dsb_data_text_free. NULL on
 * failure.
 *  @param size        bytes without the NUL; may be NULL.
 *  @param max_listed  names in each list at most (the counts are of all); 0 = all that are known.
 *  @return DSB_OK, DSB_E_INVALID, DSB_E_LIMIT, DSB_E_NOMEM. Since 0.1. */
DSB_API dsb_status dsb_data_summary(dsb_runtime *rt, char **json, size_t *size,
                                    const dsb_dataset *const *datasets, uint64_t n_datasets,
                                    uint64_t max_listed);

typedef struct dsb_survey_opts {
    uint64_t struct_size; /* bytes the caller knows about; set by dsb_survey_opts_init */
    uint64_t max_listed;  /* names in each list at most; 0 (default): all that are known */
    uint64_t n_pixels;    /* images of each collection whose pixels are measured, at most; 0: none;
                             default 2000 */
    uint64_t seed;        /* which ones, where there are more; default 0 */
} dsb_survey_opts;

DSB_API void dsb_survey_opts_init(dsb_survey_opts *opts, size_t size);

/** The same, and brightness, contrast and colour of an evenly spread sample of the images, decoded
 *  at 256 pixels or a little more where the format allows. The same for any number of threads.
 *  @param fn  progress, stage "pixels NAME"; NULL = none.
 *  @return as dsb_data_summary, DSB_E_CANCELLED. Since 0.1.
 *  Source of colourfulness: Hasler and Suesstrunk 2003, "Measuring colourfulness in natural
 *  images". */
DSB_API dsb_status dsb_data_survey(dsb_runtime *rt, char **json, size_t *size,
                                   const dsb_dataset *const *datasets, uint64_t n_datasets,
                                   const dsb_survey_opts *opts, dsb_event_fn fn, void *user);
/** Groups of duplicates as JSON ("dsbias.duplicates/1": max_distance, and the block `duplicates` of
 *  dsb_data_summary). @return as dsb_data_summary. Since 0.1. */
DSB_API dsb_status dsb_duplicates_json(dsb_runtime *rt, char **json, size_t *size,
                                       const dsb_duplicates *duplicates, uint64_t max_listed);
/** Frees a text made by dsb_data_summary, dsb_data_survey, dsb_duplicates_json or dsb_sheet_json.
 * Accepts NULL. */
DSB_API void dsb_data_text_free(dsb_runtime *rt, char *text);

#ifdef __cplusplus
}
#endif

#endif
