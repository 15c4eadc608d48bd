#!/usr/bin/python3
"""Reports and flame graphs in a browser: export_pages_test.py

Headless Chromium opens them, report_page.js and flame_page.js do what a user does and say what is wrong. Hostile names, many
samples and deep stacks must come without an error. Skipped where there is no chromium.
"""
import json
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

import perf_text
from export_files_test import write

HERE = os.path.dirname(os.path.abspath(__file__))
QUIET = 'document.body.textContent = "RESULT " + (document.querySelectorAll("#panel tbody tr").length > 0 ? "good" : "no rows") + " END";'
QUIET_SVG = 'document.documentElement.setAttribute("data-result", "RESULT " + "good END");'


def browser():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if shutil.which(name):
            return name
    perf_text.skip("there is no chromium here")


class Browser:
    """One browser for all pages, spoken to as its developer tools do: JSON and a zero byte, both ways, through two pipes."""

    def __init__(self, program, folder):
        to_read, self.to = os.pipe()
        self.answers, from_write = os.pipe()
        self.number, self.rest, self.events = 0, b"", []
        words = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1300,900",
                 "--user-data-dir=" + os.path.join(folder, "profile"), "--remote-debugging-pipe", "about:blank"]
        # It wants them as 3 and 4, which may be taken here.
        with open(os.path.join(folder, "log"), "wb") as self.log:
            self.job = subprocess.Popen(["sh", "-c", f'exec 8<&{to_read} 9>&{from_write}; exec 3<&8 4>&9 8<&- 9>&-; exec "$@"', "sh",
                                         *words], pass_fds=(to_read, from_write), stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log)
        os.close(to_read)
        os.close(from_write)

    def message(self, until):
        """The next one; raises when the browser ended, or took too long."""
        while b"\0" not in self.rest:
            if not select.select([self.answers], [], [], max(0, until - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            more = os.read(self.answers, 1 << 16)
            if not more:
                raise EOFError("the browser ended")
            self.rest += more
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)

    def ask(self, method, session=None, **parameters):
        """What it answers; events that come before are kept."""
        self.number += 1
        question = {"id": self.number, "method": method, "params": parameters}
        if session:
            question["sessionId"] = session
        os.write(self.to, json.dumps(question).encode() + b"\0")
        until = time.monotonic() + 60
        while True:
            message = self.message(until)
            if message.get("id") == self.number:
                if "error" in message:
                    raise ValueError(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def page(self, url):
        """The page with the script's result, and what was said on the console."""
        self.events = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Runtime", "Log", "Page"):
            self.ask(domain + ".enable", session)
        self.ask("Page.navigate", session, url=url)
        page, until = "", time.monotonic() + 120
        while not re.search(r"RESULT .*? END", page, re.DOTALL) and time.monotonic() < until:
            time.sleep(0.02 if page else 0)
            page = self.ask("Runtime.evaluate", session, returnByValue=True,
                            expression="document.readyState === 'complete' ? document.documentElement.outerHTML : '-'")["result"]["value"]
        self.ask("Target.closeTarget", targetId=target)
        return page, [str(event["params"])[:300] for event in self.events if event["method"] in (
            "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")]

    def close(self):
        """Its processes end with the pipe, which it takes for the end of its user."""
        os.close(self.to)
        try:
            self.job.wait(30)
        except subprocess.TimeoutExpired:
            self.job.kill()
            self.job.wait()
        os.close(self.answers)


def probed(folder, path, script):
    """The URL of the page with this script at its end."""
    with open(path, encoding="utf-8") as page:
        text = page.read()
    is_picture = path.endswith(".flamegraph")
    at = text.rindex("</svg>" if is_picture else "</body>")
    made = os.path.join(folder, "probed.svg" if is_picture else "probed.html")
    script = "<script>" + ("//<![CDATA[\n" + script + "//]]>" if is_picture else script) + "</script>"
    with open(made, "w", encoding="utf-8") as page:
        page.write(text[:at] + script + text[at:])
    return "file://" + made


def main():
    program = browser()
    with open(os.path.join(HERE, "report_page.js"), encoding="utf-8") as text:
        report = text.read()
    with open(os.path.join(HERE, "flame_page.js"), encoding="utf-8") as text:
        flame = text.read()
    tries = [("html", "web", report), ("flamegraph", "web", flame)]
    tries += [("html", world, QUIET) for world in ("hostile", "many", "deep")] + [("flamegraph", "hostile", QUIET_SVG)]
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        opened = Browser(program, folder)
        try:
            opened.ask("Browser.getVersion")
        except (OSError, EOFError) as failure:
            opened.close()
            with open(opened.log.name, encoding="utf-8", errors="replace") as log:
                perf_text.skip(f"{program} does not run here: {failure} {log.read()[-300:]}")
        for kind, world, script in tries:
            page, errors = opened.page(probed(folder, write(folder, kind, world), script))
            result = re.search(r"RESULT (.*?) END", page, re.DOTALL)
            if result is None or result.group(1) != "good" or errors:
                problems.append(f"{kind} of {world}: {result and result.group(1)} {errors}")
        opened.close()
    for problem in problems:
        print(problem)
    print(f"{len(tries)} pages in {program}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
