"""Reads back with other people's parsers what the reports say; the argument is make_report."""
import base64
import csv
import hashlib
import html.parser
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

MAKE_REPORT = sys.argv[1]
PLOTS = ("throughput", "launches", "faults", "flush", "flush_ecdf")  # of a run that measures throughput
VOID = {"meta", "br", "img", "link", "hr", "input"}
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "ul", "li", "div",
    "table", "thead", "tbody", "tr", "th", "td", "a", "figure", "figcaption", "code", "pre",
    "section", "dl", "dt", "dd", "br", "svg", "g", "path", "circle", "rect", "use", "defs",
    "script", "header", "nav", "main", "caption", "span",
    "filter", "feflood", "fecomposite", "text", "tspan", "polygon", "pattern", "desc"}


class Page(html.parser.HTMLParser):
    """Every tag that opens must close, and only tags that the report writes may be there."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.targets, self.text, self.svgs = [], [], [], [], 0
        self.policy, self.scripts, self.headings, self.tables = "", [], [], []

    def handle_starttag(self, tag, attributes):
        assert tag in ALLOWED, f"unexpected element {tag} {attributes}"
        values = dict(attributes)
        for name, value in attributes:
            assert not name.startswith("on"), f"an event handler: {tag} {name}"
            assert name != "src" and name != "style" or tag == "path", (tag, name, value)
            if name in ("href", "xlink:href"):
                assert re.fullmatch(r"#[\w-]+|[\w-]+\.(json|csv|txt)", value), value
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"]
        if "id" in values:
            self.ids.append(values["id"])
        for value in values.values():
            self.targets += re.findall(r"url\(#([^)]*)\)", value or "")
        target = values.get("href") or values.get("xlink:href") or ""
        if target.startswith("#"):
            self.targets.append(target[1:])
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "table":
            self.tables.append([])
        if tag in ("caption", "th") and self.tables:
            self.tables[-1].append((tag, values.get("scope")))
        if tag == "svg":
            self.svgs += 1
            assert len(values["aria-label"]) > 40, "an alternative text must say something"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> in {self.open}"
        self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif not self.open or self.open[-1] != "style":
            self.text.append(data)


def make(kind, folder, environment=None):
    done = subprocess.run([MAKE_REPORT, kind, folder], capture_output=True, text=True, cwd=folder,
                          env=environment, check=False)
    assert done.returncode == 0, (kind, done.stderr)
    return done.stdout


def read_page(folder):
    page = Page()
    text = pathlib.Path(folder, "report.html").read_text(encoding="utf-8")
    page.feed(text)
    page.close()
    assert not page.open, page.open
    check_policy(page)
    check_structure(page, text)
    assert len(page.ids) == len(set(page.ids)), "ids are unique over all pictures"
    missing = set(page.targets) - set(page.ids)
    assert not missing, f"links to nowhere: {missing}"
    assert "prefers-color-scheme" in text
    svg = text[text.find("<svg"):text.rfind("</svg>")]
    assert '"black"' not in svg and "'black'" not in svg, "black text is unreadable in the dark"
    return page


def check_policy(page):
    """Nothing may be loaded, and nothing run but the one script, by its hash."""
    (script,) = page.scripts
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = {part.split()[0]: part.split()[1:] for part in page.policy.split(";")}
    assert policy.pop("default-src") == ["'none'"]
    assert policy.pop("script-src") == [f"'sha256-{digest}'"], f"'sha256-{digest}'"
    assert policy == {"style-src": ["'unsafe-inline'"], "img-src": ["data:"],
                      "base-uri": ["'none'"], "form-action": ["'none'"]}, policy


def check_structure(page, text):
    """Landmarks, headings without gaps, captions and scopes."""
    assert page.headings[0] == 1 and page.headings.count(1) == 1
    assert all(b <= a + 1 for a, b in zip(page.headings, page.headings[1:])), page.headings
    for landmark in ("<main ", "<header>", "<nav aria-label="):
        assert text.count(landmark) == 1, landmark
    assert text.index('class="skip" href="#main"') < text.index("<header>")
    for cells in page.tables:
        assert cells[0][0] == "caption" and len(cells) > 1, cells
        assert all(scope in ("col", "row") for tag, scope in cells if tag == "th"), cells


def check_quick(folder):
    """The whole suite: all pictures there, each drawn again from what stands beside it."""
    table = make("quick", folder)
    page = read_page(folder)
    assert page.svgs == len(PLOTS)
    assert "56 cases: 56 measured" in table
    text = "".join(page.text)
    assert text.index("Which engine for which work") < text.index("Findings\n")
    assert text.count(" times") > 14 and "how sure" in text
    summary = pathlib.Path(folder, "summary.md").read_text(encoding="utf-8")
    # A head, a rule, then the works in two cache states, and the cases twice.
    for rows, cells, count in zip(tables_of(summary), (7, 10, 11), (14, 56, 56), strict=True):
        assert len(rows) == 2 + count, len(rows)
        assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {cells + 1}
    for name in PLOTS:
        check_plot(folder, name)
    assert sorted(os.listdir(folder)) == ["comparison.md", "junit.xml", "plots", "report.html",
                                          "report.txt", "samples.csv", "summary.md"]
    assert pathlib.Path(folder, "report.txt").read_text(encoding="utf-8") == table
    lines = read_csv(folder)
    assert len(lines) == 56 * 6, len(lines)
    assert all(re.fullmatch("0x[0-9a-f]{16}", line["seed"]) for line in lines)
    assert all(float(line["elapsed_ns"]) > 0 and float(line["bytes"]) > 0 for line in lines)
    plots = os.listdir(os.path.join(folder, "plots"))
    tables = [name for name in plots if re.fullmatch(r"flush_ns-c[0-9]+\.hgrm", name)]
    assert tables, "no percentile table of a case that flushes"
    assert len(plots) - len(tables) == 3 * len(PLOTS), f"nothing temporary is left: {sorted(plots)}"


def read_csv(folder):
    """samples.csv as the csv module reads it: no line may have more or fewer fields."""
    with open(os.path.join(folder, "samples.csv"), encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream, restkey="too many", strict=True))
    assert lines and all(None not in line.values() and "too many" not in line for line in lines)
    return lines


def tables_of(markdown):
    """The rows of each table of summary.md."""
    tables = [[line for line in part.splitlines() if line.startswith("|")]
              for part in markdown.split("\n\n")]
    return [rows for rows in tables if rows]


def check_latency(folder):
    """A table, a plot and percentile tables of latencies; a rate that was not kept leads."""
    table = make("latency", folder)
    assert "5000 of 20000/s" in table
    page = read_page(folder)
    text = "".join(page.text)
    assert page.svgs == 5, page.svgs  # faults; flushes and operations, each twice
    assert "Latency of operations" in text and "no case has a throughput" in text
    assert text.index("20000 operations a second were asked for and 5000 came about") < \
        text.index("Latency of operations")
    for name in ("latency", "latency_ecdf", "flush", "flush_ecdf"):
        check_plot(folder, name)
    summary = pathlib.Path(folder, "summary.md").read_text(encoding="utf-8")
    (rows,) = tables_of(summary)
    assert len(rows) == 2 + 3 * 56, len(rows)  # touch, lock and flush of each case
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {12}
    plots = os.listdir(os.path.join(folder, "plots"))
    for name in ("touch", "lock", "flush"):
        assert len([plot for plot in plots if plot.startswith(name + "_ns-c")]) == 56, name


def check_plot(folder, name):
    """Well-formed, the same bytes every time, and no moment of drawing in it."""
    plots = pathlib.Path(folder, "plots")
    drawn = plots.joinpath(name + ".svg").read_bytes()
    root = xml.etree.ElementTree.fromstring(drawn)
    assert root.tag.endswith("svg") and root.get("viewBox")
    with tempfile.TemporaryDirectory() as again:
        for ending in (".gp", ".dat"):
            shutil.copy(plots.joinpath(name + ending), again)
        subprocess.run(["gnuplot", name + ".gp"], cwd=again, check=True, capture_output=True)
        redrawn = pathlib.Path(again, name + ".svg").read_bytes()
    assert hashlib.sha256(drawn).digest() == hashlib.sha256(redrawn).digest(), name


def check_hostile(folder):
    """Markup, commands and quotes come out as text and do nothing."""
    table = make("hostile", folder)
    assert "\n!touch" not in table and "\x1b" not in table
    page = read_page(folder)
    text = "".join(page.text)
    for name in ("<script>alert(1)</script>", "`touch pwned`", "$(touch pwned)",
                 "'; system(\"touch pwned\"); '", "</style></svg><img src=x onerror=alert(1)>",
                 "a|b||c", "x" * 300, "%s%n%d @x {/Bold z} a_b^2 \\n \\ 100% #1 ~~x~~ **y**"):
        assert name in text, f"{name!r} is not shown as it is"
    shown = ""
    for name in PLOTS:
        root = xml.etree.ElementTree.parse(os.path.join(folder, "plots", name + ".svg")).getroot()
        shown += "\n".join("".join(node.itertext()) for node in root.iter())
        assert not [node for node in root.iter() if node.tag.endswith(("script", "image", "a"))]
        check_plot(folder, name)
    for name in ("<script>alert(1)</script>", "`touch pwned`", "$(touch pwned)",
                 "'; system(\"touch pwned\"); '", "%s%n%d @x {/Bold z}"):
        assert name in shown, f"{name!r} is not in the pictures as it is"
    for found in pathlib.Path(folder).rglob("*"):
        assert found.name != "pwned", "a name was run as a command"
    check_hostile_markdown(folder)
    check_hostile_terminal(folder, table)
    check_hostile_csv(folder)
    check_hostile_junit(folder)


# As make_report.c has them; controls and marks that turn text around are replaced everywhere.
SHOWN = ("<script>alert(1)</script>", "`touch pwned`", "$(touch pwned)",
         "'; system(\"touch pwned\"); '", "a|b||c", "</style></svg><img src=x onerror=alert(1)>",
         "[x](javascript:alert(1)) ![y](http://example.invalid/y.png)",
         "%s%n%d @x {/Bold z} a_b^2 \\n \\ 100% #1 ~~x~~ **y**", "=cmd|' /C calc'!A0",
         "\xe9\u6f22\U0001f40e")
TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
ACTING = re.compile("[\x00-\x09\x0b-\x1f\x7f\x80-\x9f]")


def check_hostile_terminal(folder, table):
    text = pathlib.Path(folder, "report.txt").read_text(encoding="utf-8")
    for written in (text, table):
        assert not ACTING.search(written) and not TURNING.search(written)
        assert not re.search(r"(?m)^(!|system)", written)


def check_hostile_csv(folder):
    lines = read_csv(folder)
    seen = {line["workload"].lstrip("'") for line in lines}
    for name in SHOWN[:-1]:
        assert name.lstrip("'") in seen, name
    assert any(SHOWN[-1] in name for name in seen)
    for line in lines:
        for value in line.values():
            assert not ACTING.search(value) and "\n" not in value and not TURNING.search(value)
            assert not re.match(r"[=+@]|-\D", value), f"a formula: {value!r}"


def check_hostile_junit(folder):
    """Another parser finds the names of the gate's cases as text."""
    root = xml.etree.ElementTree.parse(os.path.join(folder, "junit.xml")).getroot()
    names = " ".join(value for node in root.iter() for value in node.attrib.values())
    for name in SHOWN:
        assert name in names, f"{name!r} is not in junit.xml"
    assert not TURNING.search(names) and not [node for node in root.iter() if node.tag == "script"]


