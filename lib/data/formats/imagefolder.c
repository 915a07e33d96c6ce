/* A folder with a folder a class, as torchvision's ImageFolder: the class of an image is the first
 * part of its path. Classes are numbered in byte order of their names; where all names are whole
 * numbers, in the order of the numbers, which is said in the log, for ImageNetV2 read in byte order
 * (0, 1, 10, 100, ...) scores 0. A class list wins over both: option classes, or a classes.txt in
 * the folder that names all class folders. */
#include "base/sort.h"
#include "data/labels.h"
#include "data/listing.h"
#include "data/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

typedef struct class_folder {
    char *name;
    uint32_t class_id; /* UINT32_MAX: not in the class list */
} class_folder;

typedef struct class_folders {
    class_folder *items; /* in byte order of their names */
    size_t n, capacity;
    size_t last; /* of the file before: files of a folder come together */
} class_folders;

static int probe(const dsbi_origin *origin)
{
    bool is_one = origin->kind == DSBI_ORIGIN_FOLDER && origin->n_folders >= 2 &&
                  origin->n_images == 0 && origin->n_files <= 16;
    return is_one ? 60 : 0;
}

/* ---- class folders ---- */

static void free_folders(dsb_runtime *rt, class_folders *self)
{
    for (size_t i = 0; i < self->n; i++)
        dsbi_free(rt, self->items[i].name);
    dsbi_free(rt, self->items);
}

static int compare_names(const void *a, const void *b, void *user)
{
    (void)user;
    return strcmp(((const class_folder *)a)->name, ((const class_folder *)b)->name);
}

static bool is_number(const char *name)
{
    size_t digits = strspn(name, "0123456789");
    return digits > 0 && digits < 18 && name[digits] == '\0';
}

static uint64_t number_of(const char *name)
{
    uint64_t value = 0;
    for (; *name; name++)
        value = value * 10 + (uint64_t)(*name - '0');
    return value;
}

static int compare_numbers(const void *a, const void *b, void *user)
{
    uint64_t x = number_of(((const class_folder *)a)->name);
    uint64_t y = number_of(((const class_folder *)b)->name);
    return x != y ? (x > y) - (x < y) : compare_names(a, b, user);
}

static dsb_status add_folder(dsb_runtime *rt, class_folders *self, const char *name)
{
    if (self->n == DSBI_MAX_CLASSES)
        return dsbi_fail(DSB_E_LIMIT, "more than %d class folders", DSBI_MAX_CLASSES);
    void *items = self->items;
    DSBI_TRY(dsbi_grow(rt, &items, &self->capacity, self->n + 1, sizeof *self->items));
    self->items = items;
    self->items[self->n] = (class_folder){dsbi_strdup(rt, name), UINT32_MAX};
    return self->items[self->n++].name ? DSB_OK : DSB_E_NOMEM;
}

