"""What a fresh clone needs, and what it says where that is missing."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

from config.env import BASE_DIR

LOCK = (BASE_DIR / "requirements.lock").read_text()


def test_without_a_python_new_enough_one_sentence_says_so(tmp_path: Path) -> None:
    for tool in ("make", "sh"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")  # as a Python 3.9 answers the question for 3.11
    old.chmod(0o755)
    refused = subprocess.run(
        ["make", "install"],
        cwd=BASE_DIR,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert refused.stderr.startswith("Python 3.11 or newer is needed: install it, or name it: make PYTHON=")


def test_the_lock_names_no_address_and_hashes_everything() -> None:
    assert "://" not in LOCK
    assert "--index" not in LOCK.partition("\n\n")[2]
    assert "find-links" not in re.sub(r"^#.*$", "", LOCK, flags=re.MULTILINE)
    packages = re.findall(r"^([a-z0-9-]+)==\S+(?: ; [^\\\n]+)? \\\n    --hash=sha256:", LOCK, re.MULTILINE)
    assert len(packages) == len(re.findall(r"^[a-z0-9-]+==", LOCK, re.MULTILINE)) > 50


def test_every_dependency_is_locked_and_says_why_it_is_here() -> None:
    text = (BASE_DIR / "pyproject.toml").read_text()
    project = tomllib.loads(text)
    named = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    for dependency in named:
        name = re.split(r"[\[<>=~!; ]", dependency)[0]
        assert re.search(rf"^{re.escape(name)}==", LOCK, re.MULTILINE), f"{name} is not locked"
        assert re.search(rf'^ *"{re.escape(dependency)}", +# \S+', text, re.MULTILINE), f"{name}: why?"


def test_make_lists_what_it_can_do() -> None:
    listed = subprocess.run(["make"], cwd=BASE_DIR, capture_output=True, text=True, check=True).stdout
    for target in ("install", "up", "test", "lint", "bench", "faults"):
        assert re.search(rf"^  make {target} +\w", listed, re.MULTILINE), target
