#!/usr/bin/python3
"""C++ files are as clang-format leaves them: format_test.py ROOT.

Skipped (77) without clang-format, and with another version than Debian 12's: versions disagree.
"""
import os
import re
import shutil
import subprocess
import sys

VERSION = "14"
FOLDERS = ("src", "tests", "examples")


def main(root):
    tool = shutil.which("clang-format-" + VERSION) or shutil.which("clang-format")
    if tool is None:
        print("clang-format is not installed (./dev test installs it as root)")
        return 77
    said = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"version (\d+)", said)
    if version is None or version.group(1) != VERSION:
        print(f"clang-format {VERSION} decides here; this machine has: {said.strip()}")
        return 77
    paths = [os.path.join(base, name)
             for folder in FOLDERS for base, _, names in os.walk(os.path.join(root, folder))
             for name in names if name.endswith((".cc", ".h"))]
    # In src/abi the headers are C for two readers, formatted all the same.
    done = subprocess.run([tool, "--dry-run", "-Werror", "--ferror-limit=3", *sorted(paths)],
                          cwd=root, check=False)
    if done.returncode:
        print("run ./dev fmt")
    return 1 if done.returncode else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
