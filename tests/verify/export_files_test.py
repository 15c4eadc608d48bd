#!/usr/bin/python3
"""Flame graphs, reports, Chrome traces and tables, opened by readers of others: export_files_test.py

expat and xmllint, rsvg-convert, Python's html, json and sqlite3. Totals by function of the tables are those of the
collapsed stacks. What is not installed is told, and not looked at.
"""
import collections
import html.parser
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

import perf_text

WRITE = os.path.join(os.environ.get("OC_BUILD_ROOT", os.path.join(perf_text.ROOT, "build")), "tests", "verify", "write_export")
WORLDS = ("empty", "one", "web", "hostile", "many", "deep")
RANDOM = tuple(f"random:{seed}" for seed in range(1, 3 * int(os.environ.get("OC_TEST_REPEAT", "1"))))
SVG = "{http://www.w3.org/2000/svg}"
# Elements without an end.
VOID = {"meta", "link", "input", "br"}


def write(folder, kind, world):
    path = os.path.join(folder, f"{world}.{kind}")
    subprocess.run([WRITE, kind, world, path], check=True, timeout=120, capture_output=True)
    return path


def check(is_so, text):
    if not is_so:
        sys.exit(f"failed: {text}")


def check_svg(path):
    """Well-formed by two parsers, drawn by a third; boxes lie within the whole, callees above callers."""
    frames = xml.etree.ElementTree.parse(path).getroot().find(f"{SVG}svg[@id='frames']")
    width_at = collections.Counter()
    for box in frames:
        title, rect = box.find(f"{SVG}title").text, box.find(f"{SVG}rect")
        x, width = (float(rect.get(name).rstrip("%")) for name in ("x", "width"))
        check(x >= 0 and x + width <= 100.0001, f"{path}: {title[:60]}: {x} + {width} is outside")
        width_at[rect.get("y")] += width
    check(max(width_at.values()) < 100.001, f"{path}: a row is wider than the whole")
    if shutil.which("xmllint"):
        subprocess.run(["xmllint", "--noout", "--huge", path], check=True, timeout=120, capture_output=True)
    if shutil.which("rsvg-convert"):
        picture = path + ".png"
        # A quarter of the size: all is drawn, and the deep one has no 37 million pixels.
        subprocess.run(["rsvg-convert", "--unlimited", "--zoom=0.25", path, "-o", picture], check=True, timeout=120,
                       capture_output=True)
        with open(picture, "rb") as png:
            check(png.read(4) == b"\x89PNG", f"{path}: rsvg-convert made no picture")
        os.unlink(picture)


class Page(html.parser.HTMLParser):
    """Elements are closed in order; the text of the element `data`."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.data, self.is_data = [], "", False

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        for name in ("src", "href"):
            value = attributes.get(name, "#")
            check(value.startswith(("#", "data:")), f"<{tag} {name}={value}> loads something")
        if tag not in VOID:
            self.open.append(tag)
        self.is_data = attributes.get("id") == "data"

    def handle_endtag(self, tag):
        check(self.open and self.open.pop() == tag, f"</{tag}> closes nothing")
        self.is_data = False

    def handle_data(self, data):
        if self.is_data:
            self.data += data


def check_html(path, world):
    page = Page()
    with open(path, encoding="utf-8") as text:
        page.feed(text.read())
    check(not page.open, f"{path}: {page.open} stay open")
    data = json.loads(page.data)
    if world == "many":
        check(data["facts"][-3] == ["samples", "200,000"], f"{path}: {data['facts']}")


def check_chrome(path):
    """Events are as readers want them; spans of a thread nest; samples have frames, and these callers."""
    with open(path, encoding="utf-8") as text:
        trace = json.load(text)
    check(trace["traceEvents"], f"{path}: no events")
    ends = collections.defaultdict(list)
    for event in trace["traceEvents"]:
        check(all(isinstance(event[name], str) for name in ("name", "ph")), f"{path}: {event}")
        check(all(isinstance(event[name], (int, float)) for name in ("ts", "pid", "tid")), f"{path}: {event}")
        if event["ph"] != "X":
            continue
        open_ends = ends[event["tid"]]
        end = round(event["ts"] + event["dur"], 3)
        while open_ends and open_ends[-1] <= event["ts"]:
            open_ends.pop()
        check(not open_ends or end <= open_ends[-1], f"{path}: {event} overlaps")
        open_ends.append(end)
    frames = trace["stackFrames"]
    for number, frame in frames.items():
        check(isinstance(frame["name"], str) and isinstance(frame["category"], str), f"{path}: {frame}")
        check("parent" not in frame or 0 < frame["parent"] < int(number), f"{path}: {frame}")
    weights = collections.Counter()
    for sample in trace["samples"]:
        weights[frames[str(sample["sf"])]["name"]] += sample["weight"]
    return weights


def folded(path):
    """Self and total by function, of collapsed stacks."""
    own, total = collections.Counter(), collections.Counter()
    with open(path, encoding="utf-8") as text:
        for line in text:
            stack, weight = line.rstrip("\n").rsplit(" ", 1)
            names = stack.split(";")[1:]
            own[names[-1]] += int(weight)
            for name in set(names):
                total[name] += int(weight)
    return own, total


def check_tables(path, collapsed, weights, world):
    base = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    check(base.execute("PRAGMA integrity_check").fetchall() == [("ok",)], f"{path}: damaged")
    check(base.execute("PRAGMA foreign_key_check").fetchall() == [], f"{path}: ids that mean nothing")
    own, total = collections.Counter(), collections.Counter()
    for name, its_total, its_own in base.execute("SELECT name, total, self FROM function_totals"):
        own[name.replace(";", ":")] += its_own
        total[name.replace(";", ":")] += its_total
    base.close()
    if world in RANDOM:  # of several kinds
        return
    check((+own, +total) == tuple(+sums for sums in folded(collapsed)), f"{path}: not the totals of {collapsed}")
    if world != "hostile":  # names are cut there
        check(+own == +weights, f"{path}: not the totals of the Chrome trace")


def main():
    for tool in ("xmllint", "rsvg-convert"):
        if not shutil.which(tool):
            print(f"{tool} is not installed: not tried")
    with tempfile.TemporaryDirectory() as folder:
        for world in WORLDS + RANDOM:
            check_svg(write(folder, "flamegraph", world))
            check_html(write(folder, "html", world), world)
            weights = check_chrome(write(folder, "chrome", world))
            check_tables(write(folder, "sqlite", world), write(folder, "collapsed", world), weights, world)
        check_svg(write(folder, "flamediff", "web"))
    print(f"{len(WORLDS + RANDOM)} machines, 4 formats, and a difference")


if __name__ == "__main__":
    main()
