#!/usr/bin/env python3
"""The documents hold: links lead somewhere, every documented command works, the site shows every page.

usage: documents.py CREDO [PAGE...]

Links and anchors of all Markdown files must exist. Commands of `credo` and of other programs of the build
are executed, page by page, in a scratch folder each: those in shell blocks of the pages, and the examples
of `credo help COMMAND`. documents.toml lists what is run instead of a command that takes long. Commands of
other programs are parsed: make targets must exist, the rest must be valid shell. In running text, `credo
...` must name an existing command and its options, and `learner.gamma` an existing setting.
"""
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CREDO = Path(sys.argv[1]).resolve()
RULES = tomllib.loads((ROOT / "tests/cli/documents.toml").read_text())
failures = []
used = set()


def fail(where, message):
    failures.append(where)
    print(f"FAILED {where}: {message}")


def files(*patterns):
    skipped = {".git", "runs", "__pycache__"}
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if f not in skipped and not f.startswith("build")]
        for name in sorted(names):
            if Path(name).suffix in patterns:
                yield Path(folder) / name


def blocks(text):
    """(language, first line number, lines) of fenced blocks."""
    language, first, lines = None, 0, []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.lstrip().startswith("```"):
            lines.append(line)
        elif language is None:
            language, first, lines = line.strip()[3:], number + 1, []
        else:
            yield language, first, lines
            language, lines = None, []


def without_blocks(text):
    return re.sub(r"^ *```.*?^ *```", lambda m: "\n" * m.group().count("\n"), text, flags=re.S | re.M)


def anchors(page):
    found, seen = set(), {}
    for heading in re.findall(r"^#+ +(.*)$", without_blocks(page.read_text()), flags=re.M):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        n = seen.get(slug, 0)
        seen[slug] = n + 1
        found.add(slug if n == 0 else f"{slug}-{n}")
    return found


def check_links(page):
    text = re.sub(r"`[^`\n]*`", "", without_blocks(page.read_text()))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            fail(page.relative_to(ROOT), f"link to {target}: there is no such file")
        elif anchor and file.suffix == ".md" and anchor not in anchors(file):
            fail(page.relative_to(ROOT), f"link to {target}: there is no such heading")


def commands(lines):
    """Commands of a shell block, continued lines joined."""
    joined = ""
    for line in lines:
        line = re.sub(r"(^|\s)#.*$", "", line).rstrip()
        if line.endswith("\\"):
            joined += line[:-1].strip() + " "
            continue
        joined += line.strip()
        if joined:
            yield re.sub(r"\s+", " ", joined) if "'" not in joined else joined
        joined = ""


def program(command):
    words = [word for word in command.split() if not re.match(r"[A-Z_]+=", word)]
    return words[0] if words else ""


class Scratch:
    """A folder in which `credo`, `build/credo` and the build's other programs can be called."""

    def __init__(self, page):
        self.page = page
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name)
        (self.path / "build").mkdir()
        for built in CREDO.parent.iterdir():
            if built.is_file() and os.access(built, os.X_OK):
                (self.path / "build" / built.name).symlink_to(built)
        if not (self.path / "build/credo").exists():
            (self.path / "build/credo").symlink_to(CREDO)
        for command in RULES["setup"].get(page, []):
            used.add(page)
            self.run(f"{page} (setup)", command)

    def run(self, where, command):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        environment = dict(os.environ, PATH=f"{self.path}/build:{os.environ['PATH']}", ROOT=str(ROOT))
        done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=self.path, env=environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        if done.returncode != 0:
            fail(where, f"{command}: exit status {done.returncode}: {done.stderr.strip()[-500:]}")
        if os.environ.get("VERBOSE"):
            print(f"{used_s:6.2f} s  {where}: {command}")


def check_command(scratch, where, command):
    name = program(command)
    if command in RULES["not_run"]:
        used.add(command)
        return
    if name == "make":
        targets = re.match(r"make ((?:[\w-]+(?:=\S+)? ?)*)", command).group(1)
        done = subprocess.run(["make", "-n", *targets.split()], cwd=ROOT, capture_output=True, text=True)
        if done.returncode != 0:
            fail(where, f"{command}: {done.stderr.strip()}")
    elif name == "credo" or name.startswith("build/"):
        instead = RULES["instead"].get(command)
        if instead:
            used.add(command)
        scratch.run(where, instead or command)
    else:
        done = subprocess.run(["bash", "-n"], input=command, capture_output=True, text=True)
        if done.returncode != 0:
            fail(where, f"{command}: {done.stderr.strip()}")


