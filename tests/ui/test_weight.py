"""A cold page is light: few requests, few bytes, all from here."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles.finders import find
from django.core.files.storage import FileSystemStorage
from django.test import override_settings

from config.static import CompressedStorage
from funnel.models import User
from tests.factories import lead
from tests.kpi import ledgers

STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "config.static.CompressedStorage"}}
MOST_REQUESTS = 8
MOST_BYTES = 60 * 1024


@pytest.mark.django_db
def test_a_cold_page_is_light(client, tmp_path):
    client.force_login(User.objects.create_user("ann", role="administrator"))
    ledgers.write(*ledgers.golden())
    for number in range(60):
        lead(company=f"Evergreen Travel {number}")
    with override_settings(STATIC_ROOT=tmp_path, STORAGES=STORAGES):
        _collect(tmp_path)
        for url in (
            "/components/",
            "/journeys/",
            "/pipeline/",
            "/inbox/",
            "/my-day/",
            "/contacts/",
            "/dashboard/?month=2026-03",
            "/dashboard/marketing/?month=2026-03",
        ):
            _assert_light(client.get(url, headers={"Accept-Encoding": "gzip"}), tmp_path)


def _assert_light(answer, folder: Path) -> None:
    assert answer["Content-Encoding"] == "gzip"
    page = gzip.decompress(answer.content)
    links = set(re.findall(r'(?:href|src)="/static/([^"]+)"', page.decode()))
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page.decode())
    sizes = {name: _sent(folder / name) for name in links}
    sizes["page"] = len(answer.content)
    assert len(sizes) <= MOST_REQUESTS, sizes
    assert sum(sizes.values()) <= MOST_BYTES, sizes
    style = next(name for name in links if name.endswith(".css"))
    assert "@import" not in (folder / style).read_text(), "a chain of requests the page would wait for"


def _collect(target: Path) -> None:
    """Do what collectstatic does, for the project's own files and htmx: compressing all of them takes a minute."""
    own = Path(settings.BASE_DIR) / "static"
    names = [path.relative_to(own).as_posix() for path in own.rglob("*.*")]
    names.append("django_htmx/htmx-2.min.js")
    paths = {}
    for name in names:
        source = Path(find(name))
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(source.read_bytes())
        paths[name] = (FileSystemStorage(source.parents[name.count("/")]), name)
    assert list(CompressedStorage(location=target).post_process(paths))


def _sent(path: Path) -> int:
    compressed = path.with_name(path.name + ".br")
    return (compressed if compressed.exists() else path).stat().st_size
