"""Seeing inside a script, and its limits: --profile-script, --jit-report, --checked, --memory, what cannot be interrupted."""
import json
import os
import sys
import tempfile

import perf_data
from program import Suite, problems_of, run

TRACE = "local t = oc.open {}\n"
# Each is hot in a function of its own, for the script's body is never compiled; line 2 is to blame.
HOT = "local function f(t) local s = 0 for i = 1, %s do\n%s\nend return s end print(f {})"
ABORTS = {  # what LuaJIT says of it, by the body of the loop
    "a function made in a loop": ("t[1] = function() return i end", r"eval:2: a function is made here each time.*make it once, outside"),
    "its loop, given up for good": ("t[1] = function() return i end", r"eval:1: this loop or function was given up for good"),
    "string.match": ("s = s + #string.match('abc' .. i % 9, 'b.')", r"eval:2: string\.match is not compiled"),
    "string.gsub": ("s = s + #string.gsub('abc' .. i % 9, 'b.', 'x')", r"eval:2: string\.gsub is not compiled.*every and at_end"),
    "string.find by pattern": ("s = s + string.find('abc' .. i % 9, 'b.')", r"eval:2: string\.find is not compiled.*fourth argument"),
    "unpack": ("local a, b = unpack { i, 2 } s = s + a + b", r"eval:2: unpack is not compiled.*name the elements"),
    "table.sort": ("table.sort(t)", r"eval:2: table\.sort is not compiled"),
    "tostring of cdata": ("s = s + #tostring(1LL * i)", r"eval:2: ffi\.meta\.__tostring is not compiled"),
    "arguments stored": ("local function g(...) local a = { ... } return #a end s = s + g(i, i)", r"eval:2: "),
    "C that calls Lua": ("t.ffi = t.ffi or require 'ffi'\nif not t.c then t.ffi.cdef 'void qsort(void *, size_t, size_t, int (*)(const void *, const void *));'"
                         " t.c = t.ffi.cast('int (*)(const void *, const void *)', function() return 0 end) t.a = t.ffi.new 'int[2]' end"
                         "\nt.ffi.C.qsort(t.a, 2, 4, t.c)", r"eval:4: it calls what was given up for good"),
}
COMPILES = {  # what people think is slow
    "next": "local _, v = next { a = i } s = s + v",
    "string.format": "s = s + #string.format('%d', i)",
    "pcall": "local ok, v = pcall(math.abs, i) s = s + v",
    "plain string.find": "s = s + string.find('abc', 'c', 1, true)",
}


def reasons(suite):
    def one(title, body, wanted):
        ended = run(["eval", HOT % (300000 if "for good" in title else 20000, body), "--jit-report"])
        suite.check("--jit-report: " + title, problems_of(ended, 0, r"\d", wanted, 40), ended)

    for title, (body, wanted) in ABORTS.items():
        suite.later(one, title, body, wanted)
    for title, body in COMPILES.items():
        suite.later(one, title + " compiles", body, r"nothing of the script's was given up|\A(?!.*not compiled|.*made here)")


def json_report(suite):
    ended = run(["eval", HOT % (20000, ABORTS["a function made in a loop"][0]), "--jit-report", "--json"])
    document = next((json.loads(line)["jit"] for line in ended.out.splitlines() if line.startswith('{"jit"')), {})
    place = next(iter(document.get("places", [])), {})
    problems = problems_of(ended, 0, "jit", None)
    if (place.get("place"), place.get("kind"), place.get("reason")) != ("eval:2", "aborted", "NYI: bytecode FNEW"):
        problems.append(f"the place is {place}")
    if not document.get("compiled", -1) >= 0 or set(document.get("time", {})) < {"compiled_code", "interpreted_code"}:
        problems.append(f"the document is {document}")
    suite.check("--jit-report --json", problems, ended)


