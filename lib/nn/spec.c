/* See family.h: names of models and their options. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "nn/family.h"

enum { MOST_COUNT = 1000000 };

static const char *find(dsbi_spec *spec, const char *key)
{
    for (size_t i = 0; i < spec->n; i++)
        if (strcmp(spec->options[i].key, key) == 0) {
            spec->options[i].used = true;
            return spec->options[i].value;
        }
    return NULL;
}

dsb_status dsbi_spec_set(dsbi_spec *spec, const char *key, const char *value)
{
    if (strlen(key) >= DSBI_MAX_OPTION_TEXT || strlen(value) >= DSBI_MAX_OPTION_TEXT)
        return dsbi_fail(DSB_E_LIMIT, "model option %.32s...: longer than %d characters", key,
                         DSBI_MAX_OPTION_TEXT - 1);
    size_t i = 0;
    while (i < spec->n && strcmp(spec->options[i].key, key) != 0)
        i++;
    if (i == DSBI_MAX_OPTIONS)
        return dsbi_fail(DSB_E_LIMIT, "more than %d model options", DSBI_MAX_OPTIONS);
    if (i == spec->n)
        spec->n++;
    memcpy(spec->options[i].key, key, strlen(key) + 1);
    memcpy(spec->options[i].value, value, strlen(value) + 1);
    return DSB_OK;
}

/* The key of an option that stands in the text before; what was written last is no better a guess
 * than what was written first. */
static bool is_repeated(const char *begin, const char *end, const char *key)
{
    const size_t length = strlen(key);
    for (const char *at = begin; at < end; at += strcspn(at, ",") + 1)
        if (strncmp(at, key, length) == 0 && at[length] == '=')
            return true;
    return false;
}

/* "a=1,b=2" */
static dsb_status read_options(dsbi_spec *spec, const char *text)
{
    const char *begin = text;
    while (*text) {
        char pair[2 * DSBI_MAX_OPTION_TEXT];
        const size_t length = strcspn(text, ",");
        if (length >= sizeof pair)
            return dsbi_fail(DSB_E_LIMIT, "model option %.32s... is too long", text);
        memcpy(pair, text, length);
        pair[length] = 0;
        char *equal = strchr(pair, '=');
        if (!equal || equal == pair || !equal[1])
            return dsbi_fail(DSB_E_INVALID, "model option \"%s\": expected key=value", pair);
        *equal = 0;
        if (is_repeated(begin, text, pair))
            return dsbi_fail(DSB_E_INVALID, "model option %s is given twice", pair);
        DSBI_TRY(dsbi_spec_set(spec, pair, equal + 1));
        text += length;
        text += *text == ',';
    }
    return DSB_OK;
}

/* Appends as much as fits. */
static void add_name(char *list, size_t size, size_t *used, const char *name)
{
    const int n = snprintf(list + *used, size - *used, " %s", name);
    *used = n >= 0 && (size_t)n < size - *used ? *used + (size_t)n : size - 1;
}

static dsb_status unknown_name(const char *name, size_t length)
{
    char families[512] = "", names[2048] = "";
    size_t families_used = 0, names_used = 0;
    for (const dsbi_family *const *f = dsbi_family_table; *f; f++) {
        add_name(families, sizeof families, &families_used, (*f)->name);
        for (const dsbi_preset *p = (*f)->presets; p->name; p++)
            add_name(names, sizeof names, &names_used, p->name);
    }
    return dsbi_fail(DSB_E_NOTFOUND,
                     "no model is called \"%.*s\"; there are:%s; and families with options, "
                     "\"family:key=value,...\":%s",
                     (int)length, name, names, families);
}

static int folded(char c)
{
    return c == '-' ? '_' : tolower((unsigned char)c);
}

static bool is_name(const char *name, const char *text, size_t length)
{
    size_t i = 0;
    while (i < length && name[i] && folded(name[i]) == folded(text[i]))
        i++;
    return i == length && !name[i];
}

static const dsbi_preset *find_preset(const dsbi_preset *presets, const char *name, size_t length)
{
    for (const dsbi_preset *p = presets; p && p->name; p++)
        if (is_name(p->name, name, length))
            return p;
    return NULL;
}

