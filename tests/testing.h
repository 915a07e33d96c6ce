/* What every unit test needs: check.h, a runner, a runtime, skipping by name.
 *
 *     START_TEST(adds_one) { ck_assert_int_eq(...); } END_TEST
 *     int main(void) { return run_tests("status", adds_one, other_test, NULL); }
 */
#ifndef DSBI_TESTS_TESTING_H
#define DSBI_TESTS_TESTING_H

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "dsbias/base.h"

#define ck_assert_ok(call)                                                                    \
    do {                                                                                      \
        dsb_status ck_status_ = (call);                                                       \
        ck_assert_msg(ck_status_ == DSB_OK, "%s: %s: %s", #call, dsb_status_name(ck_status_), \
                      dsb_last_error());                                                      \
    } while (0)

/* A refusal: the code, and a sentence that holds `part`. */
#define ck_assert_fails(call, code, part)                                                     \
    do {                                                                                      \
        dsb_status ck_status_ = (call);                                                       \
        ck_assert_msg(ck_status_ == (code), "%s: %s (%s), expected %s", #call,                \
                      dsb_status_name(ck_status_), dsb_last_error(), dsb_status_name(code));  \
        ck_assert_msg(strstr(dsb_last_error(), (part)) != NULL, "%s says \"%s\", not \"%s\"", \
                      #call, dsb_last_error(), (part));                                       \
    } while (0)

static inline dsb_runtime *make_runtime(uint64_t n_threads)
{
    dsb_runtime_opts opts;
    dsb_runtime_opts_init(&opts, sizeof opts);
    opts.n_threads = n_threads;
    dsb_runtime *rt;
    ck_assert_ok(dsb_runtime_create(&rt, &opts));
    return rt;
}

/* Path below ../shared/data, or ends the program as skipped, saying what is missing. */
static inline const char *shared_data(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", DSBI_TEST_DATA, name);
    if (access(path, R_OK) != 0) {
        printf("SKIPPED: %s is not there\n", path);
        exit(77);
    }
    return path;
}

static inline int run_suite(const char *name, const TTest *const *tests)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 0);
    for (; *tests; tests++)
        tcase_add_test(tcase, *tests);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define run_tests(name, ...) run_suite((name), (const TTest *const[]){__VA_ARGS__})

#endif
