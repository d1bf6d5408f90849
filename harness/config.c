/* YAML by libyaml's event parser into a jansson tree whose nodes remember their lines. */
#include "harness/config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "common/file.h"
#include "common/text.h"

/* Where a node, or a member of an object, came from. */
struct mark {
    const json_t *node;
    char *key; /* NULL: the node itself */
    char *where;
};

struct mm_config {
    json_t *root;
    struct mark *marks;
    size_t mark_count;
    size_t mark_capacity;
};

/* What the functions that build the tree pass along. */
struct reader {
    yaml_parser_t parser;
    struct mm_config *config;
    const char *name;
    struct mm_error *error;
};

struct mm_config *mm_config_new(void)
{
    struct mm_config *config = calloc(1, sizeof(*config));
    if (!config)
        return NULL;
    config->root = json_object();
    if (!config->root) {
        free(config);
        return NULL;
    }
    return config;
}

void mm_config_free(struct mm_config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < config->mark_count; i++) {
        free(config->marks[i].key);
        free(config->marks[i].where);
    }
    free(config->marks);
    json_decref(config->root);
    free(config);
}

json_t *mm_config_root(const struct mm_config *config)
{
    return config->root;
}

int mm_config_mark(struct mm_config *config, const json_t *node, const char *key, const char *where)
{
    if (config->mark_count == config->mark_capacity) {
        size_t capacity = config->mark_capacity ? config->mark_capacity * 2 : 64;
        struct mark *marks = reallocarray(config->marks, capacity, sizeof(*marks));
        if (!marks)
            return -ENOMEM;
        config->marks = marks;
        config->mark_capacity = capacity;
    }
    struct mark mark = {.node = node, .key = key ? strdup(key) : NULL, .where = strdup(where)};
    if (!mark.where || (key && !mark.key)) {
        free(mark.key);
        free(mark.where);
        return -ENOMEM;
    }
    config->marks[config->mark_count++] = mark;
    return 0;
}

static const char *find_mark(const struct mm_config *config, const json_t *node, const char *key)
{
    for (size_t i = 0; i < config->mark_count; i++) {
        const struct mark *mark = &config->marks[i];
        if (mark->node != node || !key != !mark->key)
            continue;
        if (!key || !strcmp(key, mark->key))
            return mark->where;
    }
    return NULL;
}

const char *mm_config_where(const struct mm_config *config, const json_t *node)
{
    const char *where = find_mark(config, node, NULL);
    if (!where)
        where = find_mark(config, config->root, NULL);
    return where ? where : "configuration";
}

const char *mm_config_where_key(const struct mm_config *config, const json_t *object,
                                const char *key)
{
    const char *where = find_mark(config, object, key);
    return where ? where : mm_config_where(config, object);
}

static int no_memory(struct reader *reader)
{
    return mm_error_set(reader->error, -ENOMEM, "%s: not enough memory", reader->name);
}

/* libyaml counts lines and columns from 0, people and editors from 1. */
static int broken(struct reader *reader, yaml_mark_t at, const char *what)
{
    return mm_error_set(reader->error, -EBADMSG, "%s:%zu:%zu: %s", reader->name, at.line + 1,
                        at.column + 1, what);
}

static int parser_error(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    if (parser->error == YAML_MEMORY_ERROR)
        return no_memory(reader);
    char *what =
        parser->context
            ? mm_text_format("not YAML: %s %s", parser->problem, parser->context)
            : mm_text_format("not YAML: %s", parser->problem ? parser->problem : "unreadable");
    if (!what)
        return no_memory(reader);
    /* A reader error (bytes that are not UTF-8) has an offset and no mark. */
    int status = parser->error == YAML_READER_ERROR
                     ? mm_error_set(reader->error, -EBADMSG, "%s: %s at byte %zu", reader->name,
                                    what, parser->problem_offset)
                     : broken(reader, parser->problem_mark, what);
    free(what);
    return status;
}

static int next_event(struct reader *reader, yaml_event_t *event)
{
    if (!yaml_parser_parse(&reader->parser, event))
        return parser_error(reader);
    return 0;
}

static int mark_line(struct reader *reader, const json_t *node, const char *key, yaml_mark_t at)
{
    char *where = mm_text_format("%s:%zu", reader->name, at.line + 1);
    if (!where)
        return no_memory(reader);
    int status = mm_config_mark(reader->config, node, key, where);
    free(where);
    return status ? no_memory(reader) : 0;
}

/* Anchors, aliases and tags would make the tree a graph, or scalars something else than text. */
static int refuse_extras(struct reader *reader, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return broken(reader, event->start_mark, "aliases (*name) are not supported");
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        break;
    default:
        return 0;
    }
    if (anchor)
        return broken(reader, event->start_mark, "anchors (&name) are not supported");
    if (tag)
        return broken(reader, event->start_mark, "tags (!name) are not supported");
    return 0;
}

static int build_node(struct reader *reader, const yaml_event_t *event, unsigned depth,
                      json_t **node);

static int build_text(struct reader *reader, const yaml_event_t *event, json_t **node)
{
    const char *text = (const char *)event->data.scalar.value;
    if (strlen(text) != event->data.scalar.length)
        return broken(reader, event->start_mark, "a zero byte in a text");
    *node = json_string(text);
    return *node ? 0 : no_memory(reader);
}

static int build_list(struct reader *reader, unsigned depth, json_t *list)
{
    for (;;) {
        yaml_event_t event;
        int status = next_event(reader, &event);
        if (status)
            return status;
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        json_t *item = NULL;
        if (!end)
            status = build_node(reader, &event, depth, &item);
        yaml_event_delete(&event);
        if (end || status)
            return status;
        if (json_array_append_new(list, item))
            return no_memory(reader);
    }
}

