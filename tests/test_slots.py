"""Models are opened by `provider:model` or by a slot of frontier.toml, with errors that say what would be right."""

from pathlib import Path

import httpx2
import pytest

from copilot_kit import slots
from copilot_kit.errors import MissingExtra, UnknownModel, UsageError
from copilot_kit.request import Settings
from copilot_kit.slots import find_frontier, open_model, providers, read_frontier

ADAPTER = """
from copilot_kit.testing import ScriptedModel, say

def open_model(provider, model, *, base_url=None, api_key=None, http_client=None):
    given = f" {api_key} {http_client}" if api_key else ""
    return ScriptedModel([say("hello")], id=f"{provider}:{model}@{base_url}{given}")
"""


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A third party's adapter, installed: a module and its entry points."""
    site = tmp_path / "site"
    (site / "acme-1.0.dist-info").mkdir(parents=True)
    (site / "acme-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (site / "acme-1.0.dist-info" / "entry_points.txt").write_text(
        "[copilot_kit.models]\nacme = acme_adapter:open_model\nlame = acme_not_there:open_model\n"
    )
    (site / "acme_adapter.py").write_text(ADAPTER)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delenv("COPILOT_KIT_FRONTIER", raising=False)
    return tmp_path


def frontier(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "frontier.toml").write_text(text)
    return folder / "frontier.toml"


def test_a_third_partys_provider_opens_any_model_name(acme: Path):
    opened = open_model("acme:model-of-2031:tuned")
    assert opened.model.id == "acme:model-of-2031:tuned@None"
    assert opened.slot is None
    assert opened.settings == Settings()


def test_a_bare_word_is_a_slot_with_its_server_and_settings(acme: Path):
    frontier(
        acme,
        '[slots.default]\nmodel = "acme:large"\nbase_url = "http://localhost:8000"\n'
        'settings = { effort = "low", max_output_tokens = 200 }\n',
    )
    opened = open_model("default", folder=acme)
    assert opened.model.id == "acme:large@http://localhost:8000"
    assert opened.slot == "default"
    assert opened.settings == Settings(effort="low", max_output_tokens=200)


@pytest.mark.parametrize("name", ["acme:large", "default"])
def test_a_key_and_a_client_of_the_callers_own_reach_the_adapter(acme: Path, name: str):
    frontier(acme, '[slots.default]\nmodel = "acme:large"\n')
    client = httpx2.AsyncClient()
    opened = open_model(name, folder=acme, api_key="mine", http_client=client)
    assert opened.model.id == f"acme:large@None mine {client}"


def test_a_missing_key_says_what_open_model_takes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    with pytest.raises(UsageError) as missing:
        open_model("groq:m")
    assert str(missing.value) == "No key for 'groq': set the environment variable GROQ_API_KEY, or pass api_key."
    assert open_model("groq:m", api_key="mine").model.id == "groq:m"


def test_the_file_is_found_from_a_folder_below(acme: Path):
    path = frontier(acme, "")
    (acme / "a" / "b").mkdir(parents=True)
    assert find_frontier(acme / "a" / "b") == path


def test_the_environment_may_name_the_file(acme: Path, monkeypatch: pytest.MonkeyPatch):
    path = frontier(acme / "elsewhere", '[slots.small]\nmodel = "acme:small"\n')
    monkeypatch.setenv("COPILOT_KIT_FRONTIER", str(path))
    assert open_model("small").slot == "small"


def test_a_file_that_the_environment_names_and_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COPILOT_KIT_FRONTIER", "/no/such/frontier.toml")
    with pytest.raises(UsageError, match=r"COPILOT_KIT_FRONTIER names '/no/such/frontier\.toml', which is no file"):
        find_frontier()


def test_an_unknown_provider_is_told_with_the_installed_ones(acme: Path):
    with pytest.raises(UnknownModel) as unknown:
        open_model("gemini:pro")
    assert str(unknown.value) == (
        "Cannot open model 'gemini:pro': 'gemini' is not an installed provider. Write it as 'provider:name', with one "
        "of the installed providers "
        f"(anthropic, local, openai and {len(providers()) - 3} more: copilot-kit models list)."
    )
    assert "acme" in providers()


def test_a_provider_that_is_misspelt_is_told_with_those_spelt_alike():
    with pytest.raises(
        UnknownModel, match=r"one of the installed providers \(anthropic and \d+ more: copilot-kit models"
    ):
        open_model("antropic:claude")


def test_an_unknown_slot_is_told_with_the_slots_there_are(acme: Path):
    path = frontier(acme, '[slots.small]\nmodel = "acme:small"\n[slots.large]\nmodel = "acme:large"\n')
    with pytest.raises(UnknownModel) as unknown:
        open_model("gemini", folder=acme)
    assert str(unknown.value).startswith("Cannot open model 'gemini': write it as 'provider:name', with one of the ")
    assert str(unknown.value).endswith(f"or with a slot of {path} (small, large).")


def test_a_bare_word_without_a_file_says_how_to_make_one(acme: Path):
    with pytest.raises(UnknownModel, match=r"make a frontier.toml with a \[slots.default\] that names a model"):
        open_model("default", folder=acme)


def test_a_file_of_weights_is_told_its_provider():
    with pytest.raises(UnknownModel, match=r"opened as 'local:model\.gguf'"):
        open_model("model.gguf")


def test_a_provider_without_a_model_name_is_told_so(acme: Path):
    with pytest.raises(UnknownModel, match="after the colon comes the model's name at acme"):
        open_model("acme:")


def test_a_provider_whose_packages_are_missing_names_the_extra(acme: Path):
    with pytest.raises(MissingExtra, match=r"pip install 'copilot-kit\[lame\]'"):
        open_model("lame:model")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[slots.default\n", "is not TOML"),
        ('[slots.default]\nmodel = "acme:x"\nurl = "y"\n', "'slots.default.url' is wrong: Extra inputs"),
        ("[slots.default]\n", "'slots.default.model' is wrong: Field required"),
        ('[slots.default]\nmodel = "acme:x"\nsettings = { effort = "huge" }\n', "'slots.default.settings.effort' is"),
        ('[slot.default]\nmodel = "acme:x"\n', "'slot' is wrong"),
    ],
)
def test_a_file_that_is_wrong_is_told_with_file_and_place(tmp_path: Path, text: str, complaint: str):
    path = frontier(tmp_path, text)
    with pytest.raises(UsageError) as wrong:
        read_frontier(path)
    assert str(path) in str(wrong.value)
    assert complaint in str(wrong.value)
    assert "\n" not in str(wrong.value)


def test_a_slot_that_names_a_slot_is_refused(acme: Path):
    frontier(acme, '[slots.a]\nmodel = "b"\n')
    with pytest.raises(UsageError, match=r"Slot 'a' of .* names the model 'b': write it as 'provider:name'"):
        open_model("a", folder=acme)


def test_the_module_names_no_provider_of_its_own():
    source = Path(slots.__file__).read_text()
    code = source.split('"""', 2)[2]
    assert not [name for name in ("openai", "anthropic", "gemini") if name in code]