def check_blocks(page):
    name = str(page.relative_to(ROOT))
    scratch = None
    known = ("credo", "make", "cmake", "ctest", "ninja")
    for language, first, lines in blocks(page.read_text()):
        if language not in ("", "sh"):
            continue
        found = list(commands(lines))
        if language == "" and not (found and (program(found[0]) in known or found[0].startswith("build/"))):
            continue
        scratch = scratch or Scratch(name)
        for command in found:
            if not command.startswith(">>>"):
                check_command(scratch, f"{name}:{first}", command)


def help_of(command):
    return subprocess.run([CREDO, "help", *command], capture_output=True, text=True, check=True).stdout


def check_examples(names):
    scratch = Scratch("help")
    for name in names:
        text = help_of([name])
        for example in re.findall(r"^  (\S.*)$", text.partition("\nexamples:\n")[2], flags=re.M):
            check_command(scratch, f"credo help {name}", example)


def check_navigation():
    """Pages of docs/ that `make docs` would not show."""
    navigation = (ROOT / "docs/site/mkdocs.yml").read_text()
    for page in sorted(ROOT.glob("docs/**/*.md")):
        if f": {page.relative_to(ROOT)}\n" not in navigation:
            fail("docs/site/mkdocs.yml", f"{page.relative_to(ROOT)} is not in the navigation")


def check_text(page, names, options, settings):
    sections = {key.partition(".")[0] for key in settings}
    where = page.relative_to(ROOT)
    for code in re.findall(r"`([^`\n]+)`", without_blocks(page.read_text())):
        words = code.split()
        if words[0] in ("credo", "build/credo") and len(words) > 1 and re.match(r"[a-z-]", words[1]):
            if words[1].startswith("-") or words[1] == "help":
                continue
            if words[1] not in names:
                fail(where, f"`{code}`: no such command")
                continue
            for option in re.findall(r"(?<=\s)--[a-z-]+", code):
                if option not in options[words[1]]:
                    fail(where, f"`{code}`: {words[1]} has no {option}")
        key = re.match(r"([a-z]+)\.[a-z_0-9]+(?=$|[ =])", code)
        known = key and (key.group() in settings or key.group() in RULES["not_settings"]["words"])
        if key and key.group(1) in sections and not known:
            fail(where, f"`{code}`: there is no setting {key.group()}")


def check_suites():
    """The numbers of cells in docs/suites.md."""
    where = ROOT / "docs/suites.md"
    stated = re.findall(r"^\| `(\w+)` \|[^|]*\| ([\d,]+) \| [\d.]+ \|", where.read_text(), flags=re.M)
    listed = subprocess.run([CREDO, "list", "suites", "--json"], capture_output=True, check=True)
    cells = {suite["name"]: f"{suite['cells']:,}" for suite in json.loads(listed.stdout)}
    if dict(stated) != cells:
        fail(where, f"the suites have these numbers of cells: {cells}")


def main():
    pages = [Path(p).resolve() for p in sys.argv[2:]] or list(files(".md"))
    names = re.findall(r"^  ([a-z-]+) ", help_of([]).partition("\ncommands:\n")[2], flags=re.M)
    options = {name: set(re.findall(r"--[a-z-]+", help_of([name]))) for name in names}
    manual = subprocess.run([CREDO, "man"], capture_output=True, text=True, check=True).stdout
    settings = set(re.findall(r"^\.B ([a-z]+\.[a-z_0-9]+)$", manual, flags=re.M))
    settings |= {"run.env", "run.algorithm", "run.seed", "run.profile"}
    for page in pages:
        check_links(page)
        check_text(page, names, options, settings)
        check_blocks(page)
    if len(sys.argv) == 2:
        check_navigation()
        check_examples(names)
        check_suites()
        for rule in set(RULES["instead"]) | set(RULES["not_run"]) | set(RULES["setup"]):
            if rule not in used:
                fail("tests/cli/documents.toml", f"'{rule}' stands in no document")
    print(f"{len(pages)} pages, {len(failures)} failures")
    return 1 if failures else 0


sys.exit(main())
