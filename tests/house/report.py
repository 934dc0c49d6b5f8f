# SPDX-License-Identifier: Apache-2.0
"""A report, not a gate: the longest functions and files. A reader decides whether one still has one subject."""
import shutil
import subprocess

COLUMNS = 110


def functions(tree):
    """(lines, name, path) of every C function, by universal-ctags."""
    sources = [p for p in tree.sources if p.endswith(".c")]
    out = subprocess.run(["ctags", "-f", "-", "--sort=no", "--languages=C", "--kinds-C=f", "--fields=ne", "-L", "-"],
                         cwd=tree.root, input="\n".join(sources), capture_output=True, text=True, check=True).stdout
    rows = []
    for line in out.splitlines():
        name, path, rest = line.split("\t", 2)
        fields = dict(f.split(":", 1) for f in rest.split(";\"\t")[-1].split("\t") if ":" in f)
        if "end" in fields:
            rows.append((int(fields["end"]) - int(fields["line"]) + 1, name, path))
    return sorted(rows, reverse=True)


def show(tree):
    files = sorted(((text.count("\n"), path) for path, text in tree.texts.items() if path in tree.sources), reverse=True)
    print("\nreport: the longest files")
    for lines, path in files[:10]:
        print("  %5d  %s" % (lines, path))
    print("report: the longest functions")
    if not shutil.which("ctags"):
        print("  left out: ctags is not installed")
    else:
        rows = functions(tree)
        for lines, name, path in rows[:10]:
            print("  %5d  %-36s %s" % (lines, name, path))
        if rows:
            print("report: %d functions, median %d lines, %d over 70" %
                  (len(rows), rows[len(rows) // 2][0], sum(r[0] > 70 for r in rows)))
    wide = {}
    for path in tree.sources:
        count = sum(len(line) > COLUMNS for line in tree.texts[path].split("\n"))
        if count:
            wide[path] = count
    print("report: %d lines over %d columns in %d files of src%s\n" %
          (sum(wide.values()), COLUMNS, len(wide), "".join("\n  %5d  %s" % (wide[p], p)
                                                          for p in sorted(wide, key=wide.get, reverse=True)[:5])))
