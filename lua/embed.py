"""Writes a C++ file that holds the texts of the given files: embed.py OUT NAME=PATH..."""
import sys


def literal(text: bytes) -> str:
    lines = []
    for line in text.split(b"\n"):
        escaped = "".join(
            chr(b) if 32 <= b < 127 and b not in b'"\\?' else "\\%03o" % b for b in line + b"\n")
        lines.append('    "' + escaped + '"')
    return "\n".join(lines)


def main() -> None:
    out, entries = sys.argv[1], sys.argv[2:]
    parts = ['#include "lua/embedded.h"\n\nnamespace oc::lua {\n\nconst EmbeddedFile kEmbedded[] = {']
    for entry in entries:
        name, path = entry.split("=", 1)
        with open(path, "rb") as file:
            text = file.read()
        if text.endswith(b"\n"):
            text = text[:-1]
        parts.append('  {"%s",\n%s,\n   %d},' % (name, literal(text), len(text) + 1))
    parts.append("};\nconst size_t kEmbeddedCount = %d;\n\n}  // namespace oc::lua\n" % len(entries))
    with open(out, "w") as file:
        file.write("\n".join(parts))


main()
