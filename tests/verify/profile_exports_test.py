#!/usr/bin/env python3
"""Exports to pprof, collapsed stacks, speedscope, CSV and JSON lines, opened by readers that we did not write.

JSON lines, read by Python, say what the samples are; the other files are folded and compared with them. Readers:
`go tool pprof`, protoc with the schema beside this file, Python's csv module, and (where npm reaches its registry)
pprof-format and speedscope's own schema. What is not there is skipped with a word.
"""
import collections
import csv
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("OC_SOURCE_ROOT") or os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("OC_BUILD_ROOT", os.path.join(ROOT, "build"))
WRITE = os.path.join(BUILD, "tests", "verify", "write_export")
WORLDS = ["empty", "one", "web", "hostile", "deep"]
EXTENSIONS = {"pprof": ".pb.gz", "collapsed": ".folded", "speedscope": ".speedscope.json", "csv": ".csv",
              "jsonl": ".jsonl"}
PACKAGES = ["pprof-format@2.3.2", "speedscope@1.25.0", "ajv@8.20.0"]
failures = []


def check(is_so, what):
    if not is_so:
        failures.append(what)
        print("FAILED:", what[:1000])


def compare(what, ours, theirs):
    if ours != theirs:
        missing = [(key, ours[key], theirs.get(key)) for key in ours if ours[key] != theirs.get(key)]
        extra = [key for key in theirs if key not in ours]
        check(False, f"{what}: {len(missing)} differ, {len(extra)} are too much: {str(missing[:3])[:400]} {str(extra[:3])[:400]}")


class World:
    """One machine in all formats."""

    def __init__(self, folder, name):
        self.name = name
        self.paths = {name: os.path.join(folder, self.name + end) for name, end in EXTENSIONS.items()}
        for format_name, path in self.paths.items():
            subprocess.run([WRITE, format_name, name, path], check=True, timeout=120, capture_output=True)
        with open(self.paths["jsonl"], encoding="utf-8", newline="\n") as lines:
            self.rows = [json.loads(line) for line in lines]
        self.kinds = list(dict.fromkeys(row["kind"] for row in self.rows))

    def text(self, format_name):
        with open(self.paths[format_name], encoding="utf-8", newline="") as file:
            return file.read()

    def weight(self, row):
        """Sums of several kinds mean nothing: then samples count."""
        return row["value"] if len(self.kinds) == 1 else 1


def one_line(name):
    return name.replace(";", ":")


def check_collapsed(world):
    expected, found = collections.Counter(), collections.Counter()
    for row in world.rows:
        expected[";".join(one_line(name) for name in [row.get("comm", "")] + row["stack"])] += world.weight(row)
    for line in world.text("collapsed").split("\n")[:-1]:
        stack, count = line.rsplit(" ", 1)
        found[stack] += int(count)
    compare(f"collapsed, {world.name}", expected, found)


def check_csv(world):
    rows = list(csv.DictReader(world.text("csv").split("\n")[:-1], strict=True))
    check(len(rows) == len(world.rows), f"CSV, {world.name}: {len(rows)} rows")
    for row, other in zip(rows, world.rows):
        for column in ("time", "kind", "value", "unit", "cpu", "pid", "tid", "process", "comm", "symbol", "module", "offset",
                       "file", "line"):
            check(row[column] == str(other.get(column, "")), f"CSV, {world.name}: {column} is {row[column][:80]}")
        check(row["stack"] == ";".join(one_line(name) for name in other["stack"]), f"CSV, {world.name}: another stack")
        for name, value in other.get("attributes", {}).items():
            check(row[name] == str(value), f"CSV, {world.name}: {name} is {row[name]}")
        if failures:
            return


def check_speedscope(world):
    profile = json.loads(world.text("speedscope"))
    names = [frame["name"] for frame in profile["shared"]["frames"]]
    expected, found = collections.Counter(), collections.Counter()
    for row in world.rows:
        expected[(row.get("tid"), row["kind"], tuple(row["stack"]))] += row["value"]
    for track in profile["profiles"]:
        check(len(track["samples"]) == len(track["weights"]), "samples and weights differ in number")
        check(track["endValue"] >= track["startValue"], "a profile ends before it begins")
        length = track["endValue"] - track["startValue"]
        check(abs(sum(track["weights"]) - length) <= 1e-6 * abs(length), f"{world.name}: weights sum to another length")
        who, kind = track["name"].rsplit(": ", 1)
        tid = re.search(r"\((\d+)\)$", who)
        has_times = track["unit"] == "nanoseconds"
        for stack, weight in zip(track["samples"], track["weights"]):
            key = (int(tid[1]) if tid else None, kind, tuple(names[frame] for frame in stack))
            if stack or not has_times:
                found[key] += weight
    for key in [key for key in expected if not key[2] and key not in found]:
        del expected[key]
    compare(f"speedscope, {world.name}", expected, found)


