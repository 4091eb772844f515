"""The package index that this machine's pip or uv would use, asked for one file."""

import configparser
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

PUBLIC_INDEX = "https://pypi.org/simple"
_ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.2"
_INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
_EXTRA_VARIABLES = ("UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL")
_CERTIFICATE_VARIABLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_ANCHOR = re.compile(r"""<a\b[^>]*\bhref\s*=\s*["']([^"'#]+)[^"']*["'][^>]*>\s*([^<\s]+)\s*</a>""", re.IGNORECASE)


def index_urls(environment: Mapping[str, str], config: Mapping[str, str]) -> tuple[str, ...]:
    """Return the indexes to ask, in order, without repetition: uv's and pip's variables, then pip's files.

    Folders (`file:`) are left out: what they serve, pip can install.
    """
    chosen = [environment[name] for name in _INDEX_VARIABLES if environment.get(name)]
    main = chosen[:1] or [config.get("index-url", PUBLIC_INDEX)]
    extra = " ".join([*(environment.get(name, "") for name in _EXTRA_VARIABLES), config.get("extra-index-url", "")])
    urls = [url.rpartition("=")[2] if not url.startswith("http") else url for url in (*main, *extra.split())]
    return tuple(dict.fromkeys(url.rstrip("/") for url in urls if url.startswith(("http://", "https://"))))


def pip_config(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the `[global]` settings of pip's configuration files, the most specific one winning."""
    home = Path(environment.get("HOME") or Path.home())
    xdg = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    files = [
        Path("/etc/pip.conf"),
        home / "Library/Application Support/pip/pip.conf",
        home / ".pip/pip.conf",
        xdg / "pip/pip.conf",
        Path(sys.prefix) / "pip.conf",
    ]
    if named := environment.get("PIP_CONFIG_FILE"):
        files = [Path(named)] if named != os.devnull else []
    parser = configparser.RawConfigParser()
    try:
        parser.read(files, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return {}  # pip itself will say what is wrong with its file
    return dict(parser["global"]) if parser.has_section("global") else {}


def certificates(environment: Mapping[str, str], config: Mapping[str, str]) -> str | None:
    """Return the file of certificate authorities that this machine is set up to trust, None for the usual ones."""
    named = [environment[name] for name in _CERTIFICATE_VARIABLES if environment.get(name)]
    return next((path for path in (*named, config.get("cert", "")) if path and Path(path).is_file()), None)


def file_url(client: Any, index: str, *, package: str, file_name: str) -> str | None:
    """Return where the index has this file, None if it has not. `client` is an `httpx2.Client`."""
    response = client.get(f"{index}/{package}/", headers={"Accept": _ACCEPT}, follow_redirects=True)
    if response.status_code != 200:  # noqa: PLR2004  found, or ask the next index
        return None
    page = str(response.url)
    if "json" in response.headers.get("content-type", ""):
        listed = {entry["filename"]: entry["url"] for entry in response.json().get("files", ())}
    else:
        listed = {name: link for link, name in _ANCHOR.findall(response.text)}
    found = listed.get(file_name)
    return None if found is None else urljoin(page, found)