/* Reads the value that follows key and adds both to object. */
static int build_member(struct reader *reader, const yaml_event_t *key_event, unsigned depth,
                        json_t *object)
{
    int status = refuse_extras(reader, key_event);
    if (status)
        return status;
    if (key_event->type != YAML_SCALAR_EVENT)
        return broken(reader, key_event->start_mark, "a key must be a plain name");
    const char *key = (const char *)key_event->data.scalar.value;
    if (strlen(key) != key_event->data.scalar.length)
        return broken(reader, key_event->start_mark, "a zero byte in a key");
    if (json_object_get(object, key)) {
        char *what = mm_text_format("the key '%s' is there twice, first at %s", key,
                                    mm_config_where_key(reader->config, object, key));
        status = what ? broken(reader, key_event->start_mark, what) : no_memory(reader);
        free(what);
        return status;
    }
    yaml_event_t event;
    status = next_event(reader, &event);
    if (status)
        return status;
    json_t *value = NULL;
    status = build_node(reader, &event, depth, &value);
    yaml_event_delete(&event);
    if (status)
        return status;
    if (json_object_set_new(object, key, value))
        return no_memory(reader);
    return mark_line(reader, object, key, key_event->start_mark);
}

static int build_object(struct reader *reader, unsigned depth, json_t *object)
{
    for (;;) {
        yaml_event_t event;
        int status = next_event(reader, &event);
        if (status)
            return status;
        bool end = event.type == YAML_MAPPING_END_EVENT;
        if (!end)
            status = build_member(reader, &event, depth, object);
        yaml_event_delete(&event);
        if (end || status)
            return status;
    }
}

/* The node that event starts, with everything below it. */
static int build_node(struct reader *reader, const yaml_event_t *event, unsigned depth,
                      json_t **node)
{
    int status = refuse_extras(reader, event);
    if (status)
        return status;
    if (depth >= MM_CONFIG_DEPTH_LIMIT)
        return broken(reader, event->start_mark, "nested too deeply");

    json_t *built = NULL;
    if (event->type == YAML_SCALAR_EVENT) {
        status = build_text(reader, event, &built);
    } else {
        bool list = event->type == YAML_SEQUENCE_START_EVENT;
        built = list ? json_array() : json_object();
        if (!built)
            return no_memory(reader);
        status =
            list ? build_list(reader, depth + 1, built) : build_object(reader, depth + 1, built);
    }
    if (!status)
        status = mark_line(reader, built, NULL, event->start_mark);
    if (status) {
        json_decref(built);
        return status;
    }
    *node = built;
    return 0;
}

/* Stream start, one document, stream end. */
static int build_document(struct reader *reader)
{
    bool found = false;
    for (;;) {
        yaml_event_t event;
        int status = next_event(reader, &event);
        if (status)
            return status;
        yaml_event_type_t type = event.type;
        yaml_mark_t at = event.start_mark;
        if (type == YAML_DOCUMENT_START_EVENT && found) {
            status = broken(reader, at, "a second document ('---'); one file is one document");
        } else if (type != YAML_STREAM_START_EVENT && type != YAML_STREAM_END_EVENT &&
                   type != YAML_DOCUMENT_START_EVENT && type != YAML_DOCUMENT_END_EVENT) {
            json_t *root = NULL;
            status = build_node(reader, &event, 0, &root);
            if (!status) {
                json_decref(reader->config->root);
                reader->config->root = root;
                found = true;
            }
        }
        yaml_event_delete(&event);
        if (status)
            return status;
        if (type == YAML_STREAM_END_EVENT)
            break;
    }
    if (!found)
        return mm_error_set(reader->error, -EBADMSG, "%s: the file is empty", reader->name);
    return 0;
}

int mm_config_parse_yaml(const char *name, const char *text, size_t size, struct mm_config **config,
                         struct mm_error *error)
{
    struct reader reader = {.config = mm_config_new(), .name = name, .error = error};
    if (!reader.config)
        return no_memory(&reader);
    if (!yaml_parser_initialize(&reader.parser)) {
        mm_config_free(reader.config);
        return no_memory(&reader);
    }
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, size);
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    int status = build_document(&reader);
    yaml_parser_delete(&reader.parser);
    if (status) {
        mm_config_free(reader.config);
        return status;
    }
    *config = reader.config;
    return 0;
}

int mm_config_load_yaml(const char *path, struct mm_config **config, struct mm_error *error)
{
    char *text = NULL;
    size_t size = 0;
    int status = mm_file_read(path, MM_CONFIG_LIMIT_BYTES, &text, &size, error);
    if (status)
        return status;
    status = mm_config_parse_yaml(path, text, size, config, error);
    free(text);
    return status;
}

int mm_config_check_keys(const struct mm_config *config, const json_t *object, const char *what,
                         const char *const *keys, size_t key_count, struct mm_error *error)
{
    if (!json_is_object(object))
        return mm_error_set(error, -EINVAL, "%s: %s must be keys with values",
                            mm_config_where(config, object), what);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        size_t i = 0;
        while (i < key_count && strcmp(keys[i], key))
            i++;
        if (i < key_count)
            continue;
        char suggestion[96];
        return mm_error_set(
            error, -EINVAL, "%s: unknown key '%s' in %s%s",
            mm_config_where_key(config, object, key), key, what,
            mm_text_suggestion(key, keys, key_count, suggestion, sizeof(suggestion)));
    }
    return 0;
}
