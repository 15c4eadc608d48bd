"""The manual and the completions of shells: both hold every verb and option, and do in a shell what
they should."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

from program import OC, Suite, environment, problems_of, run

ROOT = os.environ.get("OC_SOURCE_ROOT", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
# A line as typed, and what bash shall offer: all of these, and none of those.
LINES = (
    ("oc scr", {"script"}, {"list"}),
    ("oc ", {"script", "eval", "doctor", "config", "completion", "help", "version"}, set()),
    ("oc script cpu_", {"cpu_top"}, {"syscall_latency"}),
    ("oc script --dur", {"--duration"}, {"--input"}),
    ("oc script cpu_top --to", {"--top"}, set()),
    ("oc eval --traceb", {"--traceback"}, set()),
    ("oc list --traceb", set(), {"--traceback"}),
    ("oc script -i examples/traces/de", {"examples/traces/demo.data"}, set()),
    ("oc script --input=examples/traces/de", {"examples/traces/demo.data"}, set()),
    ("oc script -d ", set(), {"cpu_top", "script"}),
    ("oc record -e page-f", {"page-faults"}, set()),
    ("oc list page-f", {"page-faults"}, {"events"}),
    ("oc list ev", {"events"}, {"scripts"}),
    ("oc help comp", {"completion"}, set()),
    ("oc completion f", {"fish"}, {"bash"}),
    ("oc config p", {"path"}, {"get"}),
    ("oc script cpu_top -- bas", {"bash"}, {"--top"}),
    ("oc examples/tick", {"examples/ticks.lua"}, set()),
)
BASH = r"""
source "$1"; oc=$2; shift 2
for line in "$@"; do
  COMP_LINE=$line COMP_POINT=${#line} COMP_WORDBREAKS=$' \t\n"'"'"'><=;|&(:'
  _oc "$oc"
  for reply in "${COMPREPLY[@]}"; do printf '%s\t%s\n' "$line" "$reply"; done
done
"""


def bash(suite, text):
    if not shutil.which("bash"):
        suite.skip("completion of bash", "no bash here")
        return
    with tempfile.NamedTemporaryFile("w", suffix=".bash") as file:
        file.write(text)
        file.flush()
        lines = [line for line, _, _ in LINES] + ["oc list sched:sched_switc"]
        done = subprocess.run(["bash", "-c", BASH, "bash", file.name, OC, *lines], capture_output=True, text=True,
                              cwd=ROOT, env=environment(), timeout=120, check=False, stdin=subprocess.DEVNULL)
    offered = {line: set() for line in lines}
    for row in done.stdout.splitlines():
        line, _, reply = row.partition("\t")
        offered[line].add(reply)
    suite.check("bash takes the completion", [done.stderr[:400]] if done.returncode or done.stderr else [])
    for line, wanted, unwanted in LINES:
        problems = [f"not offered: {word}" for word in wanted - offered[line]]
        problems += [f"offered: {word}" for word in unwanted & offered[line]]
        suite.check(f"bash: {line}", problems)
    if run(["list", "events", "sched:sched_switch"]).status != 0:
        suite.skip("bash: a tracepoint", "tracepoints cannot be listed here")
    else:  # readline has "sched:" already
        found = offered["oc list sched:sched_switc"]
        suite.check("bash: a tracepoint", [] if found == {"sched_switch"} else [str(found)])


def other_shells(suite):
    for shell in ("zsh", "fish"):
        ended = run(["completion", shell])
        suite.check(f"oc completion {shell}", problems_of(ended, 0, "script", None), ended)
        if not shutil.which(shell):
            suite.skip(f"syntax of {shell}", f"no {shell} here")
            continue
        with tempfile.NamedTemporaryFile("w", suffix="." + shell) as file:
            file.write(ended.out)
            file.flush()
            done = subprocess.run([shell, "-n", file.name], capture_output=True, text=True, timeout=60, check=False)
        suite.check(f"syntax of {shell}", [done.stderr[:400]] if done.returncode or done.stderr else [])


def manual(suite):
    ended = run(["help", "--man"])
    suite.check("oc help --man", problems_of(ended, 0, r'^\.TH OC 1 ', None), ended)
    if not shutil.which("groff"):
        suite.skip("the manual as groff reads it", "no groff here")
        return ""
    done = subprocess.run(["groff", "-man", "-Tascii", "-ww", "-P-c"], input=ended.out, capture_output=True, text=True,
                          timeout=60, check=False)
    suite.check("the manual as groff reads it", [done.stderr[:400]] if done.stderr or done.returncode else [])
    return re.sub(r".\x08", "", done.stdout).replace("-\n", "-")


def holds_everything(suite, page, completion):
    """Verbs are those of `oc help`, options those of every verb's help."""
    overview = run(["help"]).out
    verbs = re.findall(r"^  oc ([a-z]+) ", overview, re.M)
    options = {}
    for verb in verbs:
        text = run(["help", verb]).out if verb not in ("help", "version") else ""
        part = text.partition("Options of oc:\n")[2].partition("\n\n")[0]
        for name in re.findall(r"^  (?:-\w, |    )--([a-z-]+)", part, re.M):
            options.setdefault(name, set()).add(verb)
    problems = [] if len(verbs) > 5 and len(options) > 10 else [f"{verbs}, {options}: too few"]
    docs = ""
    for path in glob.glob(os.path.join(ROOT, "docs", "**", "*.md"), recursive=True):
        with open(path, encoding="utf-8") as file:
            docs += file.read()
    for name, of in options.items():
        option = re.compile(r"(?<![\w-])--" + name + r"(?![\w-])")
        if not option.search(docs):
            problems.append(f"--{name} is in no page of docs/ (oc help --markdown > docs/guide/options.md)")
        if page and not option.search(page):
            problems.append(f"--{name} is not in the manual")
        for verb in of:
            case = re.search(rf"^    {verb}\)\n      options='([^']*)'", completion, re.M)
            if not case or "--" + name not in case.group(1).split():
                problems.append(f"bash does not complete --{name} of {verb}")
    problems += [f"{verb} is not in the manual" for verb in verbs if page and f"oc {verb}" not in page]
    suite.check("every verb and option is in the manual, the docs and the completion", problems)


def main():
    suite = Suite("shell")
    ended = run(["completion", "bash"])
    suite.check("oc completion bash", problems_of(ended, 0, "complete -F _oc oc", None), ended)
    bash(suite, ended.out)
    other_shells(suite)
    holds_everything(suite, manual(suite), ended.out)
    for args, wanted in ((["completion"], "for which shell"), (["completion", "bosh"], "did you mean 'bash'"),
                         (["completion", "bash", "x"], "too many")):
        wrong = run(args)
        suite.check("oc " + " ".join(args), problems_of(wrong, 2, None, wanted), wrong)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
