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
        self.raw = b""
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
