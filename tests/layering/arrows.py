#!/usr/bin/env python3
"""Prints the rooms of each wing and the arrows between them: how many files include files of another
room, and how many pairs of rooms that makes. usage: arrows.py [--list] (from the source root)"""
import collections
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+\.hpp)"', re.M)


def room(path):
    wing, *rest = path.split("/")
    return f"{wing}/{rest[0].split('.')[0]}"


def main():
    for wing in ("envs", "learners", "suite"):
        files = sorted(p.as_posix() for p in pathlib.Path(wing).rglob("*.[ch]pp"))
        file_arrows, room_arrows = set(), collections.Counter()
        for path in files:
            for target in INCLUDE.findall(pathlib.Path(path).read_text()):
                if not target.startswith(wing + "/") or target.split(".")[0] == path.split(".")[0]:
                    continue
                file_arrows.add((path.split(".")[0], target.split(".")[0]))
                if room(path) != room(target):
                    room_arrows[room(path), room(target)] += 1
        rooms = collections.Counter(map(room, files))
        print(f"{wing}: {len(files)} files in {len(rooms)} rooms, {len(file_arrows)} arrows between "
              f"modules, {len(room_arrows)} between rooms")
        if "--list" in sys.argv:
            for name, count in sorted(rooms.items()):
                print(f"  {name} ({count} files)")
            for (source, target), count in sorted(room_arrows.items()):
                print(f"  {source} -> {target} ({count})")


main()
