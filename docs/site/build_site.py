#!/usr/bin/python3
"""Builds the documentation as a static site: the Markdown pages with mkdocs, the C++ API with Doxygen.

usage: build_site.py FOLDER

The pages stay what they are on a forge. They are copied to FOLDER/pages in the folders they have here,
from README.md on along their links, so that links between them hold; links to sources lead to the API, and
other files that are linked are copied. FOLDER/site is the site. Every link and anchor of it is then
followed; one that leads nowhere, or a page of docs/ outside the navigation, fails.
"""
import html.parser
import os
import re
import shutil
import subprocess
import sys
import urllib.parse
import xml.etree.ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
LINK = re.compile(r"(\]\()([^)\s]+)(\))")
FENCE = re.compile(r"^ *```")
ITEM = re.compile(r"^ *([-*]|\d+\.) ")


def build_api(folder):
    """Relative addresses of the API by path of source file or folder."""
    folder.mkdir(parents=True)
    tags = folder.parent / "tags.xml"
    settings = (HERE / "Doxyfile").read_text()
    settings += f"OUTPUT_DIRECTORY = {folder}\nGENERATE_TAGFILE = {tags}\n"
    with open(folder.parent / "doxygen.log", "w") as log:
        subprocess.run(["doxygen", "-"], input=settings, text=True, cwd=ROOT, check=True, stderr=log)
    addresses = {}
    for compound in xml.etree.ElementTree.parse(tags).getroot().iter("compound"):
        if compound.get("kind") == "file":
            path = os.path.relpath(compound.findtext("path") + compound.findtext("name"), ROOT)
            addresses[path] = compound.findtext("filename").removesuffix(".html") + "_source.html"
    for page in folder.glob("dir_*.html"):  # the tags leave folders out
        path = re.search("<title>Credo: (.*) Directory Reference</title>", page.read_text())[1]
        addresses[path] = page.name
    return addresses


def outside_fences(text):
    """Lines with True where they are not part of a code block."""
    inside = False
    for line in text.split("\n"):
        fence = FENCE.match(line)
        yield line, not inside and not fence
        inside ^= bool(fence)


def with_blank_lines(text):
    """Lists after a blank line, as this kind of Markdown wants them; nested items four columns in."""
    out, in_list = [], False
    for line, prose in outside_fences(text):
        item = prose and ITEM.match(line)
        if item and not in_list and out and out[-1].strip():
            out.append("")
        in_list = bool(item) or (in_list and (not line.strip() or line.startswith(" ")))
        out.append(line)
    return "\n".join(out)


class Pages:
    def __init__(self, folder, api):
        self.folder, self.api = folder, api
        self.waiting, self.seen, self.failures = [], set(), []

    def add(self, path):
        if path not in self.seen:
            self.seen.add(path)
            self.waiting.append(path)

    def target(self, page, link):
        """The same link from a page of the site."""
        if re.match(r"[a-z]+:", link) or link.startswith("#"):
            return link
        path, sign, anchor = link.partition("#")
        file = (ROOT / page).parent.joinpath(path).resolve()
        here = os.path.relpath(file, ROOT)
        up = os.path.relpath(".", Path(page).parent)
        if here in self.api:
            # A page README.md is its folder's index; any other one is a folder of its own.
            depth = "" if Path(page).name == "README.md" else "../"
            return f"{depth}{up}/api/{self.api[here]}{sign}{anchor}"
        if file.is_dir():
            inside = sorted(p for p in file.iterdir() if p.suffix == ".md")
            if not inside:
                self.failures.append(f"{page}: link to the folder {here}, which has no page")
                return link
            for p in inside:
                self.add(os.path.relpath(p, ROOT))
            file = next((p for p in inside if p.name == "README.md"), inside[0])
            here, path = os.path.relpath(file, ROOT), f"{path.rstrip('/')}/{file.name}"
        if not file.exists():
            self.failures.append(f"{page}: link to {link}: there is no such file")
        elif file.suffix == ".md":
            self.add(here)
        else:
            copy = self.folder / here
            copy.parent.mkdir(parents=True, exist_ok=True)
            # What a browser would not show, as text.
            name = here if file.suffix in {".svg", ".png", ".csv", ".txt"} else here + ".txt"
            shutil.copy(file, self.folder / name)
            path += name[len(here):]
        return path + sign + anchor

    def write(self):
        while self.waiting:
            page = self.waiting.pop()
            lines = [
                LINK.sub(lambda m: m[1] + self.target(page, m[2]) + m[3], line) if prose else line
                for line, prose in outside_fences((ROOT / page).read_text())
            ]
            out = self.folder / page
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(with_blank_lines("\n".join(lines)))


class Links(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for key, value in attributes:
            if key in ("id", "name") and value:
                self.ids.add(value)
            elif key in ("href", "src") and value:
                self.links.append(value)


def check_site(site):
    """Failures, and the number of links followed."""
    parsed, failures, n = {}, [], 0

    def page(path):
        if path not in parsed:
            parsed[path] = Links(path.read_text(errors="replace"))
        return parsed[path]

    for path in sorted(site.rglob("*.html")):
        if path.name == "404.html":
            continue  # its addresses are those of a server's root
        for link in page(path).links:
            url = urllib.parse.urlsplit(link)
            if url.scheme == "javascript" or link == "#":
                continue
            if url.scheme or url.netloc:
                if path.parent != site / "api" and url.scheme not in ("https", "http", "mailto", "data"):
                    failures.append(f"{path.relative_to(site)}: {link}")
                continue
            n += 1
            file = path.parent / urllib.parse.unquote(url.path) if url.path else path
            file = Path(os.path.normpath(file))
            file = file / "index.html" if file.is_dir() else file
            anchor = urllib.parse.unquote(url.fragment)
            if not file.is_file():
                failures.append(f"{path.relative_to(site)}: {link}: there is no such page")
            elif path.parent == site / "api":
                continue  # Doxygen links members to itself that it leaves out
            elif anchor and file.suffix == ".html" and anchor not in page(file).ids:
                failures.append(f"{path.relative_to(site)}: {link}: there is no such heading")
    return failures, n


def main():
    folder = Path(sys.argv[1]).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    site = folder / "site"
    pages = Pages(folder / "pages", build_api(folder / "api"))
    settings = (HERE / "mkdocs.yml").read_text()
    in_navigation = re.findall(r"^ +- .*: (\S+\.md)$", settings, flags=re.M)
    for page in in_navigation:
        pages.add(page)
    pages.write()
    missing = {os.path.relpath(p, ROOT) for p in ROOT.glob("docs/**/*.md")} - set(in_navigation)
    pages.failures += [f"docs/site/mkdocs.yml: {page} is not in the navigation" for page in missing]

    config = folder / "mkdocs.yml"
    config.write_text(f"{settings}  - C++ API: api/index.html\ndocs_dir: {pages.folder}\nsite_dir: {site}\n")
    (pages.folder / "api").mkdir()
    shutil.copy(folder / "api/index.html", pages.folder / "api/index.html")
    subprocess.run(["mkdocs", "--quiet", "build", "--config-file", config], check=True)
    shutil.rmtree(site / "api")
    shutil.move(folder / "api", site / "api")

    failures, n_links = check_site(site)
    failures = pages.failures + failures
    print("\n".join(f"FAILED {failure}" for failure in failures[:50]), end="\n" if failures else "")
    print(f"{site}: {len(pages.seen)} pages, {n_links} links followed, {len(failures)} of them broken")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
