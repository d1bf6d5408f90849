/* Reading and writing sizes, counts, shares and durations. */
#include "common/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

struct unit {
    const char *name;
    double factor;
};

static const struct unit SIZE_UNITS[] = {
    {"", 1},         {"B", 1},        {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30},
    {"TiB", 0x1p40}, {"PiB", 0x1p50}, {"EiB", 0x1p60}, {"kB", 1e3},     {"KB", 1e3},
    {"MB", 1e6},     {"GB", 1e9},     {"TB", 1e12},    {"PB", 1e15},    {"EB", 1e18},
};

static const struct unit COUNT_UNITS[] = {
    {"", 1},        {"k", 1e3},     {"M", 1e6},     {"G", 1e9},
    {"Ki", 0x1p10}, {"Mi", 0x1p20}, {"Gi", 0x1p30}, {"Ti", 0x1p40},
};

static const struct unit DURATION_UNITS[] = {
    {"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"min", 60e9}, {"h", 3600e9},
};

static const struct unit *find_unit(const struct unit *units, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(units[i].name, name))
            return &units[i];
    }
    return NULL;
}

/* A decimal number with an optional fraction and exponent at the start of text; no sign, no hex,
 * no "inf", which strtod would take. *rest points behind it. */
static int parse_decimal(const char *text, long double *number, const char **rest)
{
    if (!isdigit((unsigned char)text[0]))
        return -EINVAL;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        return -EINVAL;
    char *end;
    *number = strtold(text, &end);
    *rest = end;
    return 0;
}

static int parse_with_unit(const char *text, const struct unit *units, size_t unit_count,
                           uint64_t *result)
{
    long double number;
    const char *rest;
    if (parse_decimal(text, &number, &rest))
        return -EINVAL;
    while (*rest == ' ')
        rest++;
    const struct unit *unit = find_unit(units, unit_count, rest);
    if (!unit)
        return -EINVAL;
    /* The 64-bit significand of long double holds every uint64_t exactly. */
    long double product = number * (long double)unit->factor;
    if (product >= 0x1p64L)
        return -ERANGE;
    uint64_t whole = (uint64_t)product;
    if ((long double)whole != product)
        return -EINVAL;
    *result = whole;
    return 0;
}

int mm_units_parse_size(const char *text, uint64_t *bytes)
{
    return parse_with_unit(text, SIZE_UNITS, MM_COUNT_OF(SIZE_UNITS), bytes);
}

int mm_units_parse_count(const char *text, uint64_t *count)
{
    return parse_with_unit(text, COUNT_UNITS, MM_COUNT_OF(COUNT_UNITS), count);
}

int mm_units_parse_duration(const char *text, uint64_t *nanoseconds)
{
    return parse_with_unit(text, DURATION_UNITS, MM_COUNT_OF(DURATION_UNITS), nanoseconds);
}

int mm_units_parse_share(const char *text, double *share)
{
    long double number;
    const char *rest;
    if (parse_decimal(text, &number, &rest))
        return -EINVAL;
    if (!strcmp(rest, "%")) {
        number /= 100;
    } else if (*rest == '/') {
        long double divisor;
        if (parse_decimal(rest + 1, &divisor, &rest) || *rest || divisor == 0)
            return -EINVAL;
        number /= divisor;
    } else if (*rest) {
        return -EINVAL;
    }
    if (!(number >= 0 && number <= 1))
        return -EINVAL;
    *share = (double)number;
    return 0;
}

char *mm_units_write_size(uint64_t bytes, char text[MM_UNITS_TEXT_BYTES])
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;
    while (bytes && bytes % 1024 == 0 && unit + 1 < MM_COUNT_OF(names)) {
        bytes /= 1024;
        unit++;
    }
    snprintf(text, MM_UNITS_TEXT_BYTES, "%" PRIu64 "%s", bytes, names[unit]);
    return text;
}

/* Three significant digits of value / divisor and the unit's name. */
static char *show(double value, const char *name, char text[MM_UNITS_TEXT_BYTES])
{
    int decimals = fabs(value) >= 99.95 ? 0 : fabs(value) >= 9.995 ? 1 : 2;
    snprintf(text, MM_UNITS_TEXT_BYTES, "%.*f%s", decimals, value, name);
    return text;
}

static char *show_scaled(double value, double step, const char *const *names, size_t count,
                         char text[MM_UNITS_TEXT_BYTES])
{
    size_t unit = 0;
    while (fabs(value) >= step * 0.9995 && unit + 1 < count) {
        value /= step;
        unit++;
    }
    if (unit == 0 && value == floor(value)) {
        snprintf(text, MM_UNITS_TEXT_BYTES, "%.0f%s", value, names[0]);
        return text;
    }
    return show(value, names[unit], text);
}

char *mm_units_show_rate(double bytes_per_second, char text[MM_UNITS_TEXT_BYTES])
{
    static const char *const names[] = {" B/s", " kB/s", " MB/s", " GB/s", " TB/s"};
    return show_scaled(bytes_per_second, 1e3, names, MM_COUNT_OF(names), text);
}

char *mm_units_show_duration(double nanoseconds, char text[MM_UNITS_TEXT_BYTES])
{
    static const char *const names[] = {" ns", " us", " ms", " s"};
    return show_scaled(nanoseconds, 1e3, names, MM_COUNT_OF(names), text);
}

char *mm_units_show_count(double count, char text[MM_UNITS_TEXT_BYTES])
{
    static const char *const names[] = {"", " k", " M", " G", " T"};
    return show_scaled(count, 1e3, names, MM_COUNT_OF(names), text);
}

char *mm_units_show_size(double bytes, char text[MM_UNITS_TEXT_BYTES])
{
    static const char *const names[] = {" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
    return show_scaled(bytes, 1024, names, MM_COUNT_OF(names), text);
}