static dsb_status find_folders(dsb_runtime *rt, class_folders *self, const char *where)
{
    DIR *dir = opendir(where);
    if (!dir)
        return DSB_OK; /* the walk says why */
    dsb_status status = DSB_OK;
    const struct dirent *entry;
    while (status == DSB_OK && (entry = readdir(dir)) != NULL) {
        struct stat facts;
        if (entry->d_name[0] != '.' &&
            fstatat(dirfd(dir), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(facts.st_mode))
            status = add_folder(rt, self, entry->d_name);
    }
    closedir(dir);
    return status;
}

/* ---- numbers of classes ---- */

/* Each folder takes the line of the class list it is named on: of option classes, or of `text`. */
static dsb_status number_by_list(dsbi_listing *listing, class_folders *self, const char *text)
{
    DSBI_TRY(dsbi_listing_classes(listing, 0, text));
    const dsb_dataset *dataset = listing->dataset;
    uint32_t n = (uint32_t)dataset->strata.n, line = 0;
    for (size_t i = 0; i < self->n; i++)
        for (uint32_t tried = 0; tried < n; tried++, line = (line + 1) % n)
            if (strcmp(dsb_dataset_class_name(dataset, line), self->items[i].name) == 0) {
                self->items[i].class_id = line;
                break;
            }
    return DSB_OK;
}

static dsb_status number_by_name(dsbi_listing *listing, class_folders *self)
{
    bool are_numbers = self->n > 1;
    for (size_t i = 0; i < self->n; i++)
        are_numbers = are_numbers && is_number(self->items[i].name);
    if (are_numbers) {
        dsbi_sort(self->items, self->n, sizeof *self->items, compare_numbers, NULL);
        dsbi_log(
            dsbi_listing_runtime(listing), DSB_LOG_INFO, "data",
            "class folders are numbers: classes are numbered in that order, not in byte order");
    }
    dsbi_listing_labelled(listing);
    for (size_t i = 0; i < self->n; i++) {
        self->items[i].class_id = (uint32_t)i;
        DSBI_TRY(dsbi_listing_class(listing, self->items[i].name, strlen(self->items[i].name)));
    }
    dsbi_sort(self->items, self->n, sizeof *self->items, compare_names, NULL);
    return DSB_OK;
}

static int compare_words(const void *a, const void *b, void *user)
{
    (void)user;
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Whether every folder is a line of `text`, which is cut up. */
static dsb_status names_all(dsb_runtime *rt, bool *all, const class_folders *self, char *text)
{
    size_t n = 0, capacity = 1;
    for (const char *p = text; *p; p++)
        capacity += *p == '\n';
    char **lines = dsbi_alloc_array(rt, capacity, sizeof *lines);
    if (!lines)
        return DSB_E_NOMEM;
    for (char *line; (line = strsep(&text, "\n")) != NULL;)
        lines[n++] = line;
    dsbi_sort(lines, n, sizeof *lines, compare_words, NULL);
    size_t at = 0;
    *all = true;
    for (size_t i = 0; *all && i < self->n; i++) { /* both in byte order */
        while (at < n && strcmp(lines[at], self->items[i].name) < 0)
            at++;
        *all = at < n && strcmp(lines[at], self->items[i].name) == 0;
    }
    dsbi_free(rt, lines);
    return DSB_OK;
}

/* "classes.txt" in the folder, as dsb_dataset_convert writes it, keeps the numbers of the classes.
 * It counts if it names every class folder. */
static dsb_status number_classes(dsbi_listing *listing, class_folders *self, const char *where)
{
    dsb_runtime *rt = dsbi_listing_runtime(listing);
    char path[4200], *text = NULL, *copy = NULL;
    bool all = false;
    dsb_status status = DSB_OK;
    if (dsbi_listing_option(listing, "classes"))
        return number_by_list(listing, self, NULL);
    snprintf(path, sizeof path, "%s/classes.txt", where);
    DSBI_GO(dsbi_listing_list_beside(listing, &text, (uint32_t)self->n, path));
    if (text) {
        copy = dsbi_strdup(rt, text);
        DSBI_GO(copy ? names_all(rt, &all, self, copy) : DSB_E_NOMEM);
    }
    if (all)
        dsbi_log(rt, DSB_LOG_INFO, "data", "classes are numbered as classes.txt lists them");
    status = all ? number_by_list(listing, self, text) : number_by_name(listing, self);
done:
    dsbi_free(rt, copy);
    dsbi_free(rt, text);
    return status;
}

/* ---- files ---- */

static const class_folder *folder_of(class_folders *self, const char *path, size_t size)
{
    if (self->last < self->n && strncmp(self->items[self->last].name, path, size) == 0 &&
        self->items[self->last].name[size] == '\0')
        return &self->items[self->last];
    size_t low = 0, high = self->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *name = self->items[middle].name;
        int order = strncmp(name, path, size);
        if (order == 0 && name[size] == '\0') {
            self->last = middle;
            return &self->items[middle];
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static dsb_status list_file(void *user, dsbi_listing *listing, const dsbi_walk_entry *entry)
{
    const char *slash = strchr(entry->path, '/');
    const class_folder *folder =
        slash ? folder_of(user, entry->path, (size_t)(slash - entry->path)) : NULL;
    if (!folder)
        return dsbi_listing_leave_out(listing, entry->path, DSB_CAUSE_OTHER, "in no class folder");
    if (folder->class_id == UINT32_MAX)
        return dsbi_listing_leave_out(listing, entry->path, DSB_CAUSE_OTHER,
                                      "its folder is not in the class list");
    return dsbi_listing_add(listing, &(dsbi_member){.path = entry->path,
                                                    .size_bytes = entry->size_bytes,
                                                    .mtime_ns = entry->mtime_ns,
                                                    .class_id = folder->class_id});
}

static dsb_status imagefolder_open(dsb_runtime *rt, void **state, dsbi_listing *listing,
                                   const dsbi_origin *origin)
{
    class_folders folders = {0};
    dsb_status status;
    DSBI_GO(find_folders(rt, &folders, origin->where));
    dsbi_sort(folders.items, folders.n, sizeof *folders.items, compare_names, NULL);
    DSBI_GO(number_classes(listing, &folders, origin->where));
    status = dsbi_tree_open(rt, state, listing, origin, list_file, &folders);
done:
    free_folders(rt, &folders);
    return status;
}

const dsbi_format dsbi_format_imagefolder = {
    .name = "imagefolder",
    .help = "PATH?classes=FILE&group=PATTERN  a folder with a folder of images a class",
    .probe = probe,
    .open = imagefolder_open,
    .close = dsbi_tree_close,
    .reopen = dsbi_tree_reopen,
    .stat = dsbi_tree_stat,
    .read = dsbi_tree_read,
    .peek = dsbi_tree_peek,
};