# pprof

def expected_profile(world):
    """By thread, name, process, CPU and stack, the innermost first: samples, and sums by kind."""
    sums = collections.defaultdict(collections.Counter)
    for row in world.rows:
        key = (row.get("pid"), row.get("tid"), row.get("comm"), row.get("cpu"), tuple(reversed(row["stack"])))
        sums[key]["samples"] += 1
        sums[key][row["kind"]] += row["value"]
    return dict(sums)


def unnamed(module):
    """How readers show code without a function."""
    if module == "":
        return "[unknown]"
    return module if module[0] == "[" or module[:2] == "//" else "[" + module.rsplit("/", 1)[-1] + "]"


def fold_profile(profile):
    """The same of a decoded one."""
    texts = profile["stringTable"]
    functions = {f["id"]: texts[f["name"]] for f in profile["function"]}
    files = {m["id"]: texts[m["filename"]] for m in profile["mapping"]}
    check(all(f["id"] != 0 for table in ("function", "mapping", "location") for f in profile[table]), "an id is 0")
    check(all(len({f["id"] for f in profile[table]}) == len(profile[table]) for table in ("function", "mapping", "location")),
          "an id is there twice")
    locations = {}
    for at in profile["location"]:
        names = [functions[line["functionId"]] for line in at["line"]]
        locations[at["id"]] = names or [unnamed(files.get(at["mappingId"], ""))]
    types = [texts[t["type"]] for t in profile["sampleType"]]
    sums = collections.defaultdict(collections.Counter)
    for sample in profile["sample"]:
        check(len(sample["value"]) == len(types), "a sample has another number of values")
        labels = {texts[label["key"]]: texts[label["str"]] if label["str"] else label["num"] for label in sample["label"]}
        stack = tuple(name for place in sample["locationId"] for name in locations[place])
        key = (labels.get("pid"), labels.get("tid"), labels.get("thread"), labels.get("cpu"), stack)
        for name, value in zip(types, sample["value"]):
            if value:
                sums[key][name] += value
    return dict(sums)


def parse_text_format(lines):
    """What `protoc --decode` prints, as dicts of lists."""
    message = collections.defaultdict(list)
    for line in lines:
        line = line.strip()
        if line == "}":
            break
        check(not line[:1].isdigit(), f"a field that the schema lacks: {line}")
        if line.endswith("{"):
            message[line[:-1].strip()].append(parse_text_format(lines))
            continue
        name, value = line.split(": ", 1)
        if value[0] == '"':
            value = value[1:-1].encode("latin-1").decode("unicode_escape").encode("latin-1").decode("utf-8")
            message[name].append(value)
        else:
            message[name].append(int(value) if re.fullmatch(r"-?\d+", value) else value)
    return message


def as_npm_has_it(message):
    """protoc's message in the form that pprof-format gives."""
    def number(row, name):
        return row[name][0] if row[name] else 0
    return {
        "stringTable": message["string_table"],
        "function": [{"id": number(f, "id"), "name": number(f, "name")} for f in message["function"]],
        "mapping": [{"id": number(m, "id"), "filename": number(m, "filename")} for m in message["mapping"]],
        "location": [{"id": number(at, "id"), "mappingId": number(at, "mapping_id"),
                      "line": [{"functionId": number(line, "function_id")} for line in at["line"]]}
                     for at in message["location"]],
        "sampleType": [{"type": number(t, "type")} for t in message["sample_type"]],
        "sample": [{"locationId": s["location_id"], "value": s["value"],
                    "label": [{"key": number(label, "key"), "str": number(label, "str"), "num": number(label, "num")}
                              for label in s["label"]]} for s in message["sample"]],
    }


def check_protoc(world):
    with gzip.open(world.paths["pprof"]) as file:
        done = subprocess.run(["protoc", "--decode", "perftools.profiles.Profile", "-I", HERE, "pprof_profile.proto"],
                              input=file.read(), capture_output=True, timeout=120)
    check(done.returncode == 0, f"protoc, {world.name}: {done.stderr[:300]}")
    lines = done.stdout.decode("utf-8").split("\n")[:-1] + ["}"]
    compare(f"protoc, {world.name}", expected_profile(world), fold_profile(as_npm_has_it(parse_text_format(iter(lines)))))


def go_pprof(world, *words, asked=""):
    """What it shows; with `asked` it reads the profile once and does these lines in turn."""
    environment = dict(os.environ, PPROF_BINARY_PATH="/nowhere", HOME=os.path.dirname(world.paths["pprof"]))
    done = subprocess.run(["go", "tool", "pprof", "-symbolize=none", *words, world.paths["pprof"]], env=environment,
                          input=asked, capture_output=True, text=True, timeout=120)
    check(done.returncode == 0, f"go tool pprof {words}, {world.name}: {done.stderr[:300]}")
    return done.stdout


