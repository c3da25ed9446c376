"""Describes the built package to Python's installers, from pyproject.toml alone.

    wheel.py SITE VERSION            writes SITE/credo_marl-VERSION.dist-info
    wheel.py SITE VERSION --out DIR  and packs both into DIR/credo_marl-VERSION-TAGS.whl

SITE is a folder that holds the package `credo`, such as build/python.
"""

import argparse
import base64
import csv
import hashlib
import io
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


def project():
    return tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def tag():
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    return f"{python}-{python}-{platform}"


def metadata(version):
    about = project()
    lines = ["Metadata-Version: 2.1", f"Name: {about['name']}", f"Version: {version}",
             f"Summary: {about['description']}", f"License: {about['license']['text']}",
             "License-File: LICENSE", f"Requires-Python: {about['requires-python']}"]
    lines += [f"Classifier: {text}" for text in about["classifiers"]]
    lines += [f"Requires-Dist: {text}" for text in about["dependencies"]]
    for extra, needs in about["optional-dependencies"].items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f"Requires-Dist: {need}; extra == '{extra}'" for need in needs]
    readme = (HERE / about["readme"]).read_text(encoding="utf-8")
    lines.append("Description-Content-Type: text/markdown")
    return "\n".join(lines) + "\n\n" + readme


def record_line(site, path):
    data = path.read_bytes()
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return [path.relative_to(site).as_posix(), f"sha256={digest}", len(data)]


def write_dist_info(site, version):
    """Returns the folder and the files of the package."""
    name = project()["name"].replace("-", "_")
    for old in site.glob(f"{name}-*.dist-info"):
        for file in old.iterdir():
            file.unlink()
        old.rmdir()
    info = site / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "LICENSE").write_bytes((HERE.parent / "LICENSE").read_bytes())
    (info / "METADATA").write_text(metadata(version), encoding="utf-8")
    (info / "WHEEL").write_text(
        f"Wheel-Version: 1.0\nGenerator: credo\nRoot-Is-Purelib: false\nTag: {tag()}\n",
        encoding="utf-8",
    )
    scripts = "".join(f"{name} = {target}\n" for name, target in project()["scripts"].items())
    (info / "entry_points.txt").write_text(f"[console_scripts]\n{scripts}", encoding="utf-8")
    files = sorted(p for p in (site / "credo").iterdir() if p.is_file())
    files += sorted(info.iterdir())
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(record_line(site, path) for path in files)
    writer.writerow([(info / "RECORD").relative_to(site).as_posix(), "", ""])
    (info / "RECORD").write_text(text.getvalue(), encoding="utf-8")
    return info, [*files, info / "RECORD"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", type=Path)
    parser.add_argument("version")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    info, files = write_dist_info(options.site, options.version)
    if options.out is None:
        return
    options.out.mkdir(parents=True, exist_ok=True)
    wheel = options.out / f"{info.name.removesuffix('.dist-info')}-{tag()}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.relative_to(options.site))
    print(wheel)


if __name__ == "__main__":
    main()
