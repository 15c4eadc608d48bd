#!/usr/bin/python3
"""oc's symbols against addr2line, nm, perf and a real JIT: symbols_test.py

A small C++ program is built with each compiler and form of debug information that is here, and looked up at some hundred
places. `tests/verify/addr2line.py OC FILE 10000` and `names.py OC FILE` ask for more, of any file.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

import addr2line
import names

BUILD = os.environ["OC_BUILD_ROOT"]
OC = os.path.join(BUILD, "oc")
FRAME_NAMES = os.path.join(BUILD, "tests", "verify", "frame_names")

SOURCE = r"""
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>
namespace shop {
struct Item { std::string name; int price = 0; bool operator<(const Item& o) const { return price < o.price; } };
template <typename T> struct Shelf {
  std::vector<T> items;
  void put(T item) { items.push_back(std::move(item)); }
  int total() const { int sum = 0; for (const auto& i : items) sum += i.price; return sum; }
};
static inline int square(int x) { return x * x; }
__attribute__((noinline)) int stock(Shelf<Item>& shelf, int n) {
  for (int i = 0; i < n; ++i) shelf.put({"item" + std::to_string(square(i)), i * 7 % 31});
  std::sort(shelf.items.begin(), shelf.items.end());
  auto odd = [&](int limit) { return std::count_if(shelf.items.begin(), shelf.items.end(),
      [limit](const Item& i) { return i.price % 2 == 1 && i.price < limit; }); };
  if (n < 0) throw std::string("never");
  return shelf.total() + static_cast<int>(odd(20));
}
}
int main(int argc, char**) {
  shop::Shelf<shop::Item> shelf;
  std::map<int, std::unique_ptr<int>> counts;
  for (int i = 0; i < 5; ++i) counts[shop::stock(shelf, i + argc)] = std::make_unique<int>(i);
  return static_cast<int>(counts.size()) == 0;
}
"""

VARIANTS = [
    ("g++", "-O2 -g"),
    ("g++", "-O0 -gdwarf-4 -no-pie -gz=zlib"),
    ("clang++", "-O2 -gdwarf-4 -ffunction-sections -Wl,--gc-sections"),
]

problems = []


def check(is_good, what):
    if not is_good:
        problems.append(what)
        print("FAILED: " + what)


def check_lines(path, count, what):
    total, with_inlines, kinds = addr2line.compare(OC, path, count)
    bad = {k: v for k, v in kinds.items() if not k.startswith("explained")}
    print(f"{what}: {total} addresses, {with_inlines} with inlined calls, "
          + (", ".join(f"{len(v)} {k}" for k, v in sorted(kinds.items())) or "all alike"))
    # Without llvm-symbolizer as judge, addr2line's own mistakes count.
    limit = total // 100 if shutil.which("llvm-symbolizer") else total // 3
    check(sum(map(len, bad.values())) <= limit, f"{what}: {[v[0] for v in bad.values()]}")


def check_variants(folder):
    source = os.path.join(folder, "shop.cc")
    write(source, SOURCE)
    built = []
    for number, (compiler, options) in enumerate(VARIANTS):
        if not shutil.which(compiler):
            print(f"left out, no {compiler}: {options}")
            continue
        path = os.path.join(folder, f"shop{number}")
        subprocess.run([compiler, *options.split(), source, "-o", path], check=True)
        check_lines(path, 300, f"{compiler} {options}")
        total, wrong = names.compare(OC, path)
        check(not wrong and total > 20, f"{path}: {wrong[:3]}")
        built.append(path)
    return built


def check_dwz(path, folder):
    if not shutil.which("dwz"):
        print("left out, no dwz")
        return
    paths = [os.path.join(folder, "dwz", name) for name in ("one", "two")]
    os.mkdir(os.path.dirname(paths[0]))
    for copy in paths:
        shutil.copy(path, copy)
    done = subprocess.run(["dwz", "-m", "shared.debug", "-M", "shared.debug", "one", "two"], check=False,
                          capture_output=True, text=True, cwd=os.path.dirname(paths[0]))
    if done.returncode != 0:
        print("left out, dwz does not do it: " + done.stderr.strip())
        return
    check_lines(paths[0], 200, "dwz")
    facts = subprocess.run([OC, "symbols", paths[0]], capture_output=True, text=True, check=True).stdout
    check("shared debug file" in facts, "dwz: " + facts)


def check_stripped(path, folder):
    """A separate debug file, by its link."""
    stripped, debug = os.path.join(folder, "stripped"), os.path.join(folder, "stripped.debug")
    subprocess.run(["objcopy", "--only-keep-debug", path, debug], check=True)
    subprocess.run(["objcopy", "-S", f"--add-gnu-debuglink={debug}", path, stripped], check=True)
    check_lines(stripped, 200, "separate debug file")


JAVASCRIPT = """
function hotOne(n) { let s = 0; for (let i = 0; i < n; ++i) s ^= i * 31; return s; }
let t = 0; for (let i = 0; i < 3000; ++i) t ^= hotOne(5000);
console.log('ready');
"""
JAVA = """
public class Spin {
  static int hotOne(int n) { int s = 0; for (int i = 0; i < n; ++i) s ^= i * 31; return s; }
  public static void main(String[] a) throws Exception {
    int t = 0; for (int i = 0; i < 20000; ++i) t ^= hotOne(200);
    System.out.println("ready"); System.out.flush(); Thread.sleep(60000);
  }
}
"""


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


class Running:
    """A program with a compiler inside, from its line "ready" on; its map goes with it."""

    def __init__(self, command, folder):
        self.command, self.folder = command, folder

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        text=True, cwd=self.folder)
        self.is_ready = self.process.stdout.readline() == "ready\n"
        self.map_path = f"/tmp/perf-{self.process.pid}.map"
        return self

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def __exit__(self, *_):
        self.stop()
        if os.path.exists(self.map_path):
            os.unlink(self.map_path)

    def hot_entry(self):
        """(number of entries, the last start of hotOne)"""
        with open(self.map_path, encoding="utf-8", errors="replace") as lines:
            entries = [line.split(None, 2) for line in lines]
        hot = [e for e in entries if len(e) == 3 and "hotOne" in e[2]]
        return len(entries), int(hot[-1][0], 16) if hot else None


def told_of(asked):
    return subprocess.run([FRAME_NAMES], input=asked, capture_output=True, text=True, check=True).stdout


def check_hot(running, what):
    count, start = running.hot_entry()
    check(start is not None, f"{what}: none of {count} entries is hotOne")
    if start is None:
        return
    told = told_of(f"memory {running.process.pid} {start + 1:x}\n")
    check("hotOne" in told and "+0x1\tperf map" in told, f"{what}: {told}")
    print(f"{what}: {count} entries; {told.split(chr(9))[0]}")


def check_node(folder):
    """Node's perf map while it runs, and its jitdump after it has ended."""
    node = shutil.which("node")
    if not node:
        print("left out, no node")
        return
    write(os.path.join(folder, "spin.js"), JAVASCRIPT + "setTimeout(() => {}, 60000);\n")
    with Running([node, "--perf-basic-prof", "spin.js"], folder) as running:
        check(running.is_ready, "node did not run")
        check_hot(running, "node")
    # Its dump is whole when it ends by itself.
    write(os.path.join(folder, "ends.js"), JAVASCRIPT)
    with Running([node, "--perf-basic-prof", "--perf-prof", "ends.js"], folder) as running:
        running.process.wait()
        dump = os.path.join(folder, f"jit-{running.process.pid}.dump")
        _, start = running.hot_entry()
        if not os.path.exists(dump) or start is None:
            print("left out, this node writes no jitdump")
            return
        told = told_of(f"dump {running.process.pid} {dump}\nmemory {running.process.pid} {start + 1:x}\n")
        check("hotOne" in told and "\tjitdump\t" in told, "node's jitdump: " + told)
        print("node, jitdump: " + told.strip())


def check_java(folder):
    """Java's own map, which jcmd asks for."""
    tools = [shutil.which(tool) for tool in ("javac", "java", "jcmd")]
    if None in tools:
        print("left out, no javac, java and jcmd")
        return
    write(os.path.join(folder, "Spin.java"), JAVA)
    subprocess.run([tools[0], "Spin.java"], check=True, cwd=folder)
    with Running([tools[1], "-XX:+UseSerialGC", "Spin"], folder) as running:
        check(running.is_ready, "java did not run")
        subprocess.run([tools[2], str(running.process.pid), "Compiler.perfmap"], check=False,
                       capture_output=True)
        if not os.path.exists(running.map_path):
            print("left out, this java writes no perf map (17 and later do)")
            return
        check_hot(running, "java")


def main():
    if not shutil.which("addr2line") or not shutil.which("nm"):
        print("skipped: no addr2line or nm here (binutils)")
        return 77
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        built = check_variants(folder)
        if built:
            check_dwz(built[0], folder)
            check_stripped(built[0], folder)
        check_node(folder)
        check_java(folder)
    print(f"{time.monotonic() - began:.1f} s")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
