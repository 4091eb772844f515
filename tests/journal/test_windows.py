"""How long the next request will be: guessed by length, corrected by what the provider counted."""

from copilot_kit.journal.windows import Sent
from copilot_kit.messages import Message, Text
from copilot_kit.records import WindowClosed
from copilot_kit.response import Response, Served, Stop, Usage


def message(message_id, tokens, role="user"):
    return Message(id=message_id, role=role, parts=(Text(text="x" * round((tokens - 4) * 3.5)),))


def answered(sent, message_id, *, read, written=50):
    answer = message(message_id, 50, "assistant")
    sent.add(answer)
    response = Response(message=answer, model=Served(asked="m", provider="p"), stop=Stop(kind="end"),
                        usage=Usage(input=read, output=written))  # fmt: skip
    sent.counted(response)


def close(sent, tokens):
    sent.close(WindowClosed(opening=message("opening", tokens), notes="written", tokens_before=0, tokens_after=0))


def grown(*, beside, ratio):
    """Return a window of 1,100 tokens by their length, whose provider counts them, and its tools, otherwise."""
    sent = Sent()
    sent.add(message("one", 500))
    answered(sent, "two", read=round(500 * ratio + beside), written=round(50 * ratio))
    sent.add(message("three", 500))
    answered(sent, "four", read=round(1_050 * ratio + beside), written=round(50 * ratio))
    return sent


def test_tools_are_told_from_tokens_that_are_longer_or_shorter_than_guessed():
    for ratio, tokens in ((0.8, 800), (1.0, 1_000), (1.4, 1_400)):
        sent = grown(beside=900, ratio=ratio)
        assert (round(sent.ratio, 2), round(sent.beside)) == (ratio, 900)
        close(sent, 1_000)
        assert sent.tokens == tokens + 900


def test_what_is_said_since_the_last_answer_is_not_counted_as_if_it_brought_tools_with_it():
    sent = grown(beside=3_000, ratio=1.0)
    sent.add(message("five", 1_000))
    assert sent.tokens == 3_000 + 1_100 + 1_000


def test_one_answer_tells_what_goes_with_the_messages():
    sent = Sent()
    sent.add(message("one", 500))
    answered(sent, "two", read=1_700)
    sent.add(message("three", 500))
    assert sent.tokens == 1_700 + 50 + 500
    close(sent, 500)
    assert sent.tokens == 1_700


def test_a_provider_that_counts_fewer_tokens_than_guessed_at_once_is_believed():
    sent = Sent()
    sent.add(message("one", 1_000))
    answered(sent, "two", read=700)
    close(sent, 1_000)
    assert sent.tokens == 700


def test_a_window_that_shrinks_or_answers_that_tell_nothing_change_no_ratio():
    sent = grown(beside=900, ratio=1.4)
    close(sent, 300)
    answered(sent, "five", read=round(300 * 1.4 + 900), written=70)
    assert round(sent.ratio, 2) == 1.4
    sent.add(message("six", 100))
    assert sent.tokens == 1_320 + 70 + 140
