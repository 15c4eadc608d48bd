#!/usr/bin/python3
"""Docs say what is there: docs_test.py ROOT [OC].

Every relative link in a *.md file leads to a file. With the program OC: every option that README.md
and docs/guide/ show on a line that runs `oc`, up to a `--`, is in the help of `oc` or of that verb.
"""
import os
import re
import subprocess
import sys

LINK = re.compile(r"\]\(([^)\s]+)\)")
COMMAND = re.compile(r"^\s*(?:\$ )?(?:sudo )?(?:\./dev run|oc|build/oc) (.*)$")
OPTION = re.compile(r"(?<![\w=.-])(--?[a-zA-Z][a-z-]*)")
SHOWN = ("README.md", "docs/guide")


def markdown_files(root):
    for base, folders, names in os.walk(root):
        folders[:] = [f for f in folders if not f.startswith((".", "build"))]
        for name in sorted(names):
            if name.endswith(".md"):
                yield os.path.relpath(os.path.join(base, name), root)


def lines_of(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as text:
        return list(enumerate(text.read().splitlines(), 1))


def check_links(root):
    for path in markdown_files(root):
        for number, line in lines_of(root, path):
            for target in LINK.findall(line):
                target = target.split("#")[0]
                if not target or "://" in target or target.startswith("mailto:"):
                    continue
                if not os.path.exists(os.path.join(root, os.path.dirname(path), target)):
                    yield f"{path}:{number}: no such file: {target}"


def unquoted(text):
    """The command without what is in quotes (Lua code, filters) and without its comment."""
    return re.sub(r"'[^']*'|\"[^\"]*\"", "Q", text).split(" #")[0]


def shown_commands(root):
    """(path, line number, arguments of oc up to `--`) for each command in a code block."""
    for path in markdown_files(root):
        if not path.startswith(SHOWN):
            continue
        is_code = False
        for number, line in lines_of(root, path):
            if line.lstrip().startswith("```"):
                is_code = not is_code
            found = COMMAND.match(line) if is_code else None
            if found:
                yield path, number, re.split(r"(?:^| )-- ", unquoted(found.group(1)) + " ")[0]


def is_declared_here(root, path, option):
    """Whether a script shown in the same document declares the option: `top = oc.number(…)`."""
    name = option.lstrip("-").replace("-", "[-_]")
    return any(re.match(rf"\s*{name}\s*= oc\.\w+\(", line) for _, line in lines_of(root, path))


def help_text(program, *verb):
    done = subprocess.run([program, *verb, "--help"], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=20)
    return done.stdout + done.stderr


def verbs_of(root, command):
    """The verb, and for `oc script` the script: its own options are in `oc script NAME --help`."""
    words = command.split()
    stock = {name.removesuffix(".lua") for name in os.listdir(os.path.join(root, "scripts"))}
    scripts = [w for w in words if w.endswith(".lua") or w in stock] if words[:1] == ["script"] else []
    return tuple(words[:1] + scripts[:1])


def check_options(root, program):
    overall = help_text(program)
    helps = {}
    for path, number, command in shown_commands(root):
        verb = verbs_of(root, command)
        for key in (verb, verb[:1]):
            if key not in helps:
                helps[key] = help_text(program, *key)
        known = overall + helps[verb] + helps[verb[:1]]
        for option in OPTION.findall(command):
            is_known = re.search(r"(?<![\w-])" + re.escape(option) + r"(?![\w-])", known)
            if not is_known and not is_declared_here(root, path, option):
                yield f"{path}:{number}: {option} is not in the help of oc {' '.join(verb)}"


def main():
    root = sys.argv[1]
    problems = list(check_links(root))
    if len(sys.argv) > 2 and os.access(sys.argv[2], os.X_OK):
        problems += check_options(root, sys.argv[2])
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
