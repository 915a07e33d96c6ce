/* "Did you mean": the nearest of a list of names, for flags and subcommands. */
#ifndef DSBIAS_CLI_NEAREST_H
#define DSBIAS_CLI_NEAREST_H

/* The entry of `names` (NULL-ended) nearest to `typed`, NULL if none is near enough to be what was
 * meant. Compared by edit distance with swaps of neighbours (Damerau 1964, the restricted form). */
const char *cli_nearest(const char *typed, const char *const *names);

#endif
