# SPDX-License-Identifier: Apache-2.0
"""The checks: each takes a Tree and returns what breaks it, as lines for a person."""
import json
import os
import re

from tree import code_of

# docs/architecture.md, "Layers": what a layer may include besides itself.
MAY_INCLUDE = {
    "base": "",
    "codec": "base",
    "net": "base codec",
    "kinesis": "base codec net",
    "broker": "base codec net kinesis",
    "lake": "base codec net",
    "engine": "base codec kinesis lake",
    "sql": "base engine",
    "trino": "base codec lake",
    "query": "base codec net lake trino",
    "faces": "base codec net lake trino query",
    "web": "base codec net kinesis lake engine query",
    "cli": "base codec net kinesis broker lake engine sql trino query faces web",
}
# Headers that the build makes.
GENERATED = {"web_assets_table.h"}  # cmake/web.cmake, from web/

# A library, what its headers look like, and the layers on its side of the wall.
WALLS = [
    ("libevent", r"event2/|event\.h$|evhttp\.h$|evdns\.h$", {"net"}),
    ("nghttp2", r"nghttp2/", {"net"}),
    ("llhttp", r"llhttp\.h$", {"net"}),
    ("curl", r"curl/", {"net"}),
    ("OpenSSL", r"openssl/", {"net"}),
    ("DuckDB", r"duckdb", {"lake", "trino", "query"}),
    ("simdjson", r"simdjson", {"codec"}),
    ("CBOR", r"cbor", {"codec"}),
    ("SQLite", r"sqlite3", {"broker"}),
    ("ncurses", r"curses", {"cli"}),
    ("libedit", r"histedit|readline/", {"cli"}),
]

# Kernel calls that only base makes, so that tests can fail each of them (base/io.h).
SEAM = set("""open open64 openat openat64 creat creat64 fopen fopen64 freopen freopen64 mkstemp mkostemp mkdtemp tmpfile
    pwrite pwrite64 pwritev pwritev64 rename renameat renameat2 link linkat symlink unlink unlinkat remove mkdir mkdirat
    rmdir truncate truncate64 fsync fdatasync sync_file_range ftruncate ftruncate64 fallocate posix_fallocate
    clock_gettime time gettimeofday timespec_get nanosleep clock_nanosleep usleep sleep
    getrandom getentropy arc4random rand srand random srandom drand48
    __open_2 __open64_2 __openat_2 __openat64_2 __pwrite_chk __pwrite64_chk""".split())
# (layer, object, symbol): why it is right. An entry that is no longer needed is a problem too.
SEAM_ALLOWED = {
}

BANNED = {
    "strcpy": "tl_buf or memcpy", "strcat": "tl_buf", "sprintf": "snprintf", "vsprintf": "vsnprintf",
    "strtok": "tl_view_split", "atoi": "tl_view_to_i64", "atol": "tl_view_to_i64", "atoll": "tl_view_to_i64",
    "atof": "tl_view_to_double", "gets": "fgets", "localtime": "tl_time_format", "gmtime": "tl_time_format",
    "ctime": "tl_time_format", "asctime": "tl_time_format",
}
RULES = range(1, 12)
# In two parts, so that this file does not mention them itself.
HOSTS = ["registry.npmjs" + ".org", "pypi" + ".org", "files.pythonhosted" + ".org", "repo1.maven" + ".org",
         "deb.debian" + ".org", "crates" + ".io"]
WORK = re.compile(r"(?<![\w.~-])/wor" + r"k/")
SPDX = "SPDX-License-Identifier: Apache-2.0"
CODE = (".c", ".h", ".cc", ".S", ".py", ".sh", ".js", ".mjs")


def layer_of(path):
    parts = path.split("/")
    return parts[1] if parts[0] == "src" and len(parts) > 2 else None


def is_layer_path(name):
    return name.split("/")[0] in MAY_INCLUDE and "/" in name


def layering(tree):
    problems = ["src/%s: no layer of the design" % layer for layer in tree.layers if layer not in MAY_INCLUDE]
    for path in tree.sources:
        layer = layer_of(path)
        for quoted, name, line in tree.includes(path):
            if not quoted or name in GENERATED:
                continue
            if not is_layer_path(name):
                problems.append("%s:%d: \"%s\" is not a path from src/" % (path, line, name))
            elif "src/" + name not in tree.texts:
                problems.append("%s:%d: there is no src/%s" % (path, line, name))
            elif name.split("/")[0] not in [layer] + MAY_INCLUDE.get(layer, "").split():
                problems.append("%s:%d: %s may not include %s" % (path, line, layer, name))
    return problems


