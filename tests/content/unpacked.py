# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Debian packages without installing them: one that would remove another from this machine."""
import pathlib
import shutil
import subprocess


def installed(package):
    return subprocess.run(["dpkg-query", "--show", package], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False).returncode == 0


def missing_parts(package):
    """It, and the libraries that it depends on and that are not here."""
    shown = subprocess.run(["apt-cache", "depends", "--important", package], check=True, text=True,
                           stdout=subprocess.PIPE).stdout
    names = [line.split()[-1] for line in shown.splitlines() if line.strip().startswith("Depends:")]
    return [package] + [name for name in names if name.startswith("lib") and not installed(name)]


def unpack(package, folder):
    """Returns the root that it is in, or None: it can't be had. The folder keeps it."""
    folder = pathlib.Path(folder)
    root = folder / package
    if root.exists():
        return root
    if not shutil.which("apt-get"):
        return None
    downloads, unfinished = folder / f"{package}.debs", folder / f"{package}.new"
    for path in (downloads, unfinished):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
    done = subprocess.run(["apt-get", "download", "-q", *missing_parts(package)], cwd=downloads,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        print(done.stdout)
        return None
    for deb in downloads.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", deb, unfinished], check=True)
    unfinished.rename(root)
    return root
