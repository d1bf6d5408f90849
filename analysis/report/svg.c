/* Takes an SVG of gnuplot into a page. */
#include <stdbool.h>
#include <string.h>

#include "analysis/report/emit.h"
#include "analysis/report/escape.h"

/* What stands inside a tag and is written otherwise in a page. A prefix is what is before the name
 * of an id. */
static const struct {
    const char *from;
    const char *to;
    bool is_prefix;
} rewrites[] = {
    {"\"black\"", "\"currentColor\"", false},
    {"'black'", "'currentColor'", false},
    {" id=\"", " id=\"", true},
    {" id='", " id='", true},
    {"href='#", "href='#", true},
    {"href=\"#", "href=\"#", true},
    {"url(#", "url(#", true},
};

/* The end of the tag that starts at `at`, beyond its '>'. */
static const char *end_of_tag(const char *at)
{
    char quote = '\0';
    for (; *at; at++) {
        if (quote) {
            quote = *at == quote ? '\0' : quote;
        } else if (*at == '"' || *at == '\'') {
            quote = *at;
        } else if (*at == '>') {
            return at + 1;
        }
    }
    return at;
}

static void write_tag(FILE *stream, const char *at, const char *end, const char *name)
{
    while (at < end) {
        size_t i = 0;
        size_t length = 0;
        for (; i < sizeof rewrites / sizeof rewrites[0]; i++) {
            length = strlen(rewrites[i].from);
            if ((size_t)(end - at) >= length && memcmp(at, rewrites[i].from, length) == 0) {
                break;
            }
        }
        if (i == sizeof rewrites / sizeof rewrites[0]) {
            fputc(*at++, stream);
            continue;
        }
        fputs(rewrites[i].to, stream);
        if (rewrites[i].is_prefix) {
            fprintf(stream, "%s-", name);
        }
        at += length;
    }
}

static bool is_white_ground(const char *tag)
{
    static const char start[] = "<rect x=\"0\" y=\"0\"";
    return strncmp(tag, start, sizeof start - 1) == 0;
}

void mm_svg_inline(FILE *stream, const char *svg, const char *name, const char *alternative)
{
    const char *at = strstr(svg, "<svg");
    const char *root_title = at ? strstr(at, "<title>") : NULL;
    const char *canvas = at ? strstr(at, "<g id=\"gnuplot_canvas\"") : NULL;
    if (!root_title || !canvas) {
        return;
    }
    const char *root_end = end_of_tag(at);
    fputs("<svg role=\"img\" aria-label=\"", stream);
    mm_escape_markup(stream, alternative);
    fputc('"', stream);
    write_tag(stream, at + strlen("<svg"), root_end, name);
    /* Title and description of gnuplot name the program: the alternative text stands instead. */
    bool ground_is_gone = false;
    for (at = canvas; *at;) {
        if (*at != '<') {
            fputc(*at++, stream);
            continue;
        }
        const char *end = end_of_tag(at);
        if (!ground_is_gone && is_white_ground(at)) {
            ground_is_gone = true;
        } else {
            write_tag(stream, at, end, name);
        }
        at = end;
    }
}
