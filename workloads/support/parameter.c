/* Reads and writes the parameters of workloads and engines. */
#include "workloads/parameter.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "common/units.h"

#define CHOICES_MAX       32
#define CHOICES_BYTES     512
#define SUGGESTION_BYTES  128
#define RANGE_BYTES       96
#define REAL_DIGITS_EXACT 17 /* enough for any double to come back the same */
#define REAL_TEXT_BYTES   32

/* The choices of one parameter, cut apart. */
struct choice_list {
    char text[CHOICES_BYTES];
    const char *names[CHOICES_MAX];
    size_t count;
};

static void split_choices(const char *choices, struct choice_list *list)
{
    size_t length = strlen(choices);
    assert(length < sizeof(list->text));
    memcpy(list->text, choices, length + 1);
    list->count = 0;
    for (char *rest = list->text; rest;) {
        assert(list->count < CHOICES_MAX);
        list->names[list->count++] = rest;
        rest = strchr(rest, '|');
        if (rest)
            *rest++ = '\0';
    }
}

static void store(const struct mm_parameter *parameter, void *options, const void *value,
                  size_t value_bytes)
{
    memcpy((unsigned char *)options + parameter->offset, value, value_bytes);
}

static void load(const struct mm_parameter *parameter, const void *options, void *value,
                 size_t value_bytes)
{
    memcpy(value, (const unsigned char *)options + parameter->offset, value_bytes);
}

static void write_number(const struct mm_parameter *parameter, uint64_t value,
                         char text[MM_UNITS_TEXT_BYTES])
{
    if (parameter->type == MM_PARAMETER_SIZE)
        mm_units_write_size(value, text);
    else
        snprintf(text, MM_UNITS_TEXT_BYTES, "%" PRIu64, value);
}

static char *write_range(const struct mm_parameter *parameter, char text[RANGE_BYTES])
{
    char low[MM_UNITS_TEXT_BYTES];
    char high[MM_UNITS_TEXT_BYTES];
    write_number(parameter, parameter->minimum, low);
    write_number(parameter, parameter->maximum, high);
    if (parameter->maximum)
        snprintf(text, RANGE_BYTES, "between %s and %s", low, high);
    else
        snprintf(text, RANGE_BYTES, "at least %s", low);
    return text;
}

static int set_number(const struct mm_parameter *parameter, void *options, const char *text,
                      struct mm_error *error)
{
    bool is_size = parameter->type == MM_PARAMETER_SIZE;
    uint64_t value = 0;
    char range[RANGE_BYTES];
    int status = is_size ? mm_units_parse_size(text, &value) : mm_units_parse_count(text, &value);
    if (status == -EINVAL)
        return mm_error_set(error, -EINVAL, "parameter '%s': '%s' is not a %s; write it as %s",
                            parameter->name, text, is_size ? "size" : "whole number",
                            is_size ? "4096, 64KiB or 1GiB" : "100, 1e6 or 64Ki");
    if (status || value < parameter->minimum || (parameter->maximum && value > parameter->maximum))
        return mm_error_set(error, -ERANGE, "parameter '%s': %s is out of range, it must be %s",
                            parameter->name, text, write_range(parameter, range));
    store(parameter, options, &value, sizeof(value));
    return 0;
}

static int set_share(const struct mm_parameter *parameter, void *options, const char *text,
                     struct mm_error *error)
{
    double value = 0;
    if (mm_units_parse_share(text, &value))
        return mm_error_set(error, -EINVAL,
                            "parameter '%s': '%s' is not a share; write 0.25, 25%% or 1/4, from 0 "
                            "to 1",
                            parameter->name, text);
    store(parameter, options, &value, sizeof(value));
    return 0;
}

static int set_real(const struct mm_parameter *parameter, void *options, const char *text,
                    struct mm_error *error)
{
    char *end = NULL;
    double value = strtod(text, &end);
    /* strtod skips leading blanks and reads hexadecimal, inf and nan: a number starts plainly. */
    bool plain = strspn(text, "+-.0123456789eE") == strlen(text);
    if (!plain || end == text || *end)
        return mm_error_set(error, -EINVAL,
                            "parameter '%s': '%s' is not a number; write it as 0.99 or 1e-3",
                            parameter->name, text);
    if (!isfinite(value))
        return mm_error_set(error, -ERANGE, "parameter '%s': %s is too large for a number",
                            parameter->name, text);
    store(parameter, options, &value, sizeof(value));
    return 0;
}