def profile(suite, trace):
    """Two callbacks, one of which does a hundred times as much."""
    script = (TRACE + "local x = 0\nlocal function work(n) for i = 1, n do\nx = x + math.sin(i)\nend end\n"
              "t:on('cpu', function(e)\nwork(100)\nend)\nt:on('cpu', function(e)\nwork(20000)\nend)\n"
              "t:every('100ms', function() end)\nt:at_end(function() print 'end' end)\nt:run()")
    ended = run(["eval", script, "-i", trace, "--profile-script", "--json"])
    document = next((json.loads(line)["profile"] for line in ended.out.splitlines() if line.startswith('{"profile"')), None)
    problems = problems_of(ended, 0, "profile", None)
    if document:
        by_place = {(row["event"], row["at"]): row for row in document["callbacks"]}
        slow, fast = by_place.get(("cpu-clock:HG", "eval:9")), by_place.get(("cpu-clock:HG", "eval:6"))
        if not slow or not fast or slow["calls"] != 1000 or fast["calls"] != 1000:
            problems.append(f"callbacks are {by_place}")
        elif slow["ns_per_call"] < 2 * fast["ns_per_call"] or document["callbacks"][0] != slow:
            problems.append(f"200 times the work took {slow} against {fast}")
        if ("every 100ms", "eval:12") not in by_place or by_place.get(("at_end", "eval:13"), {}).get("calls") != 1:
            problems.append(f"hooks are missing: {by_place}")
        total = sum(row["share"] for row in document["callbacks"] + document["rest"])
        if not 0.9 < total < 1.1:
            problems.append(f"the shares add up to {total}")
        hot = [line["line"] for line in document["lines"][:2] if "line" in line]
        if document["samples"] >= 20 and not {"eval:3", "eval:4"} & set(hot):
            problems.append(f"hot lines are {document['lines'][:5]} of {document['samples']}")
    suite.check("--profile-script: the costly callback is told, with its line", problems, ended)
    text = run(["eval", script, "-i", trace, "--profile-script"])
    suite.check("--profile-script as text", problems_of(text, 0, r"^end$", r"^cpu-clock:HG +eval:9 +1000 .*\n.*^\(the script's body\).*%$", 40), text)


STALE = TRACE + "local kept, args\nlocal field = t:event('cpu'):field 'pid'\nt:on('cpu', function(e)\nif kept then %s end\nkept, args = e, e.args\nend)\nt:run()"


def checked(suite, trace):
    uses = {"a field": "print(kept.pid)", "a field reference": "print(field(kept))", "args": "print(args.pid)",
            "tostring": "print(tostring(kept))", "a method": "print(kept:text())", "a copy made too late": "print(kept:copy())"}

    def one(title, use):
        ended = run(["eval", STALE % use, "-i", trace, "--checked", "-n", "3"])
        suite.check(f"--checked: {title} of an event that is gone",
                    problems_of(ended, 1, None, r"\Aeval:5: this event is gone: it was lent to the callback at eval:4, .*e:copy\(\)"), ended)

    for title, use in uses.items():
        suite.later(one, title, use)
    fine = (TRACE + "local kept = {} local c = oc.counter 'comm'\nt:on('cpu', { filter = 'pid > 0' }, function(e) kept[#kept + 1] = e:copy() c:count(e.comm)"
            " end)\nt:on('cpu', function(e) kept[#kept + 1] = e:table() end)\n"
            "t:at_end(function() local s = 0 for _, k in ipairs(kept) do s = s + k.cpu + #tostring(k) end print(#kept, c:total()) end)\nt:run()")
    plain, leased = (run(["eval", fine, "-i", trace, *more]) for more in ([], ["--checked"]))
    suite.check("--checked: what is copied may be used", problems_of(leased, 0, r"^2000\t1000$", None)
                + ([] if plain.out == leased.out else ["it differs from an unchecked run"]), leased)


