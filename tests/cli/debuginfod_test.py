"""--debuginfod against a server of our own: names and programs by build id, only when asked for, bounded, cancellable."""
import http.server
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

from program import Suite, finish, problems_of, run, start

SOURCE = """
#include <stdlib.h>
__attribute__((noinline)) static long work(long n) { long s = 0; for (long i = 0; i < n; ++i) s += i ^ (s >> 3); return s; }
__attribute__((noinline)) static long outer(long n) { return work(n) + 1; }
int main(void) { return outer(150000000) == 7; }
"""


class Files(http.server.BaseHTTPRequestHandler):
    """/buildid/ID/debuginfo and /buildid/ID/executable, out of a table."""
    files, asked, slow = {}, [], False

    def do_GET(self):
        try:
            self.answer()
        except BrokenPipeError:  # who asked had enough
            pass

    def answer(self):
        self.asked.append(self.path)
        found = self.files.get(self.path)
        if self.slow:
            self.send_response(200)
            self.end_headers()
            for _ in range(600):
                self.wfile.write(b"x" * 1000)
                time.sleep(0.1)
            return
        if found is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(found)))
        self.end_headers()
        self.wfile.write(found)

    def log_message(self, *_):
        pass


def read(path):
    with open(path, "rb") as file:
        return file.read()


def make(folder):
    """A stripped program and, beside it, its debug file."""
    source, program, debug = (os.path.join(folder, name) for name in ("p.c", "p", "p.debug"))
    with open(source, "w", encoding="utf-8") as text:
        text.write(SOURCE)
    for command in (["gcc", "-O1", "-g", "-fomit-frame-pointer", "-Wl,--build-id", "-o", program, source],
                    ["objcopy", "--only-keep-debug", program, debug], ["strip", program]):
        subprocess.run(command, check=True, capture_output=True)
    notes = subprocess.run(["readelf", "-n", program], check=True, capture_output=True, text=True).stdout
    return program, debug, re.search(r"Build ID: (\w+)", notes).group(1)


def with_servers(suite, folder, url):
    program, debug, build_id = make(folder)
    address = run(["symbols", debug, "outer"]).out.split()[0]
    place = f"/buildid/{build_id}/"
    env = {"HOME": folder, "DEBUGINFOD_URLS": url, "DEBUGINFOD_CACHE_PATH": os.path.join(folder, "cache")}
    ended = run(["symbols", program, address], env=env)
    suite.check("nobody is asked without --debuginfod", problems_of(ended, 1, "unknown", "nothing is known")
                + (Files.asked and [f"asked {Files.asked}"] or []), ended)
    ended = run(["symbols", "--debuginfod", program], env=env)
    suite.check("no server has it", problems_of(ended, 0, "tried +debuginfod: no server has it", None), ended)
    Files.files[place + "debuginfo"] = read("/bin/sh")
    env["DEBUGINFOD_CACHE_PATH"] = os.path.join(folder, "wrong")
    ended = run(["symbols", "--debuginfod", program], env=env)
    suite.check("a file of another build id is refused", problems_of(ended, 0, "has another build id", None), ended)
    Files.files[place + "debuginfo"] = b"<html>"
    env["DEBUGINFOD_CACHE_PATH"] = os.path.join(folder, "html")
    ended = run(["symbols", "--debuginfod", program], env=env)
    suite.check("no ELF file is refused", problems_of(ended, 0, "tried .*is no ELF file", None), ended)
    Files.files[place + "debuginfo"] = read(debug)
    env["DEBUGINFOD_CACHE_PATH"] = os.path.join(folder, "good")
    ended = run(["symbols", "--debuginfod", program, address], env=env)
    suite.check("a debug file from a server", problems_of(ended, 0, r"outer\+0x0  \S+p\.c:4", None), ended)
    before = len(Files.asked)
    ended = run(["symbols", program, address], env={**env, "OC_DEBUGINFOD": "1"})
    suite.check("the second time it is in the cache, and OC_DEBUGINFOD asks for it", problems_of(
        ended, 0, r"outer\+0x0  ", None) + (["asked again"] if len(Files.asked) != before else []), ended)
    big = {**env, "DEBUGINFOD_CACHE_PATH": os.path.join(folder, "big"), "DEBUGINFOD_MAXSIZE": "100"}
    ended = run(["symbols", "--debuginfod", program], env=big)
    suite.check("a file that is too large", problems_of(ended, 0, "tried +debuginfod: .*(large|size)", None), ended)
    recorded(suite, folder, program, place, env)


