"""The REPL on this machine: a trace that goes on while somebody types.

The events are system calls of this process, with numbers that no other makes: they come when the test wants them.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from program import OC, Suite, environment, problems_of, run
from terminal import LONGEST_S, Terminal

FIRST = 1 << 43  # no other program seeks there
SEEK = "syscalls:sys_enter_lseek"
STARTS = iter(range(FIRST, FIRST << 1, 1 << 32))  # each session has its own: they run side by side
PROMPT = r"live \S+/s oc>"
FCHDIR = 1 << 23  # no descriptor
NULL = os.open("/dev/null", os.O_RDONLY)


def filter_of(first):
    return f"offset >= {first} && offset < {first + (1 << 32)}"


class Live(Terminal):
    def begin(self, fifo):
        self.fifo, self.first, self.asked = fifo, next(STARTS), 0
        self.expect("oc> ")
        self.mine = filter_of(self.first)

    def seek(self, times, first=0):
        seek(times, self.first + first)

    def ready(self):
        """Waits until what was typed has been run. The prompt says nothing: it is drawn anew when it changes."""
        self.asked += 1
        self.send(f"print('READY' .. {self.asked})\r")
        return self.expect(f"^READY{self.asked}\n(.|\n)*?oc> ")

    def wait_for_prompt(self, wanted):
        until, begin = time.monotonic() + LONGEST_S, self.seen
        while not re.search(wanted, self.text[begin:]):
            begin = self.seen  # `ready` goes past the prompt, which is drawn again only when it changes
            if not self.ready() or time.monotonic() > until:
                return self.problems.append(f"the prompt was not {wanted!r}: {self.text[-300:]!r}")
            self._read(0.05)

    def ask(self, line, wanted=None):
        self.send(line + "\r")
        return (wanted is None or self.expect(wanted)) and self.ready()

    def wait_for(self, expression, value):
        """Asks again and again until a value is there: events take their time."""
        until = time.monotonic() + LONGEST_S
        while time.monotonic() < until:
            self.send(f"print('IS' .. tostring({expression}) .. '.')\r")
            if not self.expect(r"^IS(.*)\.\n(.|\n)*?oc> "):
                return
            found = re.findall(r"^IS(.*)\.$", self.text[:self.seen], re.M)[-1]
            if found == str(value):
                return
        self.problems.append(f"{expression} is {found}, wanted {value}")


def seek(times, first):
    for i in range(times):
        os.lseek(NULL, first + i, 0)


def questions(t):
    """Callbacks that come, go and change, between the looks of one session."""
    t.ask("at_end(function() print('the end of ' .. n) end) n, of = 0, 0")
    t.ask(f"c = count('{SEEK}', 'comm', {{ filter = '{t.mine}' }})")
    t.ask(f"h = on('{SEEK}', '{t.mine}', function(e) n, last = n + 1, e.offset end)")
    t.ask("h", "callback on .*lseek where ")
    t.seek(20)
    t.wait_for("n", 20)
    t.ask("c", r"python.* 20\n")
    t.seek(5)
    t.wait_for("n", 25)
    t.ask("c", r"python.* 25\n")
    t.ask("h:off()", "off")
    t.seek(3)
    t.wait_for("c:total()", 28)
    t.ask("n", "^25$")
    t.ask("h:on()", "callback on")
    t.ask(f"h.filter = 'offset == {t.first + 1}'")
    t.seek(10)
    t.wait_for("c:total()", 38)
    t.ask("n", "^26$")
    t.ask(".events", r"lseek +\d+ +0 +2\n(.|\n)*\.events '\*' lists")
    t.ask(f"on('syscalls:sys_enter_fchdir', 'fd == {FCHDIR}', function(e) of = of + 1 end)")
    for _ in range(4):
        try:
            os.fchdir(FCHDIR)
        except OSError:
            pass
    t.wait_for("of", 4)
    saved = t.fifo + ".lua"
    t.ask("s = every('1s', function() end)")
    t.ask("s", "timer of")
    t.ask("_:off()", "off")
    t.ask(f".save {saved}", "runs it")
    with open(saved, encoding="utf-8") as file:
        if "_ = s\n_ = _:off()\n" not in file.read():
            t.problems.append(".save left out _:off()")
    ended = run(["script", saved, "-d", "50ms"])  # all is asked for, then it runs, then values are shown
    t.problems += problems_of(ended, 0, r"\Athe end of 0\n", r"events/s|\A\Z")


def switches(t):
    """What a verb counts is switched off and on; a callback may stop with a prompt of its own."""
    t.ask(f"c = count('{SEEK}', 'comm', {{ filter = '{t.mine}' }})")
    t.seek(10)
    t.wait_for("c:total()", 10)
    t.ask("c:off()", "python.* 10\n")
    t.ask(f"n = 0 on('{SEEK}', 'offset == {t.first + 5}', function(e) n = n + 1 if n == 2 then oc.repl() end end)")
    t.seek(10)
    t.wait_for("n", 1)
    t.ask("c:on():total()", "^10$")
    t.seek(10)
    t.expect(f"stopped at repl:\\d+ in the callback of {SEEK}(.|\n)*repl> ")
    t.send(".events\r")
    t.expect(r"^event +kernel saw +lost +callbacks\n\S+lseek +\d+ +0 +2\n")
    t.send("e.offset - n\r")
    t.expect(f"^{t.first + 3}$")
    t.send(".continue\r")
    t.expect(PROMPT)
    t.wait_for("c:total()", 20)
    t.ask("n = 1")
    t.send("for i = 1, 2 do\r")
    t.expect(r"^\.\.> ")
    t.seek(10)  # while a line goes on
    t.expect("stopped at (.|\n)*repl> ")
    t.send(".continue\r")
    t.expect(r"^\.\.> ")
    t.send("print(i * 11) end\r")
    t.expect("^11\n22$")
    t.ready()


def mistakes(t):
    t.ask("count('sched:sched_swtich')", "did you mean(.|\n)*sched_switch")
    t.ask("samples()", "keeps no samples(.|\n)*oc repl -g")
    t.ask("live(5)", "nothing runs")
    t.ask(f"n = 0 on('{SEEK}', '{t.mine}', function(e) n = n + 1 local x = nil + e.offset end)")
    t.send("'half of a li")
    t.expect("half of a li")
    t.seek(30)
    t.expect("repl:\\d+: attempt to perform arithmetic")
    t.expect("'half of a li")  # the line is drawn anew below
    t.send("ne'\r")
    t.expect("^half of a line$")
    t.ready()
    t.wait_for("n", 30)
    if len(re.findall("repl:\\d+: attempt", t.text, re.M)) != 1:
        t.problems.append("the error was not told once")
    t.ask("on('nothing:at_all', print)", "nothing:at_all")
    t.ask(f"on('{SEEK}', 'offset == {t.first + 77}', function(e) print('printed ' .. n) end)")
    t.send("typed")
    t.expect("typed")
    t.seek(1, 77)
    t.expect("printed \\d+\n(.|\n)*typed$")
    t.send("\x03")
    t.ask("6 * 7", "^42$")


def watches(t):
    t.ask(f"c = count('{SEEK}', 'comm', {{ filter = '{t.mine}' }})")
    t.send("live(c, '50ms')\r")
    t.seek(11)
    t.expect(r"python.* 11\n")
    t.resize(20, 60)
    t.seek(11)
    t.expect(r"python.* 22\n(.|\n)*events/s · lost 0")
    t.send("q")
    t.ready()
    t.send("print('spi' .. 'ns') while true do end\r")
    t.expect("^spins$")
    t.seek(100)
    t.send("\x03")
    t.expect("interrupted")
    t.ready()
    t.wait_for("c:total()", 122)


def problems_of_colour(t):
    problems = ["nothing is painted"] if b"\x1b[1m" not in t.raw else []
    return problems + (["shows what the terminal should obey"] if "\\x1b" in t.text else [])


def watches_in_eval(suite, name):
    first = next(STARTS)
    t = Terminal(["eval", "--live", f"live(count('{SEEK}', 'comm', {{ filter = '{filter_of(first)}' }}), '50ms')"], env={"NO_COLOR": ""})
    t.expect(r"lost 0\n")
    seek(7, first)
    t.expect(r"python.* 7\n")
    problems = t.finish(0, "\x03")
    suite.check(name, problems + problems_of_colour(t))


BEHIND = """local oc = require 'oc'
local trace, n = oc.open {}, 0
trace:every('20ms', function() n = n + 1 if n == 2 then print 'runs' end end)
trace:run()
oc.repl()
print('after ' .. type(n))
"""


def stops_behind_a_run(suite, name):
    """Ctrl-C ends the run, and not what the script does behind it."""
    with tempfile.TemporaryDirectory() as state:
        path = os.path.join(state, "behind.lua")
        with open(path, "w", encoding="utf-8") as file:
            file.write(BEHIND)
        t = Terminal(["script", path])
        t.expect("^runs$")
        t.send("\x03")
        t.expect(r"stopped at \S+:5 in its body(.|\n)*repl> ")
        t.send("n >= 2, 6 * 7\r")
        t.expect(r"^true\n42\n(.|\n)*repl> ")
        t.send("print('spi' .. 'ns') while true do end\r")
        t.expect("^spins$")
        t.send("\x03")
        t.expect(r"interrupted\n(.|\n)*repl> ")
        t.send(".continue\r")
        t.expect("^after number$")
        suite.check(name, t.finish(0))


def loses(t):
    """While the shell has the terminal nobody reads: what fits neither the spool nor the rings is lost, and shown."""
    t.ready()
    t.send(f"!cat {t.fifo}\r")
    t.expect(r"!cat .*\n")
    t.seek(60000)
    with open(t.fifo, "w", encoding="utf-8") as released:
        released.write("released\n")
    t.expect("^released$")
    t.wait_for_prompt(r"live \S+/s .*lost [1-9]\d* oc> ")
    t.ask("trace:stats().lost > 0", "^true$")


def runs_a_command(t):
    t.ask("c = count('sched:sched_process_exit', 'comm')")
    t.send("'still typ")
    t.expect("still typ")
    with open(t.fifo, "w", encoding="utf-8") as released:
        released.write("the command is through\n")
    t.expect("the command has ended with status 3")
    t.send("ing'\r")
    t.expect("^still typing$")
    t.ask("c", "^(sh|cat) ")
    t.ask("count('sched:sched_switch')", "the trace has ended(.|\n)*\\.restart")


def keeps_the_command(t):
    """Ctrl-C is for the line that runs: the command goes on; it reads no keys."""
    t.ready()
    for line, wanted in (("print('spi' .. 'ns') while true do end", "^spins$"), ("live(count('sched:sched_switch'), '50ms')", "events/s")):
        t.send(line + "\r")
        t.expect(wanted)
        t.send("\x03")
        t.ready()
    with open(t.fifo, "w", encoding="utf-8") as released:
        released.write("the command is through\n")
    t.expect("the command has ended with status 3")
    t.ready()  # at the prompt


def keeps_samples(t):
    t.seek(50)
    t.wait_for("samples():total() >= 50", "true")


def at_terminal(suite, name, session, args=(), status=0, last=None, colour=False):
    if not suite.wants(name):
        return
    with tempfile.TemporaryDirectory() as state:
        fifo = os.path.join(state, "fifo")
        os.mkfifo(fifo)
        t = Live(["repl", *(each.replace("FIFO", fifo) for each in args)], env={"XDG_STATE_HOME": state, **({"NO_COLOR": ""} if colour else {})})
        t.begin(fifo)
        session(t)
        problems = t.finish(status, "\x04")
        if colour:
            problems += problems_of_colour(t)
        if last and not re.search(last, t.text):
            problems.append(f"did not end with {last!r}: {t.text[-400:]!r}")
        suite.check(name, problems)


def in_tmux(suite, name):
    """As a user has it: a terminal that others wrote."""
    if not suite.wants(name):
        return
    with tempfile.TemporaryDirectory() as state:
        tmux = ["tmux", "-S", os.path.join(state, "socket"), "-f", os.devnull]
        env = environment({"XDG_STATE_HOME": state, "TERM": "xterm", "LC_ALL": "C.UTF-8"})
        problems, first = [], next(STARTS)

        def shows(wanted):
            until = time.monotonic() + LONGEST_S
            while time.monotonic() < until:
                text = subprocess.run([*tmux, "capture-pane", "-p"], env=env, capture_output=True, text=True,
                                      check=False).stdout
                if re.search(wanted, text, re.M):
                    return
                time.sleep(0.02)
            problems.append(f"did not show {wanted!r} in {text!r}")

        def types(line):
            subprocess.run([*tmux, "send-keys", "-l", line], env=env, check=True)
            subprocess.run([*tmux, "send-keys", "Enter"], env=env, check=True)

        subprocess.run([*tmux, "new-session", "-d", "-x", "90", "-y", "24", OC, "repl"], env=env, check=True)
        try:
            shows("^oc>")
            types(f"c = count('{SEEK}', 'comm', {{ filter = '{filter_of(first)}' }})")
            shows("^" + PROMPT)
            types("live(c, '50ms')")
            seek(9, first)
            shows(r"python.* 9\s*$")
            subprocess.run([*tmux, "resize-window", "-x", "50", "-y", "12"], env=env, check=True)
            seek(9, first)
            shows(r"python.* 18\s*$")
            types("q")
            shows("^" + PROMPT)
        finally:
            subprocess.run([*tmux, "kill-server"], env=env, check=False)
        suite.check(name, problems)


def from_a_pipe(suite, name):
    """Without -d a question runs for a second, with it so long."""
    ended = run(["repl"], stdin=f"n = 0 every('100ms', function() n = n + 1 end)\nn >= 5 and n < 15\ncount('{SEEK}'):total() >= 0\n")
    suite.check(name, problems_of(ended, 0, r"\Atrue\ntrue\n\Z", r"each question runs for 1\.00s: -d TIME"), ended)
    ended = run(["repl"], stdin="samples{}\n")
    suite.check("samples from a pipe", problems_of(ended, 1, r"\A\Z", r"hint: at a terminal oc repl -g"), ended)
    ended = run(["repl", "-d", "50ms"], stdin=f"count('{SEEK}'):total() >= 0\n'done'\n")
    suite.check("from a pipe with -d", problems_of(ended, 0, r"\Atrue\ndone\n\Z", None), ended)


def why_not():
    """Why this kernel or user cannot do it; None where it can."""
    ended = run(["eval", f"count('{SEEK}') at_end(function() end)", "--", "true"])
    return None if ended.status == 0 else (ended.err.strip().splitlines() or ["oc eval fails"])[0]


def main():
    suite = Suite("repl live")
    reason = why_not()
    if reason:
        suite.skip("all", reason)
        return suite.finish()
    at = lambda *args, **more: suite.later(at_terminal, suite, *args, **more)
    me = str(os.getpid())
    at("callbacks come, go and change", questions, last="the end of 26")
    at("mistakes do not end it", mistakes)
    at("count(…):off(), a prompt in a callback", switches)
    suite.later(from_a_pipe, suite, "from a pipe each question ends")
    at("live(), resize, Ctrl-C", watches, colour=True)
    suite.later(watches_in_eval, suite, "live() of oc eval")
    suite.later(stops_behind_a_run, suite, "oc.repl() behind a run that Ctrl-C ended")
    at("what is lost is shown", loses, args=("--buffer", "64KiB", "--spool", "2MiB", "-e", SEEK, "-p", me),
       last="LOST [1-9]")
    at("Ctrl-C leaves the command alone", keeps_the_command, args=("-e", "sched:sched_process_exit", "--", "sh", "-c", "read line && exit 9; cat FIFO; exit 3"))
    at("a command's end", runs_a_command, args=("--", "sh", "-c", "cat FIFO; exit 3"))
    at("samples of a session with stacks", keeps_samples, args=("-g", "-e", SEEK, "-p", me))
    if shutil.which("tmux"):
        suite.later(in_tmux, suite, "in tmux")
    suite.wait()
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