def reached(tree, path):
    """All headers of src that path includes, through others too, each with the way to it."""
    ways = {path: [path]}
    todo = [path]
    while todo:
        at = todo.pop()
        for quoted, name, _ in tree.includes(at):
            to = "src/" + name
            if quoted and to in tree.texts and to not in ways:
                ways[to] = ways[at] + [to]
                todo.append(to)
    return ways


def walls(tree):
    problems = []
    for library, pattern, sides in WALLS:
        users = {p for p in tree.sources if any(re.match(pattern, name) for quoted, name, _ in tree.includes(p)
                                                if not (quoted and is_layer_path(name)))}
        for path in tree.sources:
            if layer_of(path) in sides:
                continue
            for used, way in reached(tree, path).items():
                if used in users:
                    problems.append("%s sees %s%s" % (path, library, " through " + " > ".join(way[1:]) if way[1:] else ""))
                    break
    return problems


def sqlite_in_one_file(tree):
    users = [p for p in tree.sources if any(name == "sqlite3.h" for _, name, _ in tree.includes(p))]
    if len(users) == 1 and users[0].startswith("src/broker/") and users[0].endswith(".c"):
        return []
    return ["one .c file of src/broker should, but it is: " + (", ".join(users) or "none")]


def cpp_in_codec(tree):
    ends = (".cc", ".cpp", ".cxx", ".hpp", ".hh")
    return [p for p in sorted(tree.texts) if p.startswith(("src/", "tests/", "bench/")) and p.endswith(ends)
            and not p.startswith("src/codec/")]


def cycles(tree):
    graph = {p: ["src/" + name for quoted, name, _ in tree.includes(p) if quoted and "src/" + name in tree.texts]
             for p in tree.headers}
    problems, done = [], set()

    def visit(path, way):
        if path in way:
            problems.append(" > ".join(way[way.index(path):] + [path]))
        elif path not in done:
            for to in graph.get(path, []):
                visit(to, way + [path])
            done.add(path)
    for path in tree.headers:
        visit(path, [])
    return problems


def private_headers(tree):
    problems = []
    for path in sorted(tree.texts):
        if not path.endswith((".c", ".h", ".cc")):
            continue
        for _, name, line in tree.includes(path):
            if name.endswith("_int.h") and os.path.dirname(path) != "src/" + os.path.dirname(name):
                problems.append("%s:%d: %s is private to its folder" % (path, line, name))
    return problems


def dead_headers(tree):
    used = set()
    for path in tree.texts:
        if path.endswith((".c", ".h", ".cc", ".S")):
            used.update(name for _, name, _ in tree.includes(path))
    problems = []
    for path in sorted(p for p in tree.texts if p.endswith(".h")):
        name = path[4:] if path.startswith("src/") else os.path.basename(path)
        if name not in used and path.replace("tests/unit/", "", 1) not in used:
            problems.append("%s: included from nowhere" % path)
    return problems


def heads(tree):
    problems = []
    for path, text in sorted(tree.texts.items()):
        lines = text.split("\n", 4)
        if path.endswith(CODE) and not any(SPDX in line for line in lines[:3]):
            problems.append("%s: no SPDX line on top" % path)
        if path.endswith(".h"):
            name = path[4:] if path.startswith("src/") else os.path.basename(path)
            if not any(line.startswith("/* %s:" % name) for line in lines[:3]):
                problems.append("%s: the second line should begin \"/* %s:\" and say what it is" % (path, name))
            if not re.search(r"^#pragma once$", text, re.M):
                problems.append("%s: no #pragma once" % path)
    return problems


def readmes(tree):
    return ["src/%s/README.md is missing" % layer for layer in tree.layers if "src/%s/README.md" % layer not in tree.texts]


