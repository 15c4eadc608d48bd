"""The REPL at a terminal: keys in, what is shown out, on small traces of our own."""
import os
import re
import signal
import stat
import sys
import tempfile
import time

from program import Suite
from repl_test import COUNT, EVENT, SCHED, STACKS
from terminal import LONGEST_S, Terminal


def at_terminal(suite, name, session, env=None, args=(SCHED,), keys="\x04", status=0, **more):
    if not suite.wants(name):
        return
    with tempfile.TemporaryDirectory() as state:
        terminal = Terminal(["repl", *args], env={"XDG_STATE_HOME": state, **(env or {})}, **more)
        terminal.state = state
        session(terminal)
        suite.check(name, terminal.finish(status, keys))


def greets(t):
    t.expect(r"sched\.data: .*CPU")
    t.expect(r"events: (.|\n)*sched:sched_switch")
    t.expect("^oc> ")
    t.ask("")
    t.ask("6 * 7", "^42$")
    t.ask(COUNT, r"^comm +count(.|\n)*records in [\d.]+ s")


def completes(t):
    t.expect("^oc> ")
    for typed, shown in ((f'count("sched:sched_swit\t', f'{EVENT}"'), (', "next_p\t', "next_p"),
                         ("\t", "next_pid +next_prio"), ("i\t", 'next_pid"'), (")\r", "next_pid +count")):
        t.send(typed)
        t.expect(shown)
    t.expect("^oc> ")
    for typed, shown in (("trac\t", "trace"), (":o\t", "on"), ("\x03", "^oc> "),
                         ("string.rep\t", r"string\.rep"), ("\x03", "^oc> "),
                         (f'on("{EVENT}", function(e) return e.next_c\t', "next_comm"), ("\x03", "^oc> "),
                         (".fie\t", r"\.fields "), ("\x03", "^oc> "),
                         (".load /etc/passw\t", "/etc/passwd"), ("\x03", "^oc> "),
                         ("zzzzz\t", "zzzzz"), ("\x03", "^oc> ")):
        t.send(typed)
        t.expect(shown)


def completes_names_of_trace(t):
    t.expect("^oc> ")
    t.ask("m:samples():total() > 0", "true")
    t.ask('rows = m:samples():by("comm"):count():rows() print("COMM=" .. rows[1][1] .. ".")', r"COMM=(.+)\.$")
    comm = re.search(r"^COMM=(.+)\.$", t.text, re.M)
    if not comm:
        return
    t.send(f'samples {{ comm = "{comm.group(1)[:-1]}\t')
    t.expect(re.escape(comm.group(1)[-1]))
    t.send("\x03")
    t.expect("^oc> ")


def draws(t):
    """What is on the screen, not which bytes came: each line stands there once."""
    t.expect_screen("^oc>")
    t.send("cou\t")
    t.expect_screen(r"^s\noc> count")
    t.send("\x15s\t")  # several names go on so
    t.expect_screen(r"^s\nsamples .*\nselect .*\noc> s")
    t.send("\x15\x03")
    t.expect_screen(r"^select .*\noc> \^C\noc>")
    t.send("6 * 7\r")
    t.expect_screen(r"\^C\noc> 6 \* 7\n42\noc>")
    t.send("for i = 1, 2 do\rprint(i * 11)\rend\r")
    t.expect_screen(r"42\noc> for i = 1, 2 do\n\.\.> print\(i \* 11\)\n\.\.> end\n11\n22\noc>")
    t.send("#'" + "x" * 70 + "'" + "\x01")  # two rows, the cursor in the first
    t.expect_screen("^oc> #'x{54}\nx{16}'")
    t.send("\r")
    t.expect_screen(r"22\noc> #'x{54}\nx{16}'\n70\noc>")
    t.send("#'" + "y" * 130 + "' == cou\t")  # the last of three rows is completed
    t.expect_screen(r"70\noc> #'y{54}\ny{60}\ny{16}' == count")
    t.send("\x03")
    t.expect_screen(r"70\noc> #'y{54}\ny{60}\ny{16}' == count\^C\noc>")
    t.send("'" + "z" * 54 + "'")  # as wide as the terminal, to the cell
    t.expect_screen(r"count\^C\noc> 'z{54}'")
    t.send("\r")
    t.expect_screen(r"\^C\noc> 'z{54}'\n\n?z{54}\noc>")
    t.send("\x04")
    t.expect_screen(r"z{54}\noc>")


def edits(t):
    t.expect("^oc> ")
    t.send("12345\x01\x1b[C\x1b[C\x04\x05 + 1\r")  # home, right, right, delete, end
    t.expect("^1246$")
    t.expect("^oc> ")
    t.send("'grün €'\x7f\x7f'\r")  # backspace over a character of three bytes
    t.expect("^grün $")
    t.expect("^oc> ")
    t.ask("for i = 1, 2 do\rprint(i * 11)\rend", "^11\n22$")
    t.send("1 + \r")
    t.expect(r"^\.\.> ")
    t.send("\x03")  # gives up all of it
    t.expect("^oc> ")
    t.ask("5", "^5$")
    t.send("local x = 1\r")
    t.expect("without 'local' it stays")
    t.expect("^oc> ")


