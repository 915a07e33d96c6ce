/* A folder of image files, read recursively; the folder of each is its class. */
#include "data/tree.h"

static int probe(const dsbi_origin *origin)
{
    return origin->kind == DSBI_ORIGIN_FOLDER ? 50 : origin->kind == DSBI_ORIGIN_NONE ? 1 : 0;
}

static dsb_status list_file(void *user, dsbi_listing *listing, const dsbi_walk_entry *entry)
{
    (void)user;
    return dsbi_listing_add(listing, &(dsbi_member){.path = entry->path,
                                                    .size_bytes = entry->size_bytes,
                                                    .mtime_ns = entry->mtime_ns});
}

static dsb_status folder_open(dsb_runtime *rt, void **state, dsbi_listing *listing,
                              const dsbi_origin *origin)
{
    return dsbi_tree_open(rt, state, listing, origin, list_file, NULL);
}

const dsbi_format dsbi_format_folder = {
    .name = "folder",
    .help = "PATH?group=PATTERN  a folder of image files, read recursively, told by content",
    .probe = probe,
    .open = folder_open,
    .close = dsbi_tree_close,
    .reopen = dsbi_tree_reopen,
    .stat = dsbi_tree_stat,
    .read = dsbi_tree_read,
    .peek = dsbi_tree_peek,
};
