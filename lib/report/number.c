/* See number.h. */
#include "report/number.h"

#include <math.h>
#include <stdio.h>

static const char *absent(dsbi_number *out)
{
    snprintf(out->text, sizeof out->text, "n/a");
    return out->text;
}

const char *dsbi_number_percent(dsbi_number *out, double fraction)
{
    if (!isfinite(fraction))
        return absent(out);
    snprintf(out->text, sizeof out->text, "%.1f %%", 100 * fraction);
    return out->text;
}

const char *dsbi_number_points(dsbi_number *out, double difference)
{
    if (!isfinite(difference))
        return absent(out);
    double points = 100 * difference;
    if (fabs(points) < 0.05)
        snprintf(out->text, sizeof out->text, "0.0 points");
    else
        snprintf(out->text, sizeof out->text, "%+.1f points", points);
    return out->text;
}

const char *dsbi_number_interval(dsbi_number *out, double lo, double hi)
{
    if (!isfinite(lo) || !isfinite(hi))
        return absent(out);
    snprintf(out->text, sizeof out->text, "%.1f to %.1f %%", 100 * lo, 100 * hi);
    return out->text;
}

const char *dsbi_number_p(dsbi_number *out, double p)
{
    if (!isfinite(p))
        return absent(out);
    if (p < 1e-6)
        snprintf(out->text, sizeof out->text, "p < 1e-6");
    else if (p < 1e-3)
        snprintf(out->text, sizeof out->text, "p = %.1e", p);
    else
        snprintf(out->text, sizeof out->text, "p = %.*f", p < 0.1 ? 3 : 2, p);
    return out->text;
}

const char *dsbi_number_count(dsbi_number *out, uint64_t n)
{
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    char *to = out->text;
    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return out->text;
}

const char *dsbi_number_seconds(dsbi_number *out, double seconds)
{
    if (!isfinite(seconds) || seconds < 0)
        return absent(out);
    unsigned long long whole = seconds < 1e9 ? (unsigned long long)(seconds + 0.5) : 0;
    if (seconds < 0.0095)
        snprintf(out->text, sizeof out->text, "< 0.01 s");
    else if (seconds < 0.95)
        snprintf(out->text, sizeof out->text, "%.2g s", seconds);
    else if (whole < 60)
        snprintf(out->text, sizeof out->text, "%.*f s", seconds < 9.95 ? 1 : 0, seconds);
    else if (whole < 3600)
        snprintf(out->text, sizeof out->text, "%llu:%02llu min", whole / 60, whole % 60);
    else
        snprintf(out->text, sizeof out->text, "%.1f h", seconds / 3600);
    return out->text;
}

const char *dsbi_number_bytes(dsbi_number *out, double bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    if (!isfinite(bytes) || bytes < 0)
        return absent(out);
    int unit = 0;
    while (bytes >= 1024 && unit < 4) {
        bytes /= 1024;
        unit++;
    }
    snprintf(out->text, sizeof out->text, "%.*f %s", unit > 0 && bytes < 99.5 ? 1 : 0, bytes,
             units[unit]);
    return out->text;
}

const char *dsbi_number_plain(dsbi_number *out, double x)
{
    if (!isfinite(x))
        return absent(out);
    if (fabs(x) >= 1e4 && fabs(x) < 1e15) {
        int minus = x < 0;
        dsbi_number digits;
        dsbi_number_count(&digits, (uint64_t)(fabs(x) + 0.5));
        snprintf(out->text, sizeof out->text, "%s%.40s", minus ? "-" : "", digits.text);
    } else {
        snprintf(out->text, sizeof out->text, "%.4g", x);
    }
    return out->text;
}
