#!/usr/bin/python3
"""Reports and flame graphs in a browser: export_pages_test.py

Headless Chromium opens them, report_page.js and flame_page.js do what a user does and say what is wrong. Hostile names, many
samples and deep stacks must come without an error. Skipped where there is no chromium.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

import perf_text
from export_files_test import write

HERE = os.path.dirname(os.path.abspath(__file__))
QUIET = 'document.body.textContent = "RESULT " + (document.querySelectorAll("#panel tbody tr").length > 0 ? "good" : "no rows") + " END";'
QUIET_SVG = 'document.documentElement.setAttribute("data-result", "RESULT good END");'


def browser():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if shutil.which(name):
            return name
    perf_text.skip("there is no chromium here")


def opened(program, folder, path, script):
    """The page after the script ran in it, and what the browser said."""
    with open(path, encoding="utf-8") as page:
        text = page.read()
    is_picture = path.endswith(".flamegraph")
    at = text.rindex("</svg>" if is_picture else "</body>")
    probed = os.path.join(folder, "probed.svg" if is_picture else "probed.html")
    script = "<script>" + ("//<![CDATA[\n" + script + "//]]>" if is_picture else script) + "</script>"
    with open(probed, "w", encoding="utf-8") as page:
        page.write(text[:at] + script + text[at:])
    done = subprocess.run([program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                           "--user-data-dir=" + os.path.join(folder, "profile"), "--window-size=1300,900",
                           "--enable-logging=stderr", "--dump-dom", "file://" + probed],
                          capture_output=True, text=True, timeout=150, check=False)
    return done.stdout, done.stderr


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
        for kind, world, script in tries:
            page, log = opened(program, folder, write(folder, kind, world), script)
            result = re.search(r"RESULT (.*?) END", page, re.DOTALL)
            errors = re.findall(r'CONSOLE[^"]*"(.*)", source', log)
            if result is None and not page:
                perf_text.skip(f"{program} does not run here: {log[-300:]}")
            if result is None or result.group(1) != "good" or errors:
                problems.append(f"{kind} of {world}: {result and result.group(1)} {errors} {log[-300:] if result is None else ''}")
    for problem in problems:
        print(problem)
    print(f"{len(tries)} pages in {program}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
