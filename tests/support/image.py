"""The container image, built and run without a container engine and without a registry of images.

Debian's buildah builds it, upon a base that debootstrap makes from the mirror that apt is configured with; what pip
installs is fetched beforehand from the index that pip is configured with. A container is the image's files in a mount
namespace: what is mounted there is gone with the last process in it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from platform import freedesktop_os_release
from typing import Any

from tests.support.processes import require_program

ROOT = Path(__file__).parents[2]
BASE = "localhost/base"
STORAGE = ("--storage-driver", "vfs")
WHEELS = "/wheels"
PIP_CONF = f"[global]\nno-index = true\nfind-links = {WHEELS}\n"
ALL_WHEELS = ("--quiet", "--only-binary", ":all:", "--require-hashes")

# What is required is unpacked already; links to folders, such as /lib, stay.
UNPACK = """\
set -e
cd "$1"
for name in $(cat debootstrap/base); do
  dpkg-deb --fsys-tarfile "var/cache/apt/archives/$name"_*.deb | tar --extract --keep-directory-symlink
done
rm -r debootstrap var/cache/apt/archives usr/share/doc usr/share/locale usr/share/man
"""

# A root file system that is read-only but for the state, and none of root's powers left: what runtimes make of
# `--read-only --cap-drop ALL --security-opt no-new-privileges`.
ENTER = """\
set -e
mount --bind "$1" "$1"
mount --bind "$2" "$1/etc/mailsonar"
mount -o remount,bind,ro "$1/etc/mailsonar"
mount --bind "$3" "$1/var/lib/mailsonar"
mount --bind /dev "$1/dev"
mount -t proc proc "$1/proc"
mount -o remount,bind,ro "$1"
root=$1 user=$4 group=$5
shift 5
exec chroot "$root" setpriv --reuid "$user" --regid "$group" --clear-groups --no-new-privs \
  --bounding-set=-all --inh-caps=-all -- env -i "$@"
"""


class ImageError(Exception):
    """A program failed that makes the image; the message carries the end of what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """The finished image: its files below `root`, those of its base below `base`, and what runtimes are told of it."""

    root: Path
    base: Path
    config: dict[str, Any]

    def program(self, config: Path, state: Path) -> tuple[str, ...]:
        """Return the command that runs the image's entrypoint in a container, with the same process id.

        Args:
            config: the folder that is /etc/mailsonar.
            state: the folder that is /var/lib/mailsonar.
        """
        user, group = self.config["User"].split(":")
        unshare = (require_program("unshare", "util-linux"), "--mount", "sh", "-c", ENTER, "sh")
        return (*unshare, str(self.root), str(config), str(state), user, group,
                *self.config["Env"], *self.config["Entrypoint"])  # fmt: skip

    def added(self) -> Iterator[Path]:
        """Yield the files that the base does not have, or has otherwise."""
        for file in files_of(self.root):
            below = self.base / file.relative_to(self.root)
            if not os.path.lexists(below) or _looks(file) != _looks(below):
                yield file


@contextmanager
def built_image(revision: str) -> Iterator[Image]:
    """Provide the image of this checkout; nothing of it is left at the end.

    Raises:
        ProgramMissing: buildah or debootstrap is not installed.
        ImageError: something could not be made.
    """
    with tempfile.TemporaryDirectory(prefix="ms-image-") as name:
        folder = Path(name).resolve()
        buildah = _Buildah(folder)
        base = _make_base(buildah)
        _fetch_wheels(folder / "wheels")
        (folder / "pip.conf").write_text(PIP_CONF)
        buildah.run(
            "build", "--pull-never", "--isolation", "chroot", "--build-arg", f"BASE={BASE}",
            "--build-arg", f"REVISION={revision}", "--secret", f"id=pip.conf,src={folder / 'pip.conf'}",
            "--volume", f"{folder / 'wheels'}:{WHEELS}:ro", "--tag", "mailsonar", str(ROOT),
        )  # fmt: skip
        root = buildah.files_of_new("localhost/mailsonar")
        told = json.loads(buildah.run("inspect", "--type", "image", "localhost/mailsonar"))
        yield Image(root=root, base=base, config=told["OCIv1"]["config"])


def files_of(root: Path) -> Iterator[Path]:
    """Yield all that is not a folder, links as they are."""
    for folder, _, names in os.walk(root):
        yield from (Path(folder, name) for name in names)


class _Buildah:
    """Debian's buildah with a storage of its own."""

    def __init__(self, folder: Path) -> None:
        self._program = require_program("buildah", "buildah")
        self._storage = ("--root", str(folder / "storage"), "--runroot", str(folder / "run"), *STORAGE)
        self._environment = {**os.environ, "TMPDIR": str(folder)}

    def run(self, *arguments: str) -> str:
        """Run a command to its end; return what it printed."""
        return _run([self._program, *self._storage, *arguments], self._environment).strip()

    def files_of_new(self, image: str, name: str = "") -> Path:
        """Make a container of an image; return where its files are."""
        container = self.run("from", "--pull-never", *(("--name", name) if name else ()), image)
        return Path(self.run("mount", container))


def _make_base(buildah: _Buildah) -> Path:
    """Make a small Debian with Python and its venv; return where its files are.

    It is unpacked only, in the folder of the container: to configure packages and to copy them takes minutes. So its
    library has no bytecode, as that of Python's own slim image has none.
    """
    base = buildah.files_of_new("scratch", "base")
    release = freedesktop_os_release()["VERSION_CODENAME"]
    debootstrap = (require_program("debootstrap", "debootstrap"), "--foreign", "--variant=minbase")
    unshare = (require_program("unshare", "util-linux"), "--mount")
    _run([*unshare, *debootstrap, "--include=python3-venv", release, str(base), _mirror(release)])
    _run(["sh", "-c", UNPACK, "sh", str(base)])
    if (base / "proc").is_symlink():  # so debootstrap leaves it where it runs in a container itself
        (base / "proc").unlink()
        (base / "proc").mkdir()
    buildah.run("commit", "base", BASE)
    return base


def _mirror(release: str) -> str:
    """Return where apt gets a release's packages from."""
    wanted = "$(REPO_URI) $(CODENAME) $(COMPONENT)"
    lines = _run(["apt-get", "indextargets", "--format", wanted, "Created-By: Packages"]).splitlines()
    for uri, *rest in map(str.split, lines):
        if rest == [release, "main"]:
            return uri
    raise ImageError(f"apt knows no mirror of {release}")


def _fetch_wheels(folder: Path) -> None:
    """Fetch what the image installs, and what builds our wheel, for the Python of this Debian."""
    python = _run(["/usr/bin/python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]).strip()
    pip = (sys.executable, "-m", "pip", "download", *ALL_WHEELS, "--python-version", python, "--dest", str(folder))
    requirements = (f"{ROOT}/requirements/{name}.txt" for name in ("run", "build"))
    _run([*pip, *(word for file in requirements for word in ("--requirement", file))])


def _run(command: Sequence[str], environment: dict[str, str] | None = None) -> str:
    """Run a program to its end; return what it printed."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd="/")
    if done.returncode:
        said = f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        raise ImageError(f"{' '.join(command)} ended with {done.returncode}\n{said}")
    return done.stdout


def _looks(file: Path) -> tuple[int, int, int]:
    """Return what tells a file from another of its name."""
    status = file.lstat()
    return status.st_mode, status.st_size, int(status.st_mtime)