static int set_choice(const struct mm_parameter *parameter, void *options, const char *text,
                      struct mm_error *error)
{
    struct choice_list list;
    char suggestion[SUGGESTION_BYTES];
    split_choices(parameter->choices, &list);
    for (size_t i = 0; i < list.count; i++) {
        if (strcmp(list.names[i], text) == 0) {
            uint32_t index = (uint32_t)i;
            store(parameter, options, &index, sizeof(index));
            return 0;
        }
    }
    mm_text_suggestion(text, list.names, list.count, suggestion, sizeof(suggestion));
    return mm_error_set(error, -EINVAL, "parameter '%s': '%s' is none of %s%s", parameter->name,
                        text, parameter->choices, suggestion);
}

static int set_flag(const struct mm_parameter *parameter, void *options, const char *text,
                    struct mm_error *error)
{
    bool value = strcmp(text, "true") == 0;
    if (!value && strcmp(text, "false") != 0)
        return mm_error_set(error, -EINVAL, "parameter '%s': '%s' is neither true nor false",
                            parameter->name, text);
    store(parameter, options, &value, sizeof(value));
    return 0;
}

int mm_parameter_set(const struct mm_parameter *parameter, void *options, const char *text,
                     struct mm_error *error)
{
    switch (parameter->type) {
    case MM_PARAMETER_SIZE:
    case MM_PARAMETER_COUNT:
        return set_number(parameter, options, text, error);
    case MM_PARAMETER_SHARE:
        return set_share(parameter, options, text, error);
    case MM_PARAMETER_REAL:
        return set_real(parameter, options, text, error);
    case MM_PARAMETER_CHOICE:
        return set_choice(parameter, options, text, error);
    case MM_PARAMETER_FLAG:
        return set_flag(parameter, options, text, error);
    case MM_PARAMETER_TEXT:
        store(parameter, options, &text, sizeof(text));
        return 0;
    }
    return mm_error_set(error, -EINVAL, "parameter '%s' has no known type", parameter->name);
}

void mm_parameters_set_defaults(const struct mm_parameter *parameters, size_t count, void *options)
{
    for (size_t i = 0; i < count; i++) {
        int status = mm_parameter_set(&parameters[i], options, parameters[i].default_text, NULL);
        assert(status == 0);
        (void)status;
    }
}

/* The fewest digits that read back to the same double. */
static char *write_real(double value)
{
    char text[REAL_TEXT_BYTES];
    int digits = 0;
    do {
        digits++;
        snprintf(text, sizeof(text), "%.*g", digits, value);
    } while (digits < REAL_DIGITS_EXACT && strtod(text, NULL) != value);
    return mm_text_format("%s", text);
}

char *mm_parameter_write(const struct mm_parameter *parameter, const void *options)
{
    uint64_t number = 0;
    double real = 0;
    uint32_t choice = 0;
    bool flag = false;
    const char *text = NULL;
    char number_text[MM_UNITS_TEXT_BYTES];
    struct choice_list list;

    switch (parameter->type) {
    case MM_PARAMETER_SIZE:
    case MM_PARAMETER_COUNT:
        load(parameter, options, &number, sizeof(number));
        write_number(parameter, number, number_text);
        return mm_text_format("%s", number_text);
    case MM_PARAMETER_SHARE:
    case MM_PARAMETER_REAL:
        load(parameter, options, &real, sizeof(real));
        return write_real(real);
    case MM_PARAMETER_CHOICE:
        load(parameter, options, &choice, sizeof(choice));
        split_choices(parameter->choices, &list);
        assert(choice < list.count);
        return mm_text_format("%s", list.names[choice]);
    case MM_PARAMETER_FLAG:
        load(parameter, options, &flag, sizeof(flag));
        return mm_text_format("%s", flag ? "true" : "false");
    case MM_PARAMETER_TEXT:
        load(parameter, options, &text, sizeof(text));
        return mm_text_format("%s", text);
    }
    return NULL;
}

const struct mm_parameter *mm_parameter_find(const struct mm_parameter *parameters, size_t count,
                                             const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(parameters[i].name, name) == 0)
            return &parameters[i];
    return NULL;
}