dsb_status dsbi_spec_parse(dsbi_spec *spec, const char *name)
{
    *spec = (dsbi_spec){0};
    const size_t length = strcspn(name, ":");
    const char *options = name[length] ? name + length + 1 : "";
    if (length >= DSBI_MAX_OPTION_TEXT)
        return unknown_name(name, DSBI_MAX_OPTION_TEXT);
    for (const dsbi_family *const *f = dsbi_family_table; *f; f++) {
        const dsbi_preset *preset = find_preset((*f)->presets, name, length);
        if (!preset)
            preset = find_preset((*f)->aliases, name, length);
        if (!preset && !is_name((*f)->name, name, length))
            continue;
        spec->family = *f;
        if (preset)
            DSBI_TRY(read_options(spec, preset->options));
        return read_options(spec, options);
    }
    return unknown_name(name, length);
}

dsb_status dsbi_spec_check(const dsbi_spec *spec)
{
    for (size_t i = 0; i < spec->n; i++)
        if (!spec->options[i].used)
            return dsbi_fail(DSB_E_INVALID, "%s has no option \"%s\"; it has: %s",
                             spec->family->name, spec->options[i].key, spec->family->options);
    return DSB_OK;
}

double dsbi_spec_real(dsbi_builder *b, dsbi_spec *spec, const char *key, double missing)
{
    const char *text = find(spec, key);
    if (!text)
        return missing;
    char *end;
    const double value = strtod(text, &end);
    if (end == text || *end || !(value >= -1e300 && value <= 1e300))
        dsbi_builder_fail(b, DSB_E_INVALID, "model option %s=%s: expected a number", key, text);
    return value;
}

size_t dsbi_spec_counts(dsbi_builder *b, dsbi_spec *spec, const char *key, size_t *out, size_t most,
                        const char *missing)
{
    const char *text = find(spec, key);
    if (!text)
        text = missing;
    size_t n = 0;
    for (const char *at = text; n < most; n++) {
        char *end;
        errno = 0;
        const unsigned long value = strtoul(at, &end, 10);
        if (end == at || *at < '0' || *at > '9' || errno || value == 0 || value > MOST_COUNT ||
            (*end && *end != '-'))
            break;
        out[n] = value;
        at = end + 1;
        if (!*end)
            return n + 1;
    }
    if (most == 1)
        dsbi_builder_fail(b, DSB_E_INVALID, "model option %s=%s: expected a whole number, 1..%d",
                          key, text, MOST_COUNT);
    else
        dsbi_builder_fail(b, DSB_E_INVALID,
                          "model option %s=%s: expected up to %zu whole numbers, 1..%d, as in "
                          "1-2-3",
                          key, text, most, MOST_COUNT);
    return n;
}

size_t dsbi_spec_count(dsbi_builder *b, dsbi_spec *spec, const char *key, size_t missing)
{
    size_t value = missing;
    char text[24];
    snprintf(text, sizeof text, "%zu", missing);
    dsbi_spec_counts(b, spec, key, &value, 1, text);
    return value;
}

/* Which of "a|b|c" the text is; the number of them if none. */
static size_t choice_of(const char *text, const char *choices)
{
    size_t choice = 0;
    for (const char *at = choices; *at; choice++) {
        const size_t length = strcspn(at, "|");
        if (strlen(text) == length && strncmp(text, at, length) == 0)
            return choice;
        at += length;
        at += *at == '|';
    }
    return choice;
}

static size_t count_choices(const char *choices)
{
    size_t n = 1;
    for (; *choices; choices++)
        n += *choices == '|';
    return n;
}

size_t dsbi_spec_choice(dsbi_builder *b, dsbi_spec *spec, const char *key, const char *choices)
{
    const char *text = find(spec, key);
    if (!text)
        return 0;
    const size_t choice = choice_of(text, choices);
    if (choice < count_choices(choices))
        return choice;
    dsbi_builder_fail(b, DSB_E_INVALID, "model option %s=%s: expected %s", key, text, choices);
    return 0;
}

bool dsbi_spec_for_cifar(const dsbi_spec *spec)
{
    const char *rule = spec->family->cifar;
    if (!rule || !*rule)
        return rule != NULL;
    const size_t key = strcspn(rule, "=");
    const char *choices = rule + key + 1;
    for (size_t i = 0; i < spec->n; i++)
        if (strlen(spec->options[i].key) == key && strncmp(spec->options[i].key, rule, key) == 0)
            return choice_of(spec->options[i].value, choices) < count_choices(choices);
    return false;
}
