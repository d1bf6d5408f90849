"""What a browser makes of report.html: test_report_page.py MAKE_REPORT FOLDER_FOR_PICTURES."""
import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

try:
    from selenium import webdriver
    from selenium.common.exceptions import NoAlertPresentException
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ImportError:
    print("skipped: selenium is not installed (python3-selenium)")
    sys.exit(77)

MAKE_REPORT, PICTURES = sys.argv[1:3]
WIDE, PHONE = (1280, 900), (400, 800)

# Boxes of the lines of text that a reader sees, each in the box that scrolls it; glyphs fill less
# than their box, so its upper and lower sixth are left out.
TEXT_BOXES = """
const boxes = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const holder = node.parentElement;
  if (!node.data.trim() || holder.closest("script, style, .skip, desc, title")) continue;
  const style = getComputedStyle(holder);
  if (style.visibility === "hidden" || style.display === "none") continue;
  const range = document.createRange();
  range.selectNodeContents(node);
  const frame = holder.closest("svg, .scroll, body");
  for (const box of range.getClientRects()) {
    if (box.width > 0.5 && box.height > 0.5)
      boxes.push({text: node.data.trim().slice(0, 60), left: box.left, right: box.right,
                  top: box.top + box.height / 6, bottom: box.bottom - box.height / 6,
                  frame: frame.tagName + "#" + Array.from(document.querySelectorAll(
                    "svg, .scroll, body")).indexOf(frame), node: boxes.length});
  }
}
boxes.sort((a, b) => a.top - b.top);
const overlaps = [];
boxes.forEach((a, i) => {
  for (let j = i + 1; j < boxes.length && boxes[j].top < a.bottom - 1; j++) {
    const b = boxes[j];
    if (a.frame === b.frame && Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1)
      overlaps.push(a.frame + ": " + a.text + " | " + b.text);
  }
});
return {count: boxes.length, overlaps: overlaps.slice(0, 20)};
"""

# The lowest contrast of text with the nearest ground behind it (WCAG 2.1, 1.4.3).
CONTRAST = """
const parts = (colour) => (colour.match(/[0-9.]+/g) || []).map(Number);
const luminance = (colour) => parts(colour).slice(0, 3).map((value) => value / 255)
  .map((value) => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
  .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
const ground = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (colour !== "rgba(0, 0, 0, 0)" && colour !== "transparent") return colour;
  }
  return "rgb(255, 255, 255)";
};
let worst = {ratio: 21, text: ""};
document.querySelectorAll("body *").forEach((element) => {
  const own = Array.from(element.childNodes).some((n) => n.nodeType === 3 && n.data.trim());
  if (!own || element.closest("script, style, .skip, desc, title")) return;
  const style = getComputedStyle(element);
  const colour = element.closest("svg") ? style.fill : style.color;
  if (!colour.startsWith("rgb")) return;
  const [a, b] = [luminance(colour), luminance(ground(element))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < worst.ratio)
    worst = {ratio, text: element.textContent.trim().slice(0, 60) + " " + colour};
});
return worst;
"""


def make(kind, folder):
    subprocess.run([MAKE_REPORT, kind, folder], check=True, capture_output=True, cwd=folder)
    return pathlib.Path(folder, "report.html")


def start_browser(profile):
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
                     "--disable-background-networking", "--disable-component-update",
                     "--disable-sync", f"--user-data-dir={profile}"):
        options.add_argument(argument)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    options.binary_location = shutil.which("chromium")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)


class ReportPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.pages = {}
        for kind in ("quick", "hostile", "latency", "failed"):
            os.mkdir(os.path.join(cls.folder, kind))
            cls.pages[kind] = make(kind, os.path.join(cls.folder, kind))
        os.makedirs(PICTURES, exist_ok=True)
        cls.browser = start_browser(os.path.join(cls.folder, "profile"))
        cls.addClassCleanup(cls.browser.quit)

    def open(self, page, theme="light", size=WIDE, media=""):
        tell = self.browser.execute_cdp_cmd
        tell("Emulation.setEmulatedMedia",
             {"media": media, "features": [{"name": "prefers-color-scheme", "value": theme}]})
        tell("Emulation.setDeviceMetricsOverride", {"width": size[0], "height": size[1],
                                                    "deviceScaleFactor": 1, "mobile": False})
        for log in ("browser", "performance"):
            self.browser.get_log(log)
        self.browser.get(page.as_uri())

    def picture(self, name, height=None):
        layout = self.browser.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": self.run_script("return innerWidth"), "scale": 1,
                "height": min(layout["height"], height or self.run_script("return innerHeight"))}
        shot = self.browser.execute_cdp_cmd(
            "Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True})
        pathlib.Path(PICTURES, name + ".png").write_bytes(base64.b64decode(shot["data"]))

    def run_script(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def assert_quiet(self, page):
        """No error, and no request but that of the page itself."""
        self.assertEqual([entry["message"] for entry in self.browser.get_log("browser")], [])
        asked = []
        for entry in self.browser.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                asked.append(message["params"]["request"]["url"])
        self.assertEqual(set(asked), {page.as_uri()})

    def shown_rows(self, table):
        return self.run_script(
            "return Array.from(document.querySelector(arguments[0]).tBodies[0].rows)"
            ".filter((row) => row.offsetHeight > 0).map((row) => row.textContent)", table)

    def column(self, table, index):
        return self.run_script(
            "return Array.from(document.querySelector(arguments[0]).tBodies[0].rows)"
            ".map((row) => row.cells[arguments[1]]).map((cell) => "
            "'v' in cell.dataset ? Number(cell.dataset.v) : cell.textContent)", table, index)

    def check_looks(self, kind, theme, size):
        page = self.pages[kind]
        self.open(page, theme, size)
        self.assert_quiet(page)
        found = self.run_script(TEXT_BOXES)
        self.assertGreater(found["count"], 200)
        self.assertEqual(found["overlaps"], [])
        worst = self.run_script(CONTRAST)
        self.assertGreaterEqual(worst["ratio"], 4.5, worst)
        self.assertLessEqual(self.run_script("return document.documentElement.scrollWidth"),
                             size[0], "the page itself scrolls sideways")
        plots = self.run_script(
            "return Array.from(document.querySelectorAll('figure svg')).map((svg) => "
            "svg.getBoundingClientRect()).map((box) => [box.width, box.height])")
        drawn = list(page.parent.glob("plots/*.svg"))
        self.assertGreaterEqual(len(drawn), 3)
        self.assertEqual(len(plots), len(drawn))
        for width, height in plots:
            self.assertTrue(width > 200 and height > 100, (width, height))

    def test_nothing_overlaps_and_everything_is_legible_in_light_and_dark_and_narrow(self):
        for theme, size, name in (("light", WIDE, "light"), ("dark", WIDE, "dark"),
                                  ("light", PHONE, "phone-light"), ("dark", PHONE, "phone-dark")):
            with self.subTest(name):
                self.check_looks("quick", theme, size)
                self.picture(name)
                self.picture(name + "-long", 6000)

    def test_latencies_are_legible_too(self):
        self.check_looks("latency", "light", WIDE)
        self.picture("latency-long", 6000)

    def test_the_first_screen_says_which_engine_for_which_work(self):
        for size in (WIDE, PHONE):
            self.open(self.pages["quick"], size=size)
            top = self.run_script(
                "return document.querySelector('#table-engines tbody tr').getBoundingClientRect().top")
            self.assertLess(top, size[1])

    def test_failures_come_before_everything_else(self):
        self.open(self.pages["failed"])
        self.assertIn("launches failed", self.browser.find_element(By.CSS_SELECTOR, ".warnings").text)
        self.picture("failed")

    def test_a_click_on_a_header_sorts_and_another_turns_it_round(self):
        self.open(self.pages["quick"])
        button = self.browser.find_element(By.CSS_SELECTOR, "#table-cases th:nth-child(3) button")
        before = self.column("#table-cases", 2)
        button.click()
        self.assertEqual(self.column("#table-cases", 2), sorted(before))
        self.assertNotEqual(before, sorted(before))
        head = self.browser.find_element(By.CSS_SELECTOR, "#table-cases th:nth-child(3)")
        self.assertEqual(head.get_attribute("aria-sort"), "ascending")
        button.click()
        self.assertEqual(self.column("#table-cases", 2), sorted(before, reverse=True))
        self.assertEqual(head.get_attribute("aria-sort"), "descending")

    def test_the_keyboard_sorts_one_column_at_a_time(self):
        self.open(self.pages["quick"])
        first, second = (self.browser.find_element(
            By.CSS_SELECTOR, f"#table-cases th:nth-child({n}) button") for n in (1, 4))
        first.send_keys(Keys.ENTER)
        first.send_keys(Keys.TAB)
        self.assertEqual(self.run_script("return document.activeElement.textContent"), "case")
        second.send_keys(Keys.SPACE)
        self.assertEqual(self.run_script(
            "return Array.from(document.querySelectorAll('#table-cases [aria-sort]'))"
            ".map((head) => head.cellIndex)"), [3])
        outline = self.run_script("return getComputedStyle(document.activeElement).outlineStyle")
        self.assertEqual(outline, "solid", "focus must be visible")

    def test_cells_without_a_value_come_last_either_way(self):
        self.open(self.pages["hostile"])
        button = self.browser.find_element(By.CSS_SELECTOR, "#table-cases th:nth-child(3) button")
        for _ in range(2):
            button.click()
            values = self.column("#table-cases", 2)
            known = [isinstance(value, (int, float)) for value in values]
            self.assertIn(False, known)
            self.assertEqual(known, sorted(known, reverse=True))

    def test_words_filter_rows_and_the_count_is_told(self):
        self.open(self.pages["quick"])
        bar = self.browser.find_element(By.XPATH, "//table[@id='table-cases']/../"
                                        "preceding-sibling::p[@class='filter'][1]")
        field, status = bar.find_element(By.TAG_NAME, "input"), \
            bar.find_element(By.CSS_SELECTOR, "[role=status]")
        self.assertEqual(status.text, "56 of 56 rows shown")
        field.send_keys("MMAP cold")
        shown = self.shown_rows("#table-cases")
        self.assertEqual(len(shown), 7)
        self.assertTrue(all("mmap" in row and "cold" in row for row in shown))
        self.assertEqual(status.text, "7 of 56 rows shown")
        self.picture("filtered")
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(Keys.DELETE)
        self.assertEqual(len(self.shown_rows("#table-cases")), 56)

    def test_paper_shows_every_row_and_no_controls(self):
        self.open(self.pages["quick"])
        self.browser.find_element(By.CSS_SELECTOR, ".filter input").send_keys("nothing like this")
        self.assertEqual(self.shown_rows("#table-engines"), [])
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        self.assertEqual(len(self.shown_rows("#table-engines")), 14)
        self.assertFalse(self.browser.find_element(By.CSS_SELECTOR, ".filter").is_displayed())
        self.assertFalse(self.browser.find_element(By.TAG_NAME, "nav").is_displayed())
        paper = self.browser.execute_cdp_cmd("Page.printToPDF", {})["data"]
        pathlib.Path(PICTURES, "paper.pdf").write_bytes(base64.b64decode(paper))

    def test_without_scripts_the_page_is_whole_and_has_no_controls(self):
        text = self.pages["quick"].read_text(encoding="utf-8")
        still = pathlib.Path(self.folder, "still.html")
        still.write_text(re.sub(r"(?s)<script>.*?</script>", "", text), encoding="utf-8")
        self.open(still)
        self.assertEqual(len(self.shown_rows("#table-cases")), 56)
        self.assertEqual(self.browser.find_elements(By.CSS_SELECTOR, "button, input"), [])

    def test_the_skip_link_appears_when_it_is_reached(self):
        self.open(self.pages["quick"])
        self.browser.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
        link = self.browser.switch_to.active_element
        self.assertEqual(link.get_attribute("class"), "skip")
        self.assertGreaterEqual(link.rect["x"], 0)
        link.send_keys(Keys.ENTER)
        self.assertEqual(self.run_script("return document.activeElement.id"), "main")

    def test_boxes_that_scroll_can_be_reached_by_keyboard(self):
        self.open(self.pages["quick"], size=PHONE)
        unreachable = self.run_script(
            "return Array.from(document.querySelectorAll('body *')).filter((e) => "
            "e.scrollWidth > e.clientWidth + 1 && ['auto', 'scroll'].includes("
            "getComputedStyle(e).overflowX) && e.tabIndex < 0).map((e) => e.outerHTML.slice(0, 99))")
        self.assertEqual(unreachable, [])

    def test_hostile_names_are_text_and_nothing_runs(self):
        page = self.pages["hostile"]
        self.open(page)
        self.assert_quiet(page)
        with self.assertRaises(NoAlertPresentException):
            _ = self.browser.switch_to.alert.text
        self.assertEqual(self.run_script("return document.scripts.length"), 1)
        self.assertEqual(self.run_script("return document.images.length"), 0)
        text = self.run_script("return document.body.innerText")
        for name in ("<script>alert(1)</script>", "</style></svg><img src=x onerror=alert(1)>",
                     "`touch pwned`", "$(touch pwned)", "=cmd|' /C calc'!A0"):
            self.assertIn(name, text)
        self.assertLessEqual(self.run_script("return document.documentElement.scrollWidth"), WIDE[0])
        self.picture("hostile-long", 6000)
        self.open(page, size=PHONE)
        self.assertLessEqual(self.run_script("return document.documentElement.scrollWidth"),
                             PHONE[0])


if __name__ == "__main__":
    for program in ("chromium", "chromedriver", "gnuplot"):
        if not shutil.which(program):
            print(f"skipped: {program} is not installed")
            sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
