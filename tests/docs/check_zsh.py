#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""check_zsh.py SOURCE EXECSNOOPCTL: a real zsh, on a terminal, completes the verbs, the options
that --help shows and no other, the words of those that have some, and files."""
import os
import pathlib
import pty
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE, CTL = pathlib.Path(sys.argv[1]), sys.argv[2]
EXIT_SKIP = 77

# What would be shown is written beside that: each match in a line, between two lines of their own.
ZSHRC = """\
PROMPT= RPROMPT= HISTFILE=
fpath=({folder} $fpath)
autoload -Uz compinit
compinit -u -D
zstyle ':completion:*' insert-tab false
unsetopt list_beep auto_menu
compadd () {{
  if [[ ${{@[1,(i)(-|--)]}} == *-(O|A|D)\\ * ]]; then
    builtin compadd "$@"
    return $?
  fi
  local -a hits
  builtin compadd -A hits "$@"
  for hit in $hits; do print -r -- "MATCH ${{hit}}"; done
  builtin compadd "$@"
}}
begin-matches () {{ print -r -- 'BEGIN MATCHES' }}
end-matches () {{ print -r -- 'END MATCHES'; exit }}
compprefuncs=(begin-matches)
comppostfuncs=(end-matches)
print READY
"""


def read_until(master, words, what):
    shown = b""
    while words not in shown:
        try:
            part = os.read(master, 65536)
        except OSError:
            part = b""
        assert part, f"{what}: zsh has ended, after\n{shown.decode(errors='replace')}"
        shown += part
    return shown.decode(errors="replace").replace("\r", "")


def complete(line, cwd=None):
    """The matches that zsh has at the end of that line."""
    with tempfile.TemporaryDirectory() as folder:
        functions = pathlib.Path(folder, "functions")
        functions.mkdir()
        shutil.copy(SOURCE / "packaging/completions/_execsnoopctl", functions)
        pathlib.Path(folder, ".zshrc").write_text(ZSHRC.format(folder=functions), "utf-8")
        master, slave = pty.openpty()
        with subprocess.Popen(["zsh", "-d", "-i"], stdin=slave, stdout=slave, stderr=slave, cwd=cwd,
                              start_new_session=True,
                              env={"PATH": os.environ["PATH"], "ZDOTDIR": folder, "TERM": "dumb",
                                   "LC_ALL": "C.UTF-8"}) as zsh:
            os.close(slave)
            read_until(master, b"READY", line)
            os.write(master, (line + "\t").encode())
            shown = read_until(master, b"END MATCHES", line)
            zsh.kill()
        os.close(master)
    return sorted(set(re.findall(r"^MATCH (.*)$", shown.partition("BEGIN MATCHES")[2], re.M)))


def expect(line, expected, **how):
    found = complete(line, **how)
    assert found == sorted(expected), f"{line!r}: {found}, expected {sorted(expected)}"


def main():
    text = subprocess.run([CTL, "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
    options = set(re.findall(r"^  .*?(--[a-z-]+)", text, re.M))
    found = {match.rstrip("=-").removesuffix("=") if match != "--" else match
             for match in complete("execsnoopctl --")}
    assert {option.rstrip("=") for option in found} == options, found ^ options
    expect("execsnoopctl ", ["log", "tree", "plot", "top", "stats", "verify"])
    expect("execsnoopctl v", ["verify"])
    expect("execsnoopctl --output=", ["short", "wide", "verbose", "json", "csv"])
    expect("execsnoopctl -o c", ["csv"])
    expect("execsnoopctl top --by=u", ["unit", "user"])
    expect("execsnoopctl --color=n", ["never"])
    expect("execsnoopctl --match=CommandL", ["CommandLine="])
    keys = re.findall(r'^ +\{ \.name = "([A-Za-z]*)",',
                      (SOURCE / "core/policy/keys.c").read_text("utf-8"), re.M)
    expect("execsnoopctl -m ", [f"{key}=" for key in keys])
    expect("execsnoopctl --file=execsnoopd.c", ["execsnoopd.conf"], cwd=SOURCE / "config")
    # An option that was given is not offered again.
    found = "".join(complete("execsnoopctl --utc --u"))
    assert "--utc" not in found and "--until" in found, found


if not shutil.which("zsh"):
    print("skipped: zsh is not here", file=sys.stderr)
    sys.exit(EXIT_SKIP)
main()