def history(t):
    t.expect("^oc> ")
    t.ask("111 + 1", "^112$")
    t.ask("222 + 2", "^224$")
    t.ask("222 + 2", "^224$")
    t.send("\x1b[A\x1b[A\r")  # up, up: the same line twice is one
    t.expect("^112$")
    t.expect("^oc> ")
    t.send("\x12222\r")  # Ctrl-R
    t.expect("^224$")
    t.expect("^oc> ")
    t.ask("f = function()\rreturn 'two lines'\rend")
    t.send("\x04")
    t.expect(r"\n")
    t.finish_first = t.job.wait(LONGEST_S)
    path = os.path.join(t.state, "oc/history")
    mode = stat.S_IMODE(os.stat(path).st_mode)
    if mode != 0o600:
        t.problems.append(f"mode {mode:o} of the history")
    second = Terminal(["repl", SCHED], env={"XDG_STATE_HOME": t.state})
    second.expect("^oc> ")
    second.send("\x1b[A\r")
    second.expect("^oc> ")
    second.ask("f()", "^two lines$")
    t.problems += second.finish(0, "\x04")


def interrupts(t):
    t.expect("^oc> ")
    for line in ("while true do end", "f = function() while true do end end f()",
                 "g = function() for i = 1, 1e18 do end end g()", f'on("{EVENT}", function(e) end) while true do end'):
        t.send(line + "\r")
        t.expect(re.escape(line[-10:]) + r"\n")
        time.sleep(0.05)  # a moment, so that it runs mostly; before is right, too
        t.send("\x03")
        t.expect("interrupted")
        t.expect("^oc> ")
    t.ask("6 * 7", "^42$")
    t.send("half a li\x03")
    t.expect("^oc> ")
    os.kill(t.job.pid, signal.SIGINT)  # from outside, at the prompt
    t.expect("^oc> ")
    t.ask("'alive'", "^alive$")


def interrupts_callbacks(t):
    """A callback that does not return is in compiled code: it is told, and a further Ctrl-C ends the session."""
    t.expect("^oc> ")
    t.send(f'on("{EVENT}", function(e) io.stderr:write("in", "side\\n") while true do end end)\r')
    t.expect("^inside$")
    t.send("\x03")
    t.expect("the line does not end.*Ctrl-C again")
    t.send("\x03")
    t.expect("interrupted again, the session ends")


def hangs_up(t):
    t.expect("^oc> ")
    t.ask("'kept'", "^kept$")
    os.kill(t.job.pid, signal.SIGTERM)


def resizes(t):
    t.expect("^oc> ")
    t.send("'" + "x" * 150)
    t.expect("x{20}")
    t.resize(20, 60)
    t.send("'\r")
    t.expect("^x{150}$|^(x+\n)+")
    t.expect("^oc> ")
    t.ask("#('" + "y" * 200 + "')", "^200$")
    t.ask("for i = 1, 100 do rawset(_G, 'l', (l or '') .. i .. '\\n') end")
    t.ask("l", r"^1$(.|\n)*^… \d+ more lines: \.more$")
    t.ask(".more", "more lines")


def pages(t):
    t.expect("^oc> ")
    t.ask("('line\\n'):rep(100)", "^PAGED 100$")
    t.ask("'short'", "^short$")


def dumb(t):
    t.expect("lines cannot be edited")
    t.expect("^oc> ")
    t.ask("6 * 7", "^42$")
    t.ask("for i = 1, 2 do\rprint(i * 11)\rend", "11\n22$")


def terminals(suite):
    at = lambda *args, **more: suite.later(at_terminal, suite, *args, **more)
    at("a banner, a value, a table, the time", greets)
    at("completion", completes)
    at("completion of names of the trace", completes_names_of_trace, args=(STACKS,))
    at("each line is on the screen once", draws, keys="", columns=60)
    at("editing, UTF-8, several lines, Ctrl-C at the prompt", edits)
    at("history", history, keys="")
    at("Ctrl-C stops the line, not the session", interrupts)
    at("Ctrl-C in compiled code", interrupts_callbacks, keys="", status=130)
    at("SIGTERM ends it", hangs_up, keys="", status=143)
    at("resize, long lines, long texts", resizes, env={"PAGER": ""})
    at("$PAGER", pages, env={"PAGER": "echo PAGED $(wc -l)"})
    at("TERM=dumb", dumb, env={"TERM": "dumb"})
    at("no TERM", dumb, env={"TERM": None})
    at("quit without brackets", lambda t: t.expect("^oc> "), keys="quit\r")
    suite.wait()


def main():
    suite = Suite("repl at a terminal")
    terminals(suite)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
