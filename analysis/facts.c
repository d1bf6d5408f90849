/* Lists of names and values, and JSON values as text. */
#include "analysis/facts.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

/* Whether value is one of the parts of joined. */
static bool is_joined_in(const char *joined, const char *value)
{
    size_t length = strlen(value);
    const char *part = joined;
    for (;;) {
        const char *end = strstr(part, "; ");
        size_t part_length = end ? (size_t)(end - part) : strlen(part);
        if (part_length == length && memcmp(part, value, length) == 0) {
            return true;
        }
        if (!end) {
            return false;
        }
        part = end + 2;
    }
}

static int join(struct mm_fact *fact, const char *value)
{
    if (strcmp(fact->value, value) == 0 || is_joined_in(fact->value, value)) {
        return 0;
    }
    char *joined = mm_text_format("%s; %s", fact->value, value);
    if (!joined) {
        return -ENOMEM;
    }
    free(fact->value);
    fact->value = joined;
    return 0;
}

int mm_facts_add(struct mm_facts *facts, const char *name, const char *value)
{
    for (size_t i = 0; i < facts->count; i++) {
        if (strcmp(facts->items[i].name, name) == 0) {
            return join(&facts->items[i], value);
        }
    }
    struct mm_fact fact = {.name = strdup(name), .value = strdup(value)};
    struct mm_fact *grown = NULL;
    if (fact.name && fact.value) {
        grown = realloc(facts->items, (facts->count + 1) * sizeof *grown);
    }
    if (!grown) {
        free(fact.name);
        free(fact.value);
        return -ENOMEM;
    }
    facts->items = grown;
    facts->items[facts->count++] = fact;
    return 0;
}

void mm_facts_release(struct mm_facts *facts)
{
    for (size_t i = 0; i < facts->count; i++) {
        free(facts->items[i].name);
        free(facts->items[i].value);
    }
    free(facts->items);
    *facts = (struct mm_facts){0};
}

int mm_facts_add_members(struct mm_facts *facts, const json_t *object)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        char *text = mm_facts_value_text(value);
        int result = text ? mm_facts_add(facts, name, text) : -ENOMEM;
        free(text);
        if (result < 0) {
            return result;
        }
    }
    return 0;
}

/* Appends separator, label and the text of value to *text, which becomes NULL when memory is
 * short. */
static void append_member(char **text, const char *separator, const char *label,
                          const json_t *value)
{
    char *part = *text ? mm_facts_value_text(value) : NULL;
    char *joined =
        part ? mm_text_format("%s%s%s%s", *text, **text ? separator : "", label, part) : NULL;
    free(part);
    free(*text);
    *text = joined;
}

static char *members_text(const json_t *value)
{
    char *text = strdup("");
    if (json_is_array(value)) {
        size_t index;
        json_t *item;
        json_array_foreach(value, index, item)
        {
            append_member(&text, ", ", "", item);
        }
        return text;
    }
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)value, key, member)
    {
        char *label = mm_text_format("%s ", key);
        append_member(&text, " ", label ? label : "", member);
        free(label);
    }
    return text;
}

char *mm_facts_value_text(const json_t *value)
{
    const char *why = json_string_value(json_object_get(value, "unavailable"));
    if (why) {
        return mm_text_format("unavailable: %s", why);
    }
    switch (json_typeof(value)) {
    case JSON_STRING:
        return strdup(json_string_value(value));
    case JSON_TRUE:
        return strdup("yes");
    case JSON_FALSE:
        return strdup("no");
    case JSON_NULL:
        return strdup("none");
    case JSON_INTEGER:
        return mm_text_format("%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_REAL:
        return mm_text_format("%.6g", json_real_value(value));
    case JSON_ARRAY:
    case JSON_OBJECT:
        return members_text(value);
    }
    return strdup("");
}