def recorded(suite, folder, program, place, env):
    """Names and unwound stacks of a recording whose program is nowhere but on the server."""
    trace = os.path.join(folder, "p.data")
    try:
        done = subprocess.run(["perf", "record", "-q", "-F", "499", "--call-graph", "dwarf,4096", "-o", trace, program],
                              capture_output=True, text=True, check=False, timeout=60, env={**os.environ, "HOME": folder})
    except FileNotFoundError:
        done = None
    if done is None or done.returncode not in (0, 1) or not os.path.exists(trace):
        suite.skip("a recording whose program is on a server", "perf cannot record here")
        return
    Files.files[place + "executable"] = read(program)
    os.remove(program)
    subprocess.run(["rm", "-rf", os.path.join(folder, ".debug")], check=True)
    code = ('local t = oc.open { stacks = "any" } local by = oc.counter("stack") t:on("*", function(e) by:count(e.stack) '
            'end) t:run() for _, row in ipairs(by:rows()) do print(tostring(row.stack)) end')
    ended = run(["eval", "-q", "--debuginfod", "-i", trace, code], env=env)
    suite.check("a recording whose program is on a server", problems_of(ended, 0, r"main;outer;work", None), ended)
    told = run(["symbols", "--debuginfod", "--json", trace, "p"], env=env)
    module = json.loads(told.out.splitlines()[0]) if told.out else {}
    suite.check("symbols tells of it", problems_of(told, 0, "", None)
                + ([] if module.get("names_from") == "debug file" and module.get("lines") else [str(module)]), told)
    ended = run(["eval", "-q", "-i", trace, code], env=env)
    suite.check("without --debuginfod it has no names", ["names"] if "outer" in ended.out else [], ended)


def unwound_live(suite, folder, url):
    """Nobody waits for a server while stacks are unwound as they come: rings would overflow."""
    source, program = os.path.join(folder, "p.c"), os.path.join(folder, "p")
    with open(source, "w", encoding="utf-8") as text:
        text.write(SOURCE)
    for command in (["gcc", "-O1", "-g", "-fomit-frame-pointer", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables",
                     "-Wl,--build-id", "-o", program, source], ["strip", program]):
        subprocess.run(command, check=True, capture_output=True)
    env = {"HOME": folder, "DEBUGINFOD_URLS": url, "DEBUGINFOD_CACHE_PATH": os.path.join(folder, "cache")}
    Files.asked.clear()
    ended = run(["eval", "-q", "--debuginfod", 'local t = oc.open { stacks = "dwarf" } local n, s = 0 t:on("cpu-clock", '
                 "function(e) n, s = n + 1, e.stack end) t:run() print(n)", "--", program], env=env)
    if ended.status != 0 or not ended.out.strip().isdigit() or int(ended.out) == 0:
        suite.skip("stacks unwound live", ended.err.strip()[:200] or "no sample")
        return
    suite.check("stacks unwound live ask no server", [f"asked {Files.asked}"] if Files.asked else [], ended)


def slow(suite, folder, url):
    program, _, _ = make(folder)
    Files.slow = True
    env = {"HOME": folder, "DEBUGINFOD_URLS": url, "DEBUGINFOD_CACHE_PATH": os.path.join(folder, "cache")}
    job, began = start(["symbols", "--debuginfod", program], env=env), time.monotonic()
    count = len(Files.asked)
    while len(Files.asked) == count and time.monotonic() - began < 30:
        time.sleep(0.05)
    time.sleep(0.3)
    job.send_signal(signal.SIGINT)
    ended = finish(job, began)
    suite.check("Ctrl-C ends a download", [f"{ended.seconds} s"] if ended.seconds > 40 or ended.status is None else [], ended)
    limited = {**env, "DEBUGINFOD_MAXTIME": "1"}
    ended = run(["symbols", "--debuginfod", program], env=limited)
    suite.check("a download that takes too long", problems_of(ended, 0, "tried +debuginfod: ", None)
                + ([f"{ended.seconds} s"] if ended.seconds > 40 else []), ended)
    Files.slow = False


def without_servers(suite, folder):
    program, _, _ = make(folder)
    env = {"HOME": folder, "DEBUGINFOD_CACHE_PATH": os.path.join(folder, "none"), "DEBUGINFOD_URLS": ""}
    ended = run(["symbols", "--debuginfod", program], env=env)
    suite.check("no server is named", problems_of(ended, 2, None, "DEBUGINFOD_URLS names no server"), ended)
    env["DEBUGINFOD_URLS"] = "http://127.0.0.1:1"
    ended = run(["symbols", "--debuginfod", program], env=env)
    suite.check("a server that is not there", problems_of(ended, 0, "tried +debuginfod: .*refused", None), ended)


def main():
    suite = Suite("debuginfod")
    os.environ["no_proxy"] = "127.0.0.1"
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    with tempfile.TemporaryDirectory() as folder:
        for case, args in ((with_servers, (url,)), (unwound_live, (url,)), (slow, (url,)), (without_servers, ())):
            own = os.path.join(folder, case.__name__)
            os.makedirs(own)
            case(suite, own, *args)
    server.shutdown()
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
