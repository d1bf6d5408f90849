/* The frame of the page: its head, style and script, and its tables. */
#include "analysis/report/page.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/report/escape.h"

/* The script below by its hash: a name that came through as markup could run nothing. The test of
 * the reports computes it again. */
#define SCRIPT_HASH "sha256-6lXTF5Q/VCYbQAeYdSUNQ6O8bR/DFwzfwQGOZa390OI="

static const char head[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; script-src '" SCRIPT_HASH
    "'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n";

static const char style[] =
    "<style>\n"
    ":root{color-scheme:light dark;--text:#1d2329;--dim:#59636e;--ground:#ffffff;"
    "--panel:#f4f6f8;--line:#c9d1d9;--edge:#6b7682;--link:#0a5cad;--bad:#a3320b}\n"
    "@media(prefers-color-scheme:dark){:root{--text:#dfe5ea;--dim:#9ba7b3;--ground:#14181d;"
    "--panel:#1d232a;--line:#3b444e;--edge:#7d8995;--link:#7db8f2;--bad:#ff9a70}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;max-width:75rem;padding:1rem;color:var(--text);"
    "background:var(--ground);font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}\n"
    "h1{font-size:1.6rem;line-height:1.2;margin:.5rem 0}h2{font-size:1.25rem;margin:2rem 0 "
    ".5rem;border-bottom:1px solid var(--line)}h3{font-size:1.05rem;margin:1.5rem 0 .25rem}\n"
    "header p{margin:.25rem 0}header+nav{margin:.5rem 0 0}nav a{margin-right:1rem;"
    "white-space:nowrap}\n"
    "a{color:var(--link)}.dim{color:var(--dim)}.bad{color:var(--bad);font-weight:600}\n"
    "a:focus-visible,button:focus-visible,input:focus-visible,.scroll:focus-visible{"
    "outline:3px solid var(--link);outline-offset:2px}\n"
    ".skip{position:absolute;left:-99rem}.skip:focus{position:static}\n"
    ".warnings{margin:1rem 0;padding:.25rem 1rem;border:2px solid var(--bad);"
    "background:var(--panel)}.warnings ul{margin:.25rem 0;padding-left:1.25rem}\n"
    "main>h2:first-of-type{margin-top:1rem}\n"
    "code,pre{font:.875em/1.4 ui-monospace,monospace}pre{background:var(--panel);"
    "padding:.5rem;white-space:pre-wrap}\n"
    ".scroll{overflow-x:auto;max-width:100%}\n"
    ".filter{margin:.5rem 0;font-size:.875rem}.filter input{font:inherit;color:inherit;"
    "background:var(--ground);border:1px solid var(--edge);padding:.2rem .4rem;width:18rem;"
    "max-width:100%}.filter span{color:var(--dim);white-space:nowrap}\n"
    "table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums}\n"
    "caption{text-align:left;color:var(--dim);padding:.25rem 0}\n"
    "caption span{display:inline-block;max-width:min(60rem,100vw - 2rem)}\n"
    "tbody td:not(.w){white-space:nowrap}\n"
    "th,td{padding:.15rem .8rem .15rem 0;text-align:left;vertical-align:top;"
    "border-bottom:1px solid var(--line);overflow-wrap:normal}\n"
    "thead th{vertical-align:bottom}tbody th{font-weight:inherit}\n"
    "th button{font:inherit;color:inherit;background:none;border:0;padding:0;"
    "text-align:inherit;cursor:pointer;text-decoration:underline dotted}\n"
    "th[aria-sort=ascending] button::after{content:\" \\2191\"}th[aria-sort=descending] "
    "button::after{content:\" \\2193\"}\n"
    "td.n,th.n{text-align:right;white-space:nowrap}thead th.n{white-space:normal}\n"
    "tbody th,td.w{min-width:9rem;max-width:22rem;overflow-wrap:anywhere}\n"
    "figure{margin:1rem 0}figure svg{display:block;min-width:43rem;width:100%;height:auto}\n"
    "figcaption{color:var(--dim);font-size:.875rem}\n"
    "dl{display:grid;grid-template-columns:minmax(8rem,max-content) 1fr;gap:.1rem 1rem;"
    "margin:.5rem 0;font-size:.875rem}dt{color:var(--dim)}dd{margin:0;min-width:0}\n"
    "@media(max-width:30rem){body{padding:.6rem;font-size:15px}dl{grid-template-columns:1fr;"
    "gap:0}dd{margin-bottom:.4rem}}\n"
    "@media print{:root{--text:#000;--dim:#444;--ground:#fff;--panel:#fff;--line:#999;"
    "--link:#000;--bad:#000;color-scheme:light}body{max-width:none;font-size:10pt}nav,"
    ".filter,.skip{display:none}tr[hidden]{display:table-row}th button{text-decoration:none}"
    ".scroll{overflow:visible}figure svg{min-width:0}tr,h2,h3,dl{break-inside:avoid}h2,h3,"
    "caption{break-after:avoid}table{font-size:8pt}}\n"
    "</style>\n";

/* Everything stands there without it; buttons and filters are its own. */
static const char script[] =
    "\"use strict\";\n"
    "document.querySelectorAll(\"table.sort\").forEach((table) => {\n"
    "  const body = table.tBodies[0];\n"
    "  const heads = Array.from(table.tHead.rows[0].cells);\n"
    "  const rows = Array.from(body.rows);\n"
    "  if (rows.length < 2) return;\n"
    "  const bar = document.createElement(\"p\");\n"
    "  const label = document.createElement(\"label\");\n"
    "  const field = document.createElement(\"input\");\n"
    "  const status = document.createElement(\"span\");\n"
    "  bar.className = \"filter\";\n"
    "  label.append(\"Filter rows \", field);\n"
    "  field.type = \"search\";\n"
    "  field.placeholder = \"words that all stand in the row\";\n"
    "  status.setAttribute(\"role\", \"status\");\n"
    "  bar.append(label, \" \", status);\n"
    "  table.parentNode.before(bar);\n"
    "  const filter = () => {\n"
    "    const words = field.value.toLowerCase().split(/\\s+/).filter(Boolean);\n"
    "    let shown = 0;\n"
    "    rows.forEach((row) => {\n"
    "      const text = row.textContent.toLowerCase();\n"
    "      row.hidden = !words.every((word) => text.includes(word));\n"
    "      shown += row.hidden ? 0 : 1;\n"
    "    });\n"
    "    status.textContent = shown + \" of \" + rows.length + \" rows shown\";\n"
    "  };\n"
    "  field.addEventListener(\"input\", filter);\n"
    "  filter();\n"
    "  const compare = (a, b, column, sign) => {\n"
    "    const x = a.cells[column], y = b.cells[column];\n"
    "    if (!heads[column].classList.contains(\"n\"))\n"
    "      return sign * x.textContent.localeCompare(y.textContent, \"en\", {numeric: true});\n"
    "    const known = (\"v\" in y.dataset) - (\"v\" in x.dataset);\n"
    "    return known || sign * (x.dataset.v - y.dataset.v) || 0;\n"
    "  };\n"
    "  heads.forEach((head, column) => {\n"
    "    const button = document.createElement(\"button\");\n"
    "    button.type = \"button\";\n"
    "    button.append(...head.childNodes);\n"
    "    head.append(button);\n"
    "    button.addEventListener(\"click\", () => {\n"
    "      const falls = head.getAttribute(\"aria-sort\") === \"ascending\";\n"
    "      heads.forEach((other) => other.removeAttribute(\"aria-sort\"));\n"
    "      head.setAttribute(\"aria-sort\", falls ? \"descending\" : \"ascending\");\n"
    "      body.append(...rows.sort((a, b) => compare(a, b, column, falls ? -1 : 1)));\n"
    "    });\n"
    "  });\n"
    "});\n";

void mm_page_open(FILE *stream, const char *title)
{
    fputs(head, stream);
    fputs("<title>", stream);
    mm_escape_markup(stream, title);
    fputs(" - mapmeter</title>\n", stream);
    fputs(style, stream);
    fputs("</head>\n<body>\n", stream);
}

void mm_page_close(FILE *stream)
{
    fputs("<script>", stream);
    fputs(script, stream);
    fputs("</script>\n</body>\n</html>\n", stream);
}

void mm_page_table_open(FILE *stream, const char *id, const char *caption,
                        const struct mm_page_column *columns, size_t count, bool sorts)
{
    fprintf(stream,
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"caption-%s\">"
            "<table id=\"table-%s\"%s><caption><span id=\"caption-%s\">",
            id, id, sorts ? " class=\"sort\"" : "", id);
    mm_escape_markup(stream, caption);
    fputs("</span></caption>\n<thead><tr>", stream);
    for (size_t i = 0; i < count; i++) {
        fprintf(stream, "<th scope=\"col\"%s>", columns[i].is_number ? " class=\"n\"" : "");
        mm_escape_markup(stream, columns[i].name);
        fputs("</th>", stream);
    }
    fputs("</tr></thead>\n<tbody>\n", stream);
}

void mm_page_table_close(FILE *stream)
{
    fputs("</tbody></table></div>\n", stream);
}

void mm_page_text(FILE *stream, const char *text)
{
    fputs("<td>", stream);
    mm_escape_markup(stream, text);
    fputs("</td>", stream);
}

void mm_page_number(FILE *stream, const char *text, double value)
{
    if (isfinite(value)) {
        fprintf(stream, "<td class=\"n\" data-v=\"%.9g\">", value);
    } else {
        fputs("<td class=\"n\">", stream);
    }
    mm_escape_markup(stream, text);
    fputs("</td>", stream);
}

void mm_page_case(FILE *stream, const struct mm_summary *summary, const struct mm_summary_case *one)
{
    char *name = mm_phrase_engine(one);
    fputs("<td class=\"w\">", stream);
    mm_escape_markup(stream, one->group);
    fprintf(stream, "</td><th scope=\"row\"><a href=\"#case-%zu\">",
            (size_t)(one - summary->cases));
    mm_escape_markup(stream, one->cache);
    fputc(' ', stream);
    mm_escape_markup(stream, name ? name : "");
    fputs("</a></th>", stream);
    free(name);
}
