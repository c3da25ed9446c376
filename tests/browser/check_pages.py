"""Looks at pages in headless Chromium and says what is wrong with them.

usage: check_pages.py report PAGE.html [CELL ...]     a report, and pages of cells (TASK/ALG)
       check_pages.py replay PAGE.html ...

Each page tests itself (#selftest), and its layout is measured (layout.js) as a phone of 390 px, a
laptop and a large screen show it, in light and dark; reports also on paper.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

from browser import Browser

LAYOUT = (pathlib.Path(__file__).parent / "layout.js").read_text()
WINDOWS = [(390, 844, "light"), (1280, 800, "dark"), (1920, 1080, "light")]
failures = []


def fail(where, what):
    failures.append(f"{where}: {what}")


def measure(browser, where):
    for fault in browser.evaluate(LAYOUT):
        fail(where, fault)
    for line in browser.console:
        fail(where, f"the console says {line}")


def settled(browser):
    """After the frames in which a page answers to its size."""
    browser.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame("
                     "() => setTimeout(done, 30))))")


def selftest(browser, page, width):
    browser.open(page, "#selftest", width=width, height=844)
    browser.wait_for("/selftest:? (passed|failed)/i.test(document.getElementById('selftest')?.textContent)")
    said = browser.evaluate("document.getElementById('selftest').textContent")
    if not re.search("selftest:? passed", said):
        wrong = [line for line in said.splitlines() if not line.startswith("pass")]
        fail(f"{page} at {width}", "; ".join(wrong))


def check_report(browser, page, cells):
    selftest(browser, page, 1280)
    for width, height, scheme in WINDOWS:
        where = f"{page} at {width} {scheme}"
        browser.open(page, width=width, height=height, scheme=scheme, touch=width < 500)
        settled(browser)
        measure(browser, where)
        if width < 500:
            check_phone(browser, where)
        for cell in cells:
            browser.evaluate(f"location.hash = '#cell/{cell}'")
            settled(browser)
            measure(browser, f"{where}, {cell}")
    check_paper(browser, page)


def check_phone(browser, where):
    if browser.evaluate("""[...document.querySelectorAll("#glance tbody td")].some((td) =>
            td.getBoundingClientRect().right > innerWidth || !td.textContent.trim())"""):
        fail(where, "a score at a glance is out of sight")
    if browser.evaluate("document.getElementById('nav').checkVisibility()"):
        fail(where, "the menu covers the page at first")
    browser.evaluate("document.getElementById('menu').click()")
    settled(browser)
    if not browser.evaluate("""(() => { const bar = document.querySelector(".bar").getBoundingClientRect().bottom;
            return document.querySelector("#nav a").getBoundingClientRect().top >= bar - 1; })()"""):
        fail(where, "the menu hides its first entry")
    measure(browser, f"{where}, menu")
    browser.press("Escape")
    if browser.evaluate("document.getElementById('nav').checkVisibility()"):
        fail(where, "Escape does not close the menu")


def pages_of(browser, folder, options):
    browser.pdf(folder / "page.pdf")
    return subprocess.run(["pdftotext", *options, folder / "page.pdf", "-"], check=True,
                          capture_output=True, text=True).stdout


def check_paper(browser, page):
    browser.open(page, width=1280, height=900)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        boxes = pages_of(browser, folder, ["-bbox"])
        fills = []
        for paper in boxes.split("<page ")[1:]:
            height = float(re.search(r'height="([\d.]+)"', paper)[1])
            lowest = max((float(y) for y in re.findall(r'yMax="([\d.]+)"', paper)), default=0.0)
            fills.append(lowest / height)
        mean = sum(fills[:-1]) / max(1, len(fills) - 1)
        if len(fills) > 2 and mean < 0.75:
            fail(page, f"on paper pages are filled to {mean:.2f} on average")
        if any(fill < 0.5 for fill in fills[:-1]):
            fail(page, f"on paper a page is half empty: {[round(fill, 2) for fill in fills]}")
        # A table of many pages repeats its head on each.
        browser.evaluate("""(() => { const body = document.querySelector("section.task tbody");
            const rows = [...body.rows];
            for (let i = 0; i < 150; ++i) body.append(...rows.map((row) => row.cloneNode(true)).slice(0, 1)); })()""")
        row, head = browser.evaluate("""(() => { const table = document.querySelector("section.task table");
            return [table.tBodies[0].rows[0].cells[0].textContent.trim(), table.tHead.rows[0].cells[0].textContent.trim()]; })()""")
        papers = pages_of(browser, folder, ["-layout"]).split("\f")
        long = [paper for paper in papers if len(re.findall(rf"^\s*{row}\b", paper, re.M)) > 20]
        if len(long) < 2 or not all(re.search(rf"^\s*{head}\b.*\bstatus", paper, re.M) for paper in long):
            fail(page, f"the head of a long table is not repeated on paper ({len(long)} pages)")
        print(f"{page}: {len(fills)} pages of paper, filled to {mean:.2f}")


def check_replay(browser, page):
    for width, motion in ((390, True), (1280, False)):
        selftest(browser, page, width)
    for width, height, scheme in WINDOWS:
        browser.open(page, width=width, height=height, scheme=scheme, touch=width < 500, motion=width < 500)
        settled(browser)
        where = f"{page} at {width} {scheme}"
        measure(browser, where)
        if browser.evaluate("document.documentElement.scrollHeight > innerHeight + 1"):
            fail(where, "the controls are below the window")


def main():
    kind, *pages = sys.argv[1:]
    with Browser() as browser:
        if kind == "report":
            check_report(browser, pages[0], pages[1:])
        else:
            for page in pages:
                check_replay(browser, page)
    for line in failures[:60]:
        print(f"FAILED: {line}")
    print(f"{len(failures)} faults of layout")
    sys.exit(1 if failures else 0)


main()
