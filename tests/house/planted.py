# SPDX-License-Identifier: Apache-2.0
"""A small clean house, and for every check what breaks it: a check that cannot fail checks nothing."""
import checks
from tree import Tree

TOP = "/* %s */\n" % checks.SPDX


def header(name, body=""):
    return TOP + "/* %s: what it is. */\n#pragma once\n" % name + body


def clean():
    texts = {
        "src/base/README.md": "See [the layers](../../docs/a.md).\n",
        "src/base/io.h": header("base/io.h"),
        "src/base/io.c": TOP + '#include "base/io.h"\n/* never strcpy(a, b) */ const char *t = "gets(x)";\n',
        "src/net/README.md": "",
        "src/net/http.h": header("net/http.h", '#include "base/io.h"\n'),
        "src/net/http_int.h": header("net/http_int.h", '#include "net/http.h"\n#include <curl/curl.h>\n'),
        "src/net/http.c": TOP + '#include "net/http_int.h"\n',
        "src/broker/README.md": "",
        "src/broker/registry.h": header("broker/registry.h"),
        "src/broker/registry.c": TOP + '#include "broker/registry.h"\n#include <sqlite3.h>\n',
        "src/codec/README.md": "",
        "src/codec/json.h": header("codec/json.h"),
        "src/codec/json.cc": TOP + '#include "codec/json.h"\n#include <simdjson.h>\n',
        "tests/unit/support.h": header("support.h"),
        "tests/unit/net/test_http.c": TOP + '#include "support.h"\nstatic void rule_1_and_2(void); // rules 3, 4, 5 and 6\n',
        "tests/crash/test_kill.py": "# %s\n# Rule 7; rules 8, 9 and 11\n'rule 10'\n" % checks.SPDX,
        "tests/browser/package-lock.json": '{"packages": {"a": {"resolved": "a.tgz"}, "b": {}}}',
        "docs/a.md": "",
    }
    symbols = {"base": [("io.c.o", "open"), ("io.c.o", "clock_gettime")], "net": [("http.c.o", "memcpy")], "broker": [],
               "codec": [("json.cc.o", "malloc")]}
    return texts, symbols


def append(path, text):
    return lambda texts, symbols: texts.update({path: texts.get(path, "") + text})


def remove(path, part=None):
    def change(texts, symbols):
        text = texts.pop(path)
        if part:
            assert part in text
            texts[path] = text.replace(part, "")
    return change


def call(layer, symbol):
    return lambda texts, symbols: symbols.update({layer: symbols[layer] + [("x.c.o", symbol)]})


# (check, how the house is broken, what the check must say)
PLANTED = [
    (checks.layering, append("src/base/io.c", '#include "net/http.h"\n'), "base may not include net/http.h"),
    (checks.layering, append("src/net/http.c", '#  include "broker/registry.h"\n'), "net may not include"),
    (checks.layering, append("src/net/http.c", '#include "http.h"\n'), "is not a path from src/"),
    (checks.layering, append("src/net/http.c", '#include "net/gone.h"\n'), "there is no src/net/gone.h"),
    (checks.layering, append("src/util/a.c", TOP), "src/util: no layer"),
    (checks.walls, append("src/broker/registry.c", "#include <event2/event.h>\n"), "registry.c sees libevent"),
    (checks.walls, append("src/base/io.c", '#include "duckdb.h"\n'), "io.c sees DuckDB"),
    (checks.walls, append("src/net/http.h", "#include <openssl/evp.h>\n#include <sqlite3.h>\n"), "http.h sees SQLite"),
    (checks.walls, append("src/broker/registry.c", '#include "net/http_int.h"\n'), "sees curl through src/net/http_int.h"),
    (checks.sqlite_in_one_file, append("src/broker/b.c", TOP + "#include <sqlite3.h>\n"), "registry.c"),
    (checks.sqlite_in_one_file, remove("src/broker/registry.c"), "none"),
    (checks.cpp_in_codec, append("src/net/shim.cc", TOP), "src/net/shim.cc"),
    (checks.cycles, append("src/net/http.h", '#include "net/http_int.h"\n'), "net/http.h > src/net/http_int.h > src/net"),
    (checks.cycles, append("src/base/io.h", '#include "base/io.h"\n'), "src/base/io.h > src/base/io.h"),
    (checks.private_headers, append("src/broker/registry.c", '#include "net/http_int.h"\n'), "is private"),
    (checks.private_headers, append("tests/unit/net/test_http.c", '#include "net/http_int.h"\n'), "is private"),
    (checks.dead_headers, append("src/base/old.h", header("base/old.h")), "src/base/old.h: included from nowhere"),
    (checks.dead_headers, remove("tests/unit/net/test_http.c", '#include "support.h"\n'), "support.h"),
    (checks.heads, remove("src/base/io.c", TOP), "io.c: no SPDX"),
    (checks.heads, remove("tests/crash/test_kill.py", checks.SPDX), "test_kill.py: no SPDX"),
    (checks.heads, remove("src/net/http.h", "net/http.h:"), "should begin \"/* net/http.h:\""),
    (checks.heads, remove("src/net/http.h", "#pragma once\n"), "no #pragma once"),
    (checks.readmes, remove("src/broker/README.md"), "src/broker/README.md"),
    (checks.seam, call("broker", "fdatasync"), "broker/x.c.o calls fdatasync()"),
    (checks.seam, call("net", "clock_gettime"), "clock_gettime"),
    (checks.seam, lambda texts, symbols: symbols.update(codec=None), "libtl_codec.a is not in"),
    (checks.banned, append("src/base/io.c", "int f(char *a) { return\n  atoi (a); }\n"), "io.c:5: atoi() is banned"),
    (checks.banned, append("tests/unit/net/test_http.c", "void g(void) { strcpy(a, \"b\"); }\n"), "strcpy() is banned"),
    (checks.rules_cited, remove("tests/crash/test_kill.py", "'rule 10'"), "rule 10 is cited by no test"),
    (checks.rules_cited, remove("tests/unit/net/test_http.c"), "rule 5 is cited by no test"),
    (checks.own_places_only, append("README.md", "from https://" + checks.HOSTS[0] + "/x\n"), "README.md:1: names"),
    (checks.own_places_only, append("docs/a.md", "\nin /wor" + "k/main\n"), "docs/a.md:2: a path"),
    (checks.own_places_only, append("web/package-lock.json", '{"packages": {"c": {"resolved": "https://h/c.tgz"}}}'),
     "'c' is resolved to a host"),
    (checks.nothing_left_to_do, append("src/base/io.c", "/* TO" + "DO: this */\n"), "io.c:4"),
    (checks.links, append("docs/a.md", "[b](internals/b.md#part)\n"), "'internals/b.md' leads nowhere"),
]


def problems(_):
    found = []
    for title, check in checks.ALL:
        for problem in check(Tree(*clean())):
            found.append("the clean house fails '%s': %s" % (title, problem))
        if not any(planted == check for planted, _, _ in PLANTED):
            found.append("nothing is planted for '%s'" % title)
    for check, spoil, said in PLANTED:
        texts, symbols = clean()
        spoil(texts, symbols)
        told = check(Tree(texts, symbols))
        if not any(said in problem for problem in told):
            found.append("%s() does not say %r but %r" % (check.__name__, said, told))
    return found
