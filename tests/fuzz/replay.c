/* Runs a fuzz entry without clang: each file of the folders given, then the same file cut short and
 * with bytes changed, at places that are the same in every run. */
#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"

enum { CUTS = 256, CHANGES = 2000, MOST_BYTES = 1 << 20 };

static uint64_t state = 1;

static size_t below(size_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(state >> 33) % n;
}

/* A copy of exactly `size` bytes, so that a sanitizer sees a read beyond it. */
static void run(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    assert(copy);
    memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void replay(const char *path)
{
    static uint8_t bytes[MOST_BYTES], changed[MOST_BYTES];
    FILE *file = fopen(path, "rb");
    assert(file);
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    run(bytes, size);
    for (size_t i = 0; i < CUTS; i++)
        run(bytes, size <= CUTS ? (i < size ? i : size) : below(size));
    for (size_t i = 0; i < CHANGES && size > 0; i++) {
        memcpy(changed, bytes, size);
        for (size_t n = below(8) + 1; n-- > 0;)
            changed[below(size)] = (uint8_t)below(256);
        run(changed, size);
    }
    printf("%s: %zu bytes\n", path, size);
}

int main(int argc, char **argv)
{
    size_t n = 0;
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        if (!folder) {
            fprintf(stderr, "%s: cannot be opened\n", argv[i]);
            return 1;
        }
        for (const struct dirent *entry; (entry = readdir(folder));) {
            char path[4096];
            snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
            if (entry->d_name[0] != '.') {
                replay(path);
                n++;
            }
        }
        closedir(folder);
    }
    return n > 0 ? 0 : 1;
}
