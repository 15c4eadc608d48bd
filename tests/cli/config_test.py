"""Options of the environment and of files: which wins, and what is said of a wrong one."""
import json
import os
import re
import sys
import tempfile

from program import Suite, problems_of, run

DEMO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/traces/demo.data")


class Files:
    """A home with a configuration file; `environment` makes oc read it."""

    def __init__(self, folder):
        self.folder = folder
        self.path = os.path.join(folder, "oc", "config")
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        os.chmod(folder, 0o755)

    def write(self, text, mode=0o644, owner=None):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path, mode)
        if os.geteuid() == 0:
            os.chown(self.path, owner or 0, 0)

    def environment(self, **more):
        return {"OC_CONFIG": "", "XDG_CONFIG_HOME": self.folder, **more}


def value_of(suite, name, files, text, wanted, arguments=("get", "frequency"), **env):
    files.write(text)
    ended = run(["config", *arguments], env=files.environment(**env))
    suite.check(name, problems_of(ended, 0, "^" + wanted + "\n$", None), ended)


def precedence(suite, files):
    value_of(suite, "a file sets an option", files, "frequency = 50\n", "50")
    value_of(suite, "the environment wins over a file", files, "frequency = 50\n", "99",
             OC_FREQUENCY="99")
    value_of(suite, "an empty variable sets nothing", files, "frequency = 50\n", "50", OC_FREQUENCY="")
    value_of(suite, "the later line wins", files, "frequency = 50\nfrequency=51 # because\n", "51")
    value_of(suite, "an alias is the option", files, "freq = 52\n", "52")
    value_of(suite, "a section is for its verb", files, "[script]\nfrequency = 53\n", "53",
             ("get", "script.frequency"))
    value_of(suite, "values have units", files, "; a comment\n\n  buffer = \"16MiB\"  \r\n", "16MiB",
             ("get", "buffer"))
    files.write("frequency = 50\n[script]\nfrequency = 53\n")
    ended = run(["config", "--json"], env=files.environment(OC_STRICT="yes"))
    rows = {row["name"]: row for row in map(json.loads, ended.out.splitlines())}
    problems = problems_of(ended, 0, ".", None)
    for name, value, source in (("frequency", "50", files.path + ":1"), ("strict", "yes", "OC_STRICT"),
                                ("script.frequency", "53", files.path + ":3"),
                                ("max-errors", "20", "default")):
        if (rows[name].get("value"), rows[name]["from"]) != (value, source):
            problems.append(f"{name}: {rows[name]}")
    if "input" in rows or "help" in rows:
        problems.append("options of one call are listed")
    suite.check("oc config tells where each value is from", problems, ended)


def effect(suite, files):
    """A recorded run ends after so many events, however that was said."""
    script = "local t = oc.open{} local n = 0 t:on('cpu', function() n = n + 1 end) t:run() print(n)"

    def count(name, wanted, text, arguments=(), **env):
        files.write(text)
        ended = run(["eval", script, "-i", DEMO, *arguments], env=files.environment(**env))
        suite.check(name, problems_of(ended, 0, f"^{wanted}$", None), ended)

    count("a file limits a run", 7, "events = 7\n")
    count("a section of another verb does not", 8, "events = 8\n[script]\nevents = 7\n")
    count("its own section does", 9, "events = 8\n[eval]\nevents = 9\n")
    count("the command line wins over all", 3, "events = 7\n", ["-n", "3"], OC_EVENTS="5")
    count("a flag can be taken back", 4, "quiet = yes\n", ["--no-quiet", "-n", "4"])
    files.write("")
    ended = run(["script", "cpu_top", "-i", DEMO], env=files.environment(OC_JSON="1"))
    suite.check("a flag of the environment", problems_of(ended, 0, r'^\{"', None), ended)


def wrong(suite, files):
    where = re.escape(files.path)
    for name, text, wanted in (
            ("an unknown option has file, line and the nearest", "\nfrequncy = 5\n",
             where + r":2: there is no option 'frequncy'.*did you mean 'frequency'"),
            ("a wrong value", "frequency = fast\n", where + ":1: frequency: 'fast' is not a number"),
            ("a value out of range", "frequency = 0\n", where + ":1: frequency must be at least 1"),
            ("an unknown section", "[skript]\n", where + ":1: there is no verb 'skript'.*'script'"),
            ("an option that the section's verb has not", "[list]\nfrequency = 5\n",
             where + ":2: oc list has no option 'frequency'"),
            ("no setting at all", "frequency 5\n", where + ":1: 'frequency 5' is not a setting"),
            ("an option of one call", "input = perf.data\n", where + ":1: 'input' can be given on the"),
            ("bytes that are no text", "\0\xff = \1\n", where + ":1: ")):
        files.write(text)
        for verb in (["config"], ["eval", "print(1)"]):
            ended = run(verb, env=files.environment())
            suite.check(f"{name} ({verb[0]})", problems_of(ended, 2, None, wanted), ended)
    ended = run(["eval", "print(1)"], env={"OC_FREQUENCY": "x"})
    suite.check("a wrong variable", problems_of(ended, 2, None, "oc: OC_FREQUENCY: frequency: 'x'"), ended)
    ended = run(["config", "get", "frequncy"])
    suite.check("get of an unknown option", problems_of(ended, 2, None, "did you mean 'frequency'"), ended)
    files.write("events = 1\n" + "#" * 70000)
    ended = run(["eval", "print(1)"], env=files.environment())
    suite.check("a file that is too large", problems_of(ended, 0, "^1$", where + " is left out: it is larger"), ended)


def trust(suite, files):
    where = re.escape(files.path)
    files.write("frequency = 50\n", mode=0o666)
    ended = run(["config", "get", "strict"], env=files.environment())
    suite.check("a file that everybody may write is left out",
                problems_of(ended, 0, "^no$", where + " is left out: everybody may write it"), ended)
    if os.geteuid() != 0:
        suite.skip("a file of another user is left out", "needs root")
        return
    files.write("frequency = 50\n", owner=65534)
    ended = run(["config", "get", "strict"], env=files.environment())
    suite.check("root leaves out a file of another user",
                problems_of(ended, 0, "^no$", where + " is left out: it belongs to uid 65534"), ended)
    ended = run(["config", "get", "frequency"], env={"OC_CONFIG": files.folder})
    suite.check("a folder is no file", problems_of(ended, 1, None, None), ended)


def main():
    suite = Suite("config")
    with tempfile.TemporaryDirectory() as folder:
        files = Files(folder)
        precedence(suite, files)
        effect(suite, files)
        wrong(suite, files)
        trust(suite, files)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
