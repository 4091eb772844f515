"""Models are opened by `provider:model` or by a slot of frontier.toml, with errors that say what would be right."""

from pathlib import Path
from types import ModuleType

import httpx2
import pytest

from copilot_kit import providers as installed
from copilot_kit import slots
from copilot_kit.errors import MissingExtra, UnknownModel, UsageError
from copilot_kit.journal.opening import default_store
from copilot_kit.journal.slots import SlotMoves
from copilot_kit.overlays import Overlay
from copilot_kit.records import Principal, SlotMoved, Stage
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
        ("[slots.default]\n", "'slots.default' is wrong: it has neither a 'model' nor 'suites'"),
        ('[slots.default]\nmodel = "acme:x"\nsettings = { effort = "huge" }\n', "'slots.default.settings.effort' is"),
        ('[slot.default]\nmodel = "acme:x"\n', "'slot' is wrong"),
        ('[slot.default]\nmodel = "acme:x"\n', "There are frontier, slots, as in [slots.default]."),
        ('[frontier]\nstor = "x"\n', "'frontier.stor' is wrong: Extra inputs are not permitted. There is store."),
        ('[slots]\ndefault = "x"\n', "'slots.default' is wrong: Input should be a table, as in { name = value }."),
        ('[slots.a]\nsuites = "s.py"\n', "'slots.a.suites' is wrong: Input should be a list, as in "),
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


@pytest.mark.parametrize("module", [slots, installed])
def test_the_module_names_no_provider_of_its_own(module: ModuleType):
    source = Path(str(module.__file__)).read_text()
    code = source.split('"""', 2)[2]
    assert not [name for name in ("openai", "anthropic", "gemini") if name in code]


FULL = """
[slots.default]
model = "acme:large"
base_url = "http://localhost:8000"
settings = { effort = "low", temperature = 0.5 }
suites = ["support.py", "suite:instructions"]
required_reliability = 0.98
margin = 0.02
budget_usd = 5
may_send_to = ["acme", "local"]
parked = "parked.jsonl"
crutches = { steps = { prompt = "Think step by step." }, calculator = { tools = ["calculate"] } }
stage = { to = "acme:next", share = 0.25 }

[slots.default.overlays."acme:next"]
prompt = "Be brief."
settings = { effort = "high" }
tools = { send = "Sends it." }
"""


def test_an_overlay_goes_with_its_model_and_with_no_other(acme: Path):
    frontier(acme, FULL)
    slot = slots.slot_of("default", acme)
    now, later = slots.place("default", slot), slots.place("default", slot, model="acme:next")
    assert (now.model, now.overlay, now.settings) == ("acme:large", None, Settings(effort="low", temperature=0.5))
    assert later.overlay == Overlay(prompt="Be brief.", tools={"send": "Sends it."})
    assert (later.settings, later.base_url) == (Settings(effort="high", temperature=0.5), "http://localhost:8000")


def test_a_server_does_not_go_with_a_model_of_another_provider(acme: Path):
    frontier(acme, FULL)
    assert slots.place("default", slots.slot_of("default", acme), model="local:x").base_url is None


def test_a_prompt_may_lie_in_a_file_beside(acme: Path):
    frontier(acme, '[slots.default]\nmodel = "acme:x"\n[slots.default.overlays."acme:x"]\nprompt_file = "x.md"\n')
    with pytest.raises(UsageError, match=r"The prompt_file '.*x\.md' cannot be read"):
        open_model("default", folder=acme)
    (acme / "x.md").write_text("In German.\n")
    assert open_model("default", folder=acme).overlay == Overlay(prompt="In German.")


def test_a_file_with_a_byte_order_mark_as_editors_on_windows_write_it_is_read(acme: Path):
    text = '\ufeff[slots.default]\r\nmodel = "acme:x"\r\noverlays = { "acme:x" = { prompt_file = "x.md" } }\r\n'
    (acme / "frontier.toml").write_bytes(text.encode())
    (acme / "x.md").write_bytes("\ufeffIn German.\r\n".encode())
    assert open_model("default", folder=acme).overlay == Overlay(prompt="In German.")


def test_a_share_of_runs_gets_the_model_that_takes_over_and_raising_it_takes_none_back(acme: Path):
    frontier(acme, FULL)
    slot = slots.slot_of("default", acme)
    runs = [f"run_{n}" for n in range(2000)]
    quarter = {run for run in runs if slot.model_of("default", run) == "acme:next"}
    assert 430 < len(quarter) < 570
    half = slot.model_copy(update={"stage": Stage(to="acme:next", share=0.5)})
    assert quarter < {run for run in runs if half.model_of("default", run) == "acme:next"}
    assert slot.model_of("default", "") == "acme:large"


def test_a_vendor_that_is_not_on_the_list_gets_no_data(acme: Path):
    frontier(acme, FULL)
    slot = slots.slot_of("default", acme)
    assert [slot.allows(one) for one in ("acme:x", "local:y", "lame:z")] == [True, True, False]
    assert slots.Slot(model="acme:x").allows("lame:z")
    with pytest.raises(
        UsageError, match="Data of slot 'default' may not go to 'lame': its may_send_to has acme, local"
    ):
        slots.place("default", slot, model="lame:z")
    frontier(acme, '[slots.default]\nmodel = "acme:x"\nmay_send_to = []\n')
    with pytest.raises(UsageError, match="Data of slot 'default' may not go to 'acme': its may_send_to has none"):
        open_model("default", folder=acme)


def test_a_slot_that_waits_for_its_first_model_says_how_to_find_one(acme: Path):
    frontier(acme, '[slots.new]\nsuites = ["a.py"]\n')
    with pytest.raises(UnknownModel, match=r"Slot 'new' has no model yet\. .* copilot-kit snap new --to provider:name"):
        open_model("new", folder=acme)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("required_reliability = 1", "'slots.default.required_reliability' is wrong: Input should be less than 1"),
        ("stage = { to = 'a:b', share = 1.0 }", "'slots.default.stage.share' is wrong"),
        ("overlays = { 'a:b' = { prompt = 'x', prompt_file = 'y' } }", "give 'prompt' or 'prompt_file', not both"),
        (
            "overlays = { 'a:b' = { promt = 'x' } }",
            "There are prompt, prompt_file, replaces, settings, tools, hides, tries, base_url.",
        ),
        ("may_send_to = 'acme'", "'slots.default.may_send_to' is wrong"),
    ],
)
def test_a_field_that_is_wrong_is_told_with_those_that_there_are(tmp_path: Path, text: str, complaint: str):
    path = frontier(tmp_path, f'[slots.default]\nmodel = "acme:x"\n{text}\n')
    with pytest.raises(UsageError) as wrong:
        read_frontier(path)
    assert complaint in str(wrong.value)


async def test_a_journal_that_the_file_names_says_which_model_a_slot_has(acme: Path):
    url = f"sqlite:///{acme}/journal.db"
    frontier(acme, f'[frontier]\nstore = "{url}"\n[slots.default]\nmodel = "acme:large"\n')
    assert open_model("default", folder=acme).model.id == "acme:large@None"
    moves, store = SlotMoves(), default_store(url)
    await moves.catch_up(store)
    move = SlotMoved(slot="default", model="acme:next", overlays={"acme:next": {"prompt": "Hi."}}, by=Principal(id="a"))
    assert await moves.append(store, move)
    opened = open_model("default", folder=acme)
    assert (opened.model.id, opened.overlay) == ("acme:next@None", Overlay(prompt="Hi."))
    late = SlotMoves()
    assert not await late.append(store, move)  # it has not read what came before
    await store.close()