def check_hostile_markdown(folder):
    for name in ("summary.md", "comparison.md"):
        text = pathlib.Path(folder, name).read_text(encoding="utf-8")
        outside = re.sub(r"(?ms)^(```+)\n.*?\n\1$", "", text)
        assert "<" not in outside and "![" not in outside, name
        assert not re.search(r"(?<!\\)\]\((?!plots/|samples\.csv\)|report\.txt\))", outside), name
        for rows in tables_of(outside):
            assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1, name


def check_failed(folder):
    """Only failures: no picture, every reason on the page."""
    table = make("failed", folder)
    page = read_page(folder)
    assert page.svgs == 0
    assert "no case has a throughput: no launch succeeded" in "".join(page.text)
    assert "56 cases: 0 measured" in table and "FAILED 6 of 6" in table
    assert os.listdir(os.path.join(folder, "plots")) == []


def check_others(folder):
    make("few", folder)
    assert "points alone, n 3" in "".join(read_page(folder).text)
    table = make("interrupted", folder)
    assert "ended early by SIGINT" in table and "4 skipped" in table
    assert "ended early by SIGINT" in "".join(read_page(folder).text)
    make("reading", folder)
    page = read_page(folder)
    assert page.svgs == len(PLOTS) - 2 and "no case flushed anything" in "".join(page.text)
    left = sorted(os.listdir(os.path.join(folder, "plots")))
    assert not [name for name in left if name.startswith("flush")], "an old picture is left"
    assert "gnuplot failed" not in make("faultless", folder)
    assert read_page(folder).svgs == len(PLOTS)
    table = make("empty", folder)
    assert "0 cases: 0 measured" in table
    assert "The record has no cases" in "".join(read_page(folder).text)