def seam(tree):
    problems, needed = [], set()
    for layer in sorted(tree.symbols):
        if layer == "base":
            continue
        if tree.symbols[layer] is None:
            problems.append("libtl_%s.a is not in the build folder (--build)" % layer)
            continue
        for name, symbol in tree.symbols[layer]:
            if symbol in SEAM and (layer, name, symbol) in SEAM_ALLOWED:
                needed.add((layer, name, symbol))
            elif symbol in SEAM:
                problems.append("%s/%s calls %s() past tl_io" % (layer, name, symbol))
    stale = [e for e in sorted(set(SEAM_ALLOWED) - needed) if tree.symbols.get(e[0]) is not None]
    return problems + ["no longer needed in SEAM_ALLOWED: %s" % (entry,) for entry in stale]


def banned(tree):
    call = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(BANNED))
    problems = []
    for path in sorted(tree.texts):
        if path.endswith((".c", ".h", ".cc")):
            code = code_of(tree.texts[path])
            for m in call.finditer(code):
                problems.append("%s:%d: %s() is banned: use %s"
                                % (path, code.count("\n", 0, m.start()) + 1, m.group(1), BANNED[m.group(1)]))
    return problems


def rules_cited(tree):
    """"rule 4", "rules 2, 3 and 7", rule_7 in a name: in the tests' own files."""
    cite = re.compile(r"(?<![a-z])rules?[ _]((?:\d+(?:, | and |, and |_and_))*\d+)(?!\d)", re.I)
    cited = set()
    for path, text in tree.texts.items():
        if path.startswith("tests/") and not path.startswith("tests/house/") and path.endswith(CODE):
            for m in cite.finditer(text):
                cited.update(int(n) for n in re.findall(r"\d+", m.group(1)))
    return ["rule %d is cited by no test" % n for n in RULES if n not in cited]


def own_places_only(tree):
    problems = []
    for path, text in sorted(tree.texts.items()):
        for n, line in enumerate(text.split("\n"), 1):
            problems += ["%s:%d: names the registry %s" % (path, n, host) for host in HOSTS if host in line]
            if WORK.search(line):
                problems.append("%s:%d: a path of the machine it was written on" % (path, n))
        if os.path.basename(path) == "package-lock.json":
            problems += locked_hosts(path, text)
    return problems


def locked_hosts(path, text):
    try:
        packages = json.loads(text).get("packages", {})
    except ValueError:
        return ["%s: not JSON" % path]
    return ["%s: '%s' is resolved to a host" % (path, name) for name, p in sorted(packages.items())
            if re.match(r"\w+:", str(p.get("resolved", "")))]


def nothing_left_to_do(tree):
    mark = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    return ["%s:%d: %s" % (path, n, m.group(1)) for path, text in sorted(tree.texts.items())
            if path.startswith(("src/", "web/src/")) for n, line in enumerate(text.split("\n"), 1)
            for m in [mark.search(line)] if m]


def links(tree):
    """Relative links of Markdown files lead to something that is there."""
    problems = []
    folders = {os.path.dirname(p) for p in tree.texts}
    for path, text in sorted(tree.texts.items()):
        if not path.endswith(".md"):
            continue
        text = re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.S | re.M)
        for target in re.findall(r"\]\(([^)#\s]+)[^)\s]*\)", text):
            to = os.path.normpath(os.path.join(os.path.dirname(path), target))
            there = to in tree.texts or to in folders or (tree.root and os.path.exists(os.path.join(tree.root, to)))
            if not re.match(r"\w+:", target) and not there:
                problems.append("%s: '%s' leads nowhere" % (path, target))
    return problems


ALL = [
    ("layers include only what is below them", layering),
    ("libraries stop at their wall, through headers too", walls),
    ("SQLite is in one file of the broker", sqlite_in_one_file),
    ("C++ is in the codec only", cpp_in_codec),
    ("headers include each other without a cycle", cycles),
    ("private headers stay in their folder", private_headers),
    ("every header is included by something", dead_headers),
    ("every file has its licence line, every header names itself", heads),
    ("every layer has its README", readmes),
    ("files, clocks and randomness go only through tl_io", seam),
    ("no banned function is called", banned),
    ("every semantics rule is cited by a test", rules_cited),
    ("no registry, no path of the machine it was written on", own_places_only),
    ("nothing is left to do in the sources", nothing_left_to_do),
    ("links of the documents lead somewhere", links),
]
