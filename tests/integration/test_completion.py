# SPDX-License-Identifier: Apache-2.0
"""What TAB gives in real shells: bash, zsh and fish (Debian's) read what 'tapeline completion' prints. In bash and zsh keys are typed on a
terminal, and Enter hands the completed line to a stand-in for tapeline, which says what it was given; fish completes a line on demand."""
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from tapeline import BINARY, run

TYPED_S = 20


def table():
    """Commands and their options, as --help has them of the options table."""
    names = [line.split()[0] for line in run("--help").stdout.split("commands:")[1].splitlines() if line.startswith("  ")]
    return {name: re.findall(r"^  (--?[a-z-]+)", run(name, "--help").stdout.split("usage:")[1], re.M) for name in names}


class Terminal:
    """A shell on a terminal of its own, in a folder."""

    def __init__(self, command, folder, env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(command[0], command, env)
        self.said = ""

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait(self, pattern):
        """What was matched; said is what came after it."""
        until = time.monotonic() + TYPED_S
        while not (found := re.search(pattern, self.said, re.S)):
            if time.monotonic() > until or not select.select([self.fd], [], [], until - time.monotonic())[0]:
                raise AssertionError("not within %d s: %s in %r" % (TYPED_S, pattern, self.said[-600:]))
            self.said += os.read(self.fd, 65536).decode(errors="replace")
        self.said = self.said[found.end():]
        return found

    def close(self):
        os.close(self.fd)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


class Completion(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.work = os.path.join(self.folder.name, "work")
        bin_folder = os.path.join(self.folder.name, "bin")
        os.makedirs(os.path.join(self.work, "data folder"))
        os.makedirs(bin_folder)
        for name in ("my pipeline.sql", "prices.csv"):
            open(os.path.join(self.work, name), "w").close()
        stub = os.path.join(bin_folder, "tapeline")
        with open(stub, "w") as f:
            f.write('#!/bin/sh\nprintf "<<"; printf "[%s]" "$@"; printf ">>\\n"\n')
        os.chmod(stub, 0o755)
        self.env = {**os.environ, "PATH": bin_folder + ":" + os.environ["PATH"], "TERM": "dumb", "PS1": "READY> ", "HOME": self.work, "INPUTRC": "/dev/null"}

    def need(self, shell):
        path = shutil.which(shell)
        self.assertIsNotNone(path, "%s is not installed: scripts/setup test installs it" % shell)
        return path

    CASES = (  # typed, TAB, and what the command is given then
        ("tapeline quer", ["query"]),
        ("tapeline dead-l", ["dead-letter"]),
        ("tapeline dead-letter rep", ["dead-letter", "replay"]),
        ("tapeline export fl", ["export", "flink"]),
        ("tapeline completion z", ["completion", "zsh"]),
        ("tapeline broker ver", ["broker", "verify"]),
        ("tapeline query --max", ["query", "--max-rows"]),
        ("tapeline query --format par", ["query", "--format", "parquet"]),
        ("tapeline top --log-format j", ["top", "--log-format", "json"]),
        ("tapeline check my", ["check", "my pipeline.sql"]),
        ("tapeline ingest pri", ["ingest", "prices.csv"]),
        ("tapeline up --data da", ["up", "--data", "data folder/"]),
        ("tapeline up --data pri", ["up", "--data", "pri"]),  # a file is no folder
        ("tapeline query pri", ["query", "pri"]),             # SQL is no file
    )

    def assert_completes(self, terminal):
        for typed, given in self.CASES:
            terminal.type(typed + "\t")
            time.sleep(0.15)  # the shell may still be about it; a key that comes early is none of its answer
            terminal.type("\n")
            got = re.findall(r"\[(.*?)\]", terminal.wait(r"<<(.*?)>>").group(1))
            # What zsh has added to a word it takes off again where nothing comes after it.
            self.assertEqual([re.sub("(?<=[^ ])[=/]$", "", word) for word in got], [word.rstrip("/") for word in given], typed)

    def test_bash(self):
        terminal = Terminal([self.need("bash"), "--norc", "--noprofile", "-i"], self.work, self.env)
        self.addCleanup(terminal.close)
        terminal.type("source <(%s completion bash); echo GO; bind 'set bell-style none'\n" % BINARY)
        terminal.wait("GO\r?\n")
        self.assert_completes(terminal)
        terminal.type("tapeline up --data=da\t\n")  # bash takes it apart at the '='
        self.assertEqual(terminal.wait(r"<<(.*?)>>").group(1), "[up][--data=data folder/]")

    def zsh(self, load):
        terminal = Terminal([self.need("zsh"), "-f", "-i"], self.work, self.env)
        self.addCleanup(terminal.close)
        terminal.type("unsetopt zle_bracketed_paste beep; %s; echo G''O\n" % load)
        terminal.wait("GO\r?\n")
        return terminal

    def test_zsh_sourced(self):
        self.assert_completes(self.zsh("autoload -U compinit && compinit -u -D; source <(%s completion zsh)" % BINARY))

    def test_zsh_installed(self):
        """As 'make install' puts it: a file of fpath, of which the first TAB already completes. Options and commands have their descriptions."""
        place = os.path.join(self.folder.name, "functions")
        os.makedirs(place)
        with open(os.path.join(place, "_tapeline"), "w") as f:
            f.write(run("completion", "zsh").stdout)
        terminal = self.zsh("fpath=(%s $fpath); autoload -U compinit && compinit -u -D" % place)
        terminal.type("tapeline dead-letter replay --d\t")
        terminal.wait("--d(ata|ry-run) +-- ")
        terminal.type("\x15tapeline do\t\n")
        self.assertEqual(terminal.wait(r"<<(.*?)>>").group(1), "[doctor]")

    def fish(self, line):
        said = subprocess.run([self.need("fish"), "--no-config", "-c", '$argv[1] completion fish | source; complete -C $argv[2]', BINARY, line], env=self.env, cwd=self.work,
                              text=True, capture_output=True, check=True).stdout
        return [one.split("\t")[0] for one in said.splitlines()]

    def test_fish(self):
        for typed, given in self.CASES:
            if typed.endswith(" pri") and "ingest" not in typed:
                self.assertEqual(self.fish(typed), [], typed)
            else:
                self.assertEqual(self.fish(typed), [given[-1]], typed)

    def test_every_command_and_option_of_the_table_is_completed(self):
        commands = table()
        bash = run("completion", "bash").stdout
        ask = bash + "\n_try() { COMP_WORDS=(tapeline \"$@\"); COMP_CWORD=$#; _tapeline; printf '%s\\n' \"${COMPREPLY[@]}\"; echo; }\n"
        said = subprocess.run(["bash", "-c", ask + "_try ''\n" + "".join("_try %s --\n" % name for name in commands)], text=True, check=True,
                              capture_output=True, cwd=self.work).stdout.split("\n\n")
        self.assertEqual(said[0].split(), list(commands))
        for name, words in zip(commands, said[1:]):
            self.assertEqual(sorted(words.split()), sorted(["--help"] + [option for option in commands[name] if option.startswith("--")]), name)
        self.assertEqual(sorted(self.fish("tapeline ")), sorted(commands))
        fish = re.findall(r"^complete -c tapeline -n '__fish_seen_subcommand_from (\S+)' -[ls] (\S+)", run("completion", "fish").stdout, re.M)
        self.assertEqual(sorted(fish), sorted((name, option.lstrip("-")) for name in commands for option in commands[name] + ["--help"]))
        blocks = re.findall(r"^      (\S+)\) _arguments (.*?)ret=0 ;;$", run("completion", "zsh").stdout, re.M | re.S)
        self.assertEqual([name for name, _ in blocks], list(commands))
        for name, block in blocks:
            self.assertEqual(re.findall(r"^        '\*?(--?[a-z-]+)[=+\[]", block, re.M), commands[name], name)


if __name__ == "__main__":
    unittest.main()
