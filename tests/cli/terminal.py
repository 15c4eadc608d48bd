"""A terminal of our own with a program in it: keys in, what it shows out. Nothing sleeps: all waits for text."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from program import OC, environment

LONGEST_S = float(os.environ.get("OC_TERMINAL_S", 120))  # what is awaited comes within milliseconds on an idle machine

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][0-9A-B]|\x1b[=>78M]|\x07|\r")


class Screen:
    """What a terminal of this size shows once it got these bytes: enough of VT100 for a line editor."""
    SEQUENCE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b[()][0-9A-B]|\x1b[=>78M]|(.)", re.S)

    def __init__(self, columns):
        self.columns, self.lines, self.row, self.column = columns, [[]], 0, 0

    def put(self, character):
        if self.column == self.columns:  # the margin: only the next character goes on below
            self.row, self.column = self.row + 1, 0
        while len(self.lines) <= self.row:
            self.lines.append([])
        line = self.lines[self.row]
        line.extend(" " * (self.column + 1 - len(line)))
        line[self.column] = character
        self.column += 1

    def control(self, number, what):
        count = int(number) if number.isdigit() and int(number) else 1
        line = self.lines[self.row] if self.row < len(self.lines) else []
        if what == "A":
            self.row = max(self.row - count, 0)
        elif what == "B":
            self.row += count
        elif what == "C":
            self.column = min(self.column + count, self.columns - 1)
        elif what == "D":
            self.column = max(min(self.column, self.columns - 1) - count, 0)
        elif what == "G":
            self.column = count - 1
        elif what in "JK" and number in ("", "0"):
            del line[self.column:]
            if what == "J":
                del self.lines[self.row + 1:]
        elif what == "P":
            del line[self.column:self.column + count]
        elif what == "@":
            line[self.column:self.column] = " " * count

    def feed(self, text):
        for number, what, character in self.SEQUENCE.findall(text):
            if what:
                self.control(number, what)
            elif character == "\n":
                self.row += 1
            elif character == "\r":
                self.column = 0
            elif character == "\b":
                self.column = max(min(self.column, self.columns - 1) - 1, 0)
            elif character >= " ":
                self.put(character)
        return self

    def text(self):
        return "\n".join("".join(line).rstrip() for line in self.lines)


class Terminal:
    """A program on a pseudo terminal. `text` is all that came, without control sequences."""

    def __init__(self, args, env=None, rows=30, columns=100, program=OC, stdout=None):
        master, slave = pty.openpty()
        self.master = master
        self.resize(rows, columns, tell=False, fd=slave)
        given = {"TERM": "xterm", **(env or {})}
        full = environment({key: value for key, value in given.items() if value is not None})
        for key, value in given.items():
            if value is None:
                full.pop(key, None)

        def take_terminal():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.job = subprocess.Popen([program, *args], stdin=slave, stdout=stdout or slave,
                                    stderr=slave, env=full, preexec_fn=take_terminal,
                                    close_fds=True)
        os.close(slave)
        self.raw, self.columns = b"", columns
        self.seen = 0
        self.problems = []

    @property
    def text(self):
        return CONTROL.sub("", self.raw.decode(errors="replace"))

    def resize(self, rows, columns, tell=True, fd=None):
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(fd if fd is not None else self.master, termios.TIOCSWINSZ, size)
        if tell:
            os.kill(self.job.pid, signal.SIGWINCH)

    def send(self, keys):
        os.write(self.master, keys.encode() if isinstance(keys, str) else keys)

    def _read(self, wait_s):
        if not select.select([self.master], [], [], wait_s)[0]:
            return True
        try:
            block = os.read(self.master, 65536)
        except OSError:  # the other side is closed
            return False
        self.raw += block
        return bool(block)

    def expect(self, wanted, longest=LONGEST_S):
        """Waits for a regular expression behind what was awaited before; false when it does not come."""
        until = time.monotonic() + longest
        is_open = True
        while True:
            text = self.text
            found = re.compile(wanted, re.M).search(text, self.seen)
            if found:
                self.seen = found.end()
                return True
            if not is_open or time.monotonic() > until:
                self.problems.append(f"did not show {wanted!r} behind {text[-300:]!r}")
                return False
            is_open = self._read(0.5)

    def expect_screen(self, wanted, longest=LONGEST_S):
        """Waits until the screen, read as a terminal shows it, ends in this regular expression."""
        until = time.monotonic() + longest
        is_open = True
        while True:
            shown = Screen(self.columns).feed(self.raw.decode(errors="replace")).text()
            if re.search("(?:" + wanted + r")\s*\Z", shown, re.M):
                self.seen = len(self.text)
                return True
            if not is_open or time.monotonic() > until:
                self.problems.append(f"the screen ends in {shown[-400:]!r}, not in {wanted!r}")
                return False
            is_open = self._read(0.5)

    def ask(self, line, wanted=None):
        """Types a line at the prompt and waits for what it should show, and for the next prompt."""
        self.send(line + "\r")
        return (wanted is None or self.expect(wanted)) and self.expect("^oc> ")

    def finish(self, status=0, keys=""):
        """Ends the session and waits; what went wrong in all of it."""
        if keys:
            self.send(keys)
        until = time.monotonic() + LONGEST_S
        while self._read(0.1) and self.job.poll() is None and time.monotonic() < until:
            pass
        try:
            ended = self.job.wait(LONGEST_S)
            if ended != status:
                self.problems.append(f"status {ended}, wanted {status}; last: {self.text[-300:]!r}")
        except subprocess.TimeoutExpired:
            self.job.kill()
            self.job.wait()
            self.problems.append(f"did not end; last: {self.text[-300:]!r}")
        while self._read(0):
            if not select.select([self.master], [], [], 0)[0]:
                break
        os.close(self.master)
        return self.problems