def kept(suite, trace):
    """An event that a script kept beyond its run, however it was called."""
    head = ("local kept, args\n" + TRACE + "local field = t:event('cpu'):field 'pid'\nt:on('cpu', function(e) kept, args = e, e.args end)\n")
    uses = ("kept.comm", "kept.pid", "args.pid", "field(kept)", "tostring(kept)", "kept:text()", "kept:copy()", "kept:table()")
    all_uses = "local function use()\n" + "".join(f"print(pcall(function() return {use} end))\n" for use in uses) + "end\n"
    gone = r"(false\teval:\d+: this event is gone: it was lent to [^\n]*\n){%d}"

    def one(title, more, where):
        ended = run(["eval", head + all_uses + where, "-i", trace, *more])
        wanted = gone % (len(uses) * where.count("use"))
        suite.check(f"a kept event, {title}", problems_of(ended, 0, rf"\A{wanted}\Z", "script profile" if "--profile-script" in more else None), ended)

    for more in ([], ["--profile-script"], ["--checked"]):
        suite.later(one, " ".join(["after the run", *more]), more, "t:run() collectgarbage() collectgarbage() use()")
    suite.later(one, "in an end hook", [], "t:at_end(use) t:run()")

    def after_failure():
        ended = run(["eval", "local kept\n" + TRACE + "t:on('cpu', function(e)\nif kept then print(kept.pid) end\nkept = e\nerror 'own'\nend)\nt:run()",
                     "-i", trace, "--checked", "-n", "2"])
        suite.check("--checked: a callback that failed", problems_of(ended, 1, r"\A\Z", "eval:4: this event is gone: it was lent to the callback at eval:3"), ended)

    def at_a_prompt():
        ended = run(["repl", trace], stdin="on('cpu', function(e) last = e end)\nlast.pid\nlast.args\n'alive'\n")
        suite.check("a kept event, at the prompt", problems_of(ended, 1, "^alive$", "stdin:2:.*this event is gone.*stdin:3:.*this event is gone"), ended)

    for case in (after_failure, at_a_prompt):
        suite.later(case)


def memory(suite, trace):
    small = ["--memory", "32MiB"]
    keep = "t:on('cpu', function(e) n = n + 1\n%s\nend)\nt:at_end(function() print('seen', n) end)\nt:run() print 'after'"
    cases = {
        "small tables, kept": ("for i = 1, 1e4 do k[#k + 1] = { i } end", r"\Aeval:3: the script's memory is used up: it may have 32 MiB.*--memory 64MiB"),
        "a giant text": ("k[#k + 1] = ('x'):rep(1e9)", r"\Aeval:2: the script's memory is used up"),
        "cdata": ("k[#k + 1] = require('ffi').new('char[1000000]')", r"\Aeval:[23]: the script's memory is used up"),
        "texts, joined": ("k[1] = (k[1] or 'x') .. (k[1] or 'x')", r"\Aeval:[23]: the script's memory is used up"),
    }

    def one(title, body, wanted):
        script = TRACE.rstrip() + " local k, n = {}, 0\n" + keep % body
        ended = run(["eval", script, "-i", trace, *small])
        suite.check(f"--memory: {title}; what was counted is shown",
                    problems_of(ended, 1, r"^seen\t\d+\nafter$", wanted), ended)

    def in_the_loop():
        """At these sizes it is oc's loop that asks for too much, whose line is that of t:run()."""
        with tempfile.TemporaryDirectory(prefix="oc-memory") as folder:
            path = os.path.join(folder, "long.data")
            with open(path, "wb") as file:
                file.write(perf_data.trace(200000, 1000))
            for size in ("17MiB", "20MiB", "33MiB"):
                ended = run(["eval", "local all, t = {}, oc.open {}\nt:on('cpu', function(e)\n  all[#all + 1] = e:copy()\nend)\n\nt:run()",
                             "-i", path, "--memory", size])
                suite.check(f"--memory {size}: a line of the callback", problems_of(ended, 1, None, r"\Aeval:[234]: the script's memory is used up"), ended)

    suite.later(in_the_loop)

    def others():
        ended = run(["eval", "local k = {}\nwhile true do\nk[#k + 1] = { 1 } end", *small])
        suite.check("--memory: the body", problems_of(ended, 1, None, r"\Aeval:3: the script's memory is used up"), ended)
        ended = run(["eval", "local n = 0 for i = 1, 3e5 do n = n + #(('x'):rep(1000) .. i) end print(n > 3e8)", *small])
        suite.check("--memory: garbage does not count", problems_of(ended, 0, r"^true$", None), ended)
        ended = run(["eval", "local function f() local ok, e = pcall(function() return ('x'):rep(1e9) end) print(ok, #tostring(e) > 0) end f() print(1)", *small])
        suite.check("--memory: what was refused may be caught", problems_of(ended, 0, r"^false\ttrue\n1$", None), ended)
        ended = run(["eval", "print(1)", "--memory", "1k"])
        suite.check("--memory: too little", problems_of(ended, 2, None, r"--memory"), ended)

    for title, (body, wanted) in cases.items():
        suite.later(one, title, body, wanted)
    suite.later(others)


