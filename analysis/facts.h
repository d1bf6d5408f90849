/* Small lists of names with what was seen of them, and JSON values as people read them. */
#ifndef MM_ANALYSIS_FACTS_H
#define MM_ANALYSIS_FACTS_H

#include <stddef.h>

#include <jansson.h>

/* value holds the distinct values that were seen, joined by "; ". Both owned by the list. */
struct mm_fact {
    char *name;
    char *value;
};

struct mm_facts {
    struct mm_fact *items; /* in the order in which the names first came */
    size_t count;
};

/* Adds a value that was seen; one that is there already changes nothing. -ENOMEM. */
int mm_facts_add(struct mm_facts *facts, const char *name, const char *value);
void mm_facts_release(struct mm_facts *facts);

/* Every member of a JSON object (NULL: none). -ENOMEM. */
int mm_facts_add_members(struct mm_facts *facts, const json_t *object);

/* Text without quotes, numbers, "a, b" for arrays, "unavailable: why". Newly allocated; NULL when
 * memory is short. */
char *mm_facts_value_text(const json_t *value);

#endif
