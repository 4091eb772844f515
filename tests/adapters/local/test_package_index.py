"""The index that pip or uv would ask is the one that is asked."""

from pathlib import Path

import httpx2

from copilot_kit_local.package_index import certificates, file_url, index_urls, pip_config


def test_without_configuration_the_public_index_is_asked() -> None:
    assert index_urls({}, {}) == ("https://pypi.org/simple",)


def test_uv_comes_before_pip_and_variables_before_files() -> None:
    environment = {"PIP_INDEX_URL": "https://pip.test/simple/", "UV_DEFAULT_INDEX": "https://uv.test/simple"}
    assert index_urls(environment, {"index-url": "https://file.test"}) == ("https://uv.test/simple",)
    assert index_urls({}, {"index-url": "https://file.test"}) == ("https://file.test",)


def test_further_indexes_come_after_and_folders_are_left_out() -> None:
    config = {"extra-index-url": "file:///folder https://more.test/simple"}
    assert index_urls({"UV_INDEX": "named=https://uv.test"}, config) == (
        "https://pypi.org/simple", "https://uv.test", "https://more.test/simple",
    )  # fmt: skip


def test_pip_s_file_is_read_where_its_variable_says(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://mirror.test/simple\n")
    config = pip_config({"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")})
    assert config == {"index-url": "https://mirror.test/simple"}


def test_certificates_of_the_machine_are_used_if_they_exist(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    assert certificates({"PIP_CERT": "/nowhere.pem"}, {"cert": str(tmp_path / "ca.pem")}) == str(tmp_path / "ca.pem")


def test_an_index_that_answers_in_html_is_read_too() -> None:
    page = '<a href="../../files/a-1.whl#sha256=00" data-requires-python="&gt;=3.9">a-1.whl</a>'

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, html=page)

    with httpx2.Client(transport=httpx2.MockTransport(answer)) as client:
        found = file_url(client, "https://index.test/simple", package="a", file_name="a-1.whl")
    assert found == "https://index.test/files/a-1.whl"


def test_a_package_that_is_not_there_is_none() -> None:
    with httpx2.Client(transport=httpx2.MockTransport(lambda _: httpx2.Response(404))) as client:
        assert file_url(client, "https://index.test/simple", package="a", file_name="a-1.whl") is None