def check_go(world):
    """Flat and cumulative by function of the first value, samples; pprof counts a function once in a stack, as we do."""
    if not world.rows:
        check("samples/count" in go_pprof(world, "-raw"), "go tool pprof shows no types")
        return
    flat, total = collections.Counter(), collections.Counter()
    for row in world.rows:
        for name in set(row["stack"]):
            total[name] += 1
        if row["stack"]:
            flat[row["stack"][-1]] += 1
    asked = "nodefraction=0\nnodecount=1000000\nsample_index=samples\ntop\nnodecount=1\n"
    shown = go_pprof(world, asked=asked + "".join(f"sample_index={kind}\ntop\n" for kind in world.kinds))
    tables = re.split(r"Showing nodes accounting for ", shown)[1:]
    check(len(tables) == 1 + len(world.kinds), f"go tool pprof, {world.name}: it shows {len(tables)} tables: {shown[:400]}")
    found = {}
    for line in tables[0].split("\n"):
        # pprof's "(inline)" is no part of a name.
        row = re.fullmatch(r"\s*(\d+)\s+[\d.e-]+%\s+[\d.e-]+%\s+(\d+)\s+[\d.e-]+%  (.*?)( \((partial-)?inline\))?", line)
        if row:
            found[row[3]] = (int(row[1]), int(row[2]))
    compare(f"go tool pprof top, {world.name}", {name: (flat[name], total[name]) for name in total}, found)
    for kind, table in zip(world.kinds, tables[1:]):
        value = sum(row["value"] for row in world.rows if row["kind"] == kind)
        check(re.match(rf".* of {value} total\n", table), f"{world.name}, {kind}: not {value}: {table[:400]}")


def check_go_labels(world):
    """pprof's own filters find threads by name and by number, and CPU 0."""
    for words, fits in (("tid=101", lambda row: row["tid"] == 101), ("cpu=0", lambda row: row["cpu"] == 0),
                        ("thread=^db$", lambda row: row["comm"] == "db")):
        kept = re.search(r"accounting for (\d+)", go_pprof(world, "-top", "-sample_index=samples", "-tagfocus=" + words))
        check(kept and int(kept[1]) == sum(map(fits, world.rows)), f"go tool pprof -tagfocus={words}: {kept and kept[1]}")
    check("lost: 17 records of cycles on cpu 2" in go_pprof(world, "-comments"), "the loss is not told")


def packages():
    """A folder with npm's readers; None, and a word about it, where they cannot be had."""
    home = os.path.join(BUILD, "npm-profiles")
    wanted = [os.path.join(home, "node_modules", name.split("@")[0]) for name in PACKAGES]
    if not all(map(os.path.isdir, wanted)) and shutil.which("npm"):
        os.makedirs(home, exist_ok=True)
        try:
            subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", home,
                            *PACKAGES], timeout=60, capture_output=True)
        except subprocess.TimeoutExpired:
            pass
    if all(map(os.path.isdir, wanted)) and shutil.which("node"):
        return home
    print("skipped: pprof-format and speedscope's schema (no node here, or npm does not reach its registry)")
    return None


def check_npm(worlds):
    home = packages()
    if home is None:
        return
    asked = "".join(f"{what} {world.paths[what]}\n" for world in worlds for what in ("pprof", "speedscope"))
    done = subprocess.run(["node", os.path.join(HERE, "read_profile.js"), home], input=asked, capture_output=True, text=True,
                          timeout=120)
    check(done.returncode == 0, f"node: {done.stderr[:500]}")
    answers = done.stdout.split("\n")[:-1]
    check(len(answers) == 2 * len(worlds), "node did not answer all")
    for world, profile, errors in zip(worlds, answers[::2], answers[1::2]):
        compare(f"pprof-format, {world.name}", expected_profile(world), fold_profile(json.loads(profile)))
        check(json.loads(errors) == [], f"speedscope's schema, {world.name}: {errors[:300]}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        worlds = [World(folder, name) for name in WORLDS]
        for world in worlds:
            check_collapsed(world)
            check_csv(world)
            check_speedscope(world)
        if shutil.which("protoc"):
            for world in worlds:
                if world.name != "deep":  # a minute's text for nothing new
                    check_protoc(world)
        else:
            print("skipped: protoc (it is not here)")
        if shutil.which("go"):
            for world in worlds:
                if world.name != "hostile":  # its names are parts of pprof's own tables
                    check_go(world)
            check_go_labels(worlds[WORLDS.index("web")])
            check("samples/count" in go_pprof(worlds[WORLDS.index("hostile")], "-raw"), "go refuses hostile names")
        else:
            print("skipped: go tool pprof (there is no go here)")
        check_npm(worlds)
    if failures:
        sys.exit(f"{len(failures)} checks failed")


main()
