#!/usr/bin/python3
"""Lua files are luacheck clean: luacheck_test.py ROOT. Skipped (77) without luacheck."""
import os
import shutil
import subprocess
import sys

FOLDERS = ("lua", "scripts", "examples", "tests")


def main(root):
    if shutil.which("luacheck") is None:
        print("luacheck is not installed (./dev test installs it as root: package lua-check)")
        return 77
    paths = [os.path.relpath(os.path.join(base, name), root)
             for folder in FOLDERS for base, _, names in os.walk(os.path.join(root, folder))
             for name in names if name.endswith(".lua")]
    if not paths:
        print("no Lua file yet")
        return 77
    done = subprocess.run(["luacheck", "--quiet", "--no-color", *sorted(paths)], cwd=root,
                          check=False)
    return 1 if done.returncode else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