def check_leftovers(folder):
    """What a killed run left of its drawing goes with the next one, which leaves nothing itself."""
    temporary = os.path.join(folder, "tmp")
    for name in ("mapmeter-plot-killed", "mapmeter-plot-drawing", "other"):
        os.makedirs(os.path.join(temporary, name))
        pathlib.Path(temporary, name, "faults.svg").touch()
        if name != "mapmeter-plot-drawing":
            os.utime(os.path.join(temporary, name), (1000, 1000))
    os.symlink("other", os.path.join(temporary, "mapmeter-plot-link"))
    out = os.path.join(folder, "out")
    os.mkdir(out)
    make("quick", out, {**os.environ, "TMPDIR": temporary})
    left = sorted(os.listdir(temporary))
    assert left == ["mapmeter-plot-drawing", "mapmeter-plot-link", "other"], left
    assert os.listdir(os.path.join(temporary, "other")) == ["faults.svg"]


def check_without_gnuplot(folder):
    """A sentence in the picture's place, script and data all the same, and success."""
    nothing = os.path.join(folder, "nothing")
    os.mkdir(nothing)
    table = make("quick", folder, {**os.environ, "PATH": nothing})
    assert table.count("warning: gnuplot was not found") == 1
    page = read_page(folder)
    assert page.svgs == 0 and "gnuplot was not found: install it" in "".join(page.text)
    plots = sorted(name for name in os.listdir(os.path.join(folder, "plots"))
                   if not name.endswith(".hgrm"))
    assert plots == sorted(name + ending for name in PLOTS for ending in (".dat", ".gp")), plots


def main():
    if not shutil.which("gnuplot"):
        print("skipped: gnuplot was not found (gnuplot-nox)")
        sys.exit(77)
    for check in (check_quick, check_latency, check_hostile, check_failed, check_others, check_leftovers,
                  check_without_gnuplot):
        with tempfile.TemporaryDirectory() as folder:
            check(folder)
        print(f"ok {check.__name__}")


main()