def stuck(suite, trace):
    """In C, where neither hooks nor the loop see a request to end."""
    nasty = "(('a?'):rep(30) .. ('a'):rep(30))"
    find = f"string.find(('a'):rep(30), {nasty})"
    quick = ["--timeout", "300ms"]
    cases = {
        "a pattern that takes for ever, in a callback": (["eval", TRACE + f"print 'gathered'\nt:on('cpu', function(e)\n{find} end)\nt:run()", "-i", trace, *quick],
                                                         r"^gathered$", r"in the callback at eval:3, on event cpu-clock\S* at .*lost"),
        "a pattern in the body": (["eval", f"print 'before'\n{find}", *quick], r"^before$", r"--timeout.*in its own body"),
        "a pattern in an end hook": (["eval", TRACE + f"t:on('cpu', function() end) t:at_end(function() print 'hook'\n{find} end) t:run()", "-i", trace, *quick],
                                     r"^hook$", r"in a timer or an end hook"),
    }

    def one(title, args, out, err):
        ended = run(args)
        suite.check("--timeout: " + title, problems_of(ended, 1, out, err, within=3), ended)

    def deep():
        script = TRACE + "local n = 0 local function f(i) return 1 + f(i + 1) end\nt:on('cpu', function(e) n = n + 1\nif n == 5 then f(1) end end)\nt:run() print(n)"
        ended = run(["eval", script, "-i", trace])
        suite.check("deep recursion in a callback is one error", problems_of(ended, 1, r"^1000$", r"\Aeval:[23]: stack overflow"), ended)

    for title, (args, out, err) in cases.items():
        suite.later(one, title, args, out, err)
    suite.later(deep)


def jobs(suite, trace):
    args = ["eval", TRACE + "t:on('cpu', function() end) t:run()", "-i", trace, "--jobs", "2"]
    ended = run([*args, "--profile-script"])
    suite.check("one process is looked into", problems_of(ended, 2, None, "leave out --jobs"), ended)
    ended = run([*args[:-2], "-i", trace, "--profile-script"])
    suite.check("--profile-script: inputs one after the other", problems_of(ended, 0, None, r"^cpu-clock:HG +eval:2 +2000 ", 40), ended)


def main():
    suite = Suite("inside")
    with tempfile.TemporaryDirectory(prefix="oc-cli.") as folder:
        trace = os.path.join(folder, "trace.data")
        with open(trace, "wb") as out:
            out.write(perf_data.trace(1000))
        reasons(suite)
        suite.later(json_report, suite)
        suite.later(profile, suite, trace)
        suite.later(jobs, suite, trace)
        checked(suite, trace)
        kept(suite, trace)
        memory(suite, trace)
        stuck(suite, trace)
        suite.wait()
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
