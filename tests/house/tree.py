# SPDX-License-Identifier: Apache-2.0
"""What the checks look at: the texts of the tree and the undefined symbols of the build. planted.py makes one by hand."""
import glob
import os
import re
import subprocess

SKIPPED = {".git", "deps", "node_modules", "dist", "__pycache__", "tapeline-data"}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
# Comments, texts and characters of C: what is left is code, line for line.
NO_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def code_of(text):
    """C without its comments and texts, with the same lines."""
    return NO_CODE.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


class Tree:
    def __init__(self, texts, symbols, root=None):
        self.texts = texts        # path from the root -> text
        self.symbols = symbols    # layer -> [(object, symbol)], or None where there is no library
        self.root = root
        self.sources = sorted(p for p in texts if p.startswith("src/") and p.endswith((".c", ".h", ".cc", ".S")))
        self.headers = [p for p in self.sources if p.endswith(".h")]
        self.layers = sorted({p.split("/")[1] for p in self.sources if p.count("/") > 1})

    def includes(self, path):
        """(quoted, name, line) of each #include."""
        text = self.texts[path]
        return [(m.group(1) == '"', m.group(2), text.count("\n", 0, m.start(2)) + 1) for m in INCLUDE.finditer(text)]

    @staticmethod
    def read(root, build):
        texts = {}
        for folder, folders, files in os.walk(root):
            at = os.path.relpath(folder, root)
            folders[:] = sorted(f for f in folders if f not in SKIPPED and not (at == "." and f.startswith("build")))
            for name in files:
                path = os.path.normpath(os.path.join(at, name))
                try:
                    with open(os.path.join(folder, name), encoding="utf-8") as f:
                        texts[path] = f.read()
                except (UnicodeDecodeError, OSError):
                    pass  # not a text: an image, a socket, a file just gone
        layers = {p.split("/")[1] for p in texts if p.startswith("src/") and p.count("/") > 1}
        return Tree(texts, {layer: undefined(os.path.join(build, "libtl_%s.a" % layer)) for layer in layers}, root)


def undefined(library):
    if not glob.glob(library):
        return None
    out = subprocess.run(["nm", "-u", "-A", library], capture_output=True, text=True, check=True).stdout
    rows = []
    for line in out.splitlines():  # libtl_base.a:io.c.o:                 U open
        where, kind, symbol = line.rsplit(None, 2)
        if kind in "Uw":
            rows.append((where.rstrip(":").split(":")[-1], symbol.split("@")[0]))
    return rows
