"""Whatever anybody wrote: the page shows it as text, with nothing hidden and nothing that could act."""

import html
import json
import re
from html.parser import HTMLParser

import pytest

from copilot_kit import Agent, tool
from copilot_kit.display import recovered, visible
from copilot_kit.inbox.forms import fields_of
from copilot_kit.inbox.marking import marked
from copilot_kit.testing import ScriptedModel, call

_RAW = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff]"
)

# fmt: off
TAGS = frozenset({
    "html", "head", "meta", "title", "link", "script", "body", "a", "header", "nav", "div", "span", "form", "input",
    "button", "main", "h1", "h2", "h3", "label", "select", "option", "section", "ul", "li", "ol", "time", "dl", "dt",
    "dd", "p", "mark", "details", "summary", "textarea", "blockquote", "pre", "article", "footer", "kbd", "strong",
    "table", "thead", "tbody", "tr", "th", "td", "aside",
})
ATTRIBUTES = frozenset({
    "lang", "charset", "name", "content", "rel", "href", "type", "class", "src", "defer", "id", "title", "method",
    "action", "role", "value", "tabindex", "for", "datetime", "disabled", "hidden", "open", "autocomplete", "inputmode",
    "rows", "required", "spellcheck", "selected", "checked", "start", "scope", "min", "max", "autofocus", "placeholder",
})
# fmt: on


def texts(shared, name):
    lines = (shared / "data" / "badinput" / name).read_text().splitlines()
    return [json.loads(line)["text"] for line in lines]


async def pages_about(office, anna, text, *more):  # noqa: ANN002
    """Return each page that shows this text: as task, argument, name of an argument, model's note, result, reason."""

    @tool(effect="external")
    def send(to: str, extra: dict[str, str]) -> str:
        return text

    model = ScriptedModel([text, call("send", {"to": text, "extra": {one: one for one in (text, *more)}})], "Done.")
    agent = Agent(model, tools=[send], name="bad", store=office.store)
    run = await agent.run(text, run_id="run_1")
    card = f"/cards/run_1/{run.proposals[0].id}"
    form = await anna.form(card, "/decide", nth=1)
    before = [(await anna.get(path)).text for path in ("/", card, f"{card}?open=*", f"{card}/rule", "/runs/run_1")]
    await anna.post(f"{card}/decide", form | {"text": text})
    await agent.resume("run_1")
    return before + [(await anna.get(path)).text for path in (card, "/runs", "/runs/run_1", "/audit")]


class Tags(HTMLParser):
    """Every tag of a page must be one that the templates write."""

    def handle_starttag(self, tag, attrs):
        assert tag in TAGS, tag
        for name, value in attrs:
            assert name in ATTRIBUTES or name.startswith(("data-", "aria-")), (tag, name)
            assert name not in {"href", "action"} or re.match(r"[/?#](?!/)", value), (tag, name, value)
            assert name != "src" or value == "/static/inbox.js"


def check(page):
    assert _RAW.search(page) is None
    tags = Tags(convert_charrefs=True)
    tags.feed(page)
    tags.close()


def whole(text):
    try:
        text.encode()
    except UnicodeEncodeError:
        return False  # half a character never gets as far as a proposal
    return True


@pytest.mark.parametrize(("name", "at_once"), [("display.jsonl", 4), ("naughty_strings.jsonl", 40)])
async def test_nothing_raw_reaches_a_page(shared, office, seat, name, at_once):
    found = list(filter(whole, texts(shared, name)))
    for first in range(0, len(found), at_once):
        office.store = type(office.store)()
        for page in await pages_about(office, seat(), *found[first : first + at_once]):
            check(page)


async def test_the_whole_value_can_be_read_back_from_the_card(shared, office, seat):
    for text in filter(whole, texts(shared, "display.jsonl")):
        office.store = type(office.store)()
        _, run = await office.waiting(call("send", {"to": text or "x"}))
        page = (await seat().get(f"/cards/run_1/{run.proposals[0].id}?open=*")).text
        value = re.search(r'data-at="/to".*?<dd>(.*?)</dd>', page, re.DOTALL)[1]
        lines = re.findall(r'<span class="line">(.*?)</span>\n', value, re.DOTALL)
        plain = [html.unescape(re.sub(r"</?mark[^>]*>", "", line)) for line in lines]
        assert "\n".join(map(recovered, plain)) == (text or "x")


def test_a_marked_text_is_the_visible_one():
    assert str(marked("a\u202eb<i>")) == 'a<mark class="odd" title="right-to-left override">⟦U+202E⟧</mark>b&lt;i&gt;'


def test_what_a_person_cannot_see_is_edited_as_its_code_point():
    (field,) = fields_of({"to": "e\u200bve"})
    assert (field.kind, field.value) == ("json", '"e\\u200bve"')
    assert visible(field.value) == field.value
