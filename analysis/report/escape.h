/*
 * Names, paths and reasons come from outside: they are data in every language that we write. Each
 * function writes text so that it stands there as itself, whatever it holds. Only characters that
 * act instead of showing (control characters, and those that turn the direction of text around)
 * are replaced. NULL is "".
 */
#ifndef MM_ANALYSIS_REPORT_ESCAPE_H
#define MM_ANALYSIS_REPORT_ESCAPE_H

#include <stddef.h>
#include <stdio.h>

/* HTML and XML, as content and inside quoted attributes; what XML 1.0 cannot hold becomes U+FFFD.
 */
void mm_escape_markup(FILE *stream, const char *text);

/* Markdown text, also in a cell of a table: one line, every character that could mean something
 * escaped. */
void mm_escape_markdown(FILE *stream, const char *text);

/* A gnuplot string with its quotes. All but letters, digits and some harmless signs is octal: in
 * plain view a backtick would be run by a shell even inside the quotes. */
void mm_escape_gnuplot(FILE *stream, const char *text);

/* A quoted field of a gnuplot data file. These know no escapes: a double quote becomes a single
 * one, a control character a space. */
void mm_escape_gnuplot_field(FILE *stream, const char *text);

/* A field of a CSV file, quoted. A control character becomes a space; a formula of a spreadsheet
 * (what starts with one of = + - @) gets a single quote before it, so that it stays text. */
void mm_escape_csv(FILE *stream, const char *text);

/* One line for a terminal: what acts becomes '?'. */
void mm_escape_terminal(FILE *stream, const char *text);

/* How many characters (code points) UTF-8 text has. */
size_t mm_escape_length(const char *text);

/* Newly allocated text of at most limit characters (at least 3), the middle of a longer one
 * replaced by an ellipsis; what is cut from is never split inside a character. NULL when memory is
 * short. */
char *mm_escape_shorten(const char *text, size_t limit);

#endif
