"""A search finds what stands in the files, cites the lines exactly, and never shows the state of its index."""

import itertools
import multiprocessing
import os
import random
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copilot_kit.memory.search import Search
from copilot_kit.memory.words import words_of

DATABASE = ".copilot-kit/search.db"


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(text.encode())


def opened(root: Path) -> Search:
    """Search as if a second went by between two questions: without news from the kernel, all is looked at each time."""
    ticks = itertools.count()
    return Search(root, root / DATABASE, monotonic=lambda: float(next(ticks)))


def places(search: Search, query: str, within: str = "") -> list[str]:
    return [f"{hit.path}:{hit.first}-{hit.last}" for hit in search.search(query, within=within)]


def files(search: Search, query: str) -> list[str]:
    return [hit.path for hit in search.search(query)]


@pytest.fixture
def notes(tmp_path: Path) -> Search:
    write(tmp_path, "plans/tuesday.md", "# Tuesday\n\nCall Ada about the refund.\n\n## Later\n\nWater the plants.\n")
    write(tmp_path, "preferences.txt", "Answers are short.\nNo exclamation marks.\n")
    return opened(tmp_path)


def test_a_hit_names_the_file_and_the_lines_and_gives_them_whole(notes: Search):
    (hit,) = notes.search("refund")
    assert (hit.path, hit.first, hit.last) == ("plans/tuesday.md", 1, 3)
    assert hit.text == "# Tuesday\n\nCall Ada about the refund."
    assert hit.score > 0


def test_a_passage_of_markdown_is_what_stands_under_one_heading(notes: Search):
    assert places(notes, "plants") == ["plans/tuesday.md:5-7"]


def test_words_of_the_headings_above_find_a_passage(tmp_path: Path):
    write(tmp_path, "a.md", "# Shipping\n\n## Germany\n\nThree days.\n")
    assert places(opened(tmp_path), "shipping germany")[0] == "a.md:3-5"


def test_a_number_sign_in_code_is_no_heading(tmp_path: Path):
    write(tmp_path, "a.md", "# Setup\n\n```sh\n# install\nmake\n```\ndone\n")
    assert places(opened(tmp_path), "done") == ["a.md:1-7"]


def test_an_underlined_line_is_a_heading_and_a_rule_is_none(tmp_path: Path):
    write(tmp_path, "a.md", "Refunds\n=======\nWithin days.\n\n---\n\nReturns\n-------\nNever.\n")
    assert places(opened(tmp_path), "never") == ["a.md:7-9"]


def test_a_long_text_without_headings_is_cut_into_passages_of_at_most_twenty_lines(tmp_path: Path):
    write(tmp_path, "log.txt", "".join(f"entry number{n}\n" for n in range(100)))
    assert places(opened(tmp_path), "number57") == ["log.txt:41-60"]


def test_a_long_text_is_cut_where_a_paragraph_ends(tmp_path: Path):
    write(tmp_path, "a.txt", f"{'filler ' * 100}\nend\n\nneedle\n")
    assert places(opened(tmp_path), "needle") == ["a.txt:4-4"]


def test_the_name_of_a_file_counts_more_than_its_words(tmp_path: Path):
    write(tmp_path, "refunds.md", "Money goes back within days.\n")
    write(tmp_path, "other.md", "Something about refunds stands here too.\n")
    assert files(opened(tmp_path), "refunds") == ["refunds.md", "other.md"]


def test_among_equal_passages_the_latest_file_comes_first(tmp_path: Path):
    for name, age_s in (("a.md", 300), ("b.md", 100), ("c.md", 200)):
        write(tmp_path, name, "The same words.\n")
        os.utime(tmp_path / name, (1_700_000_000 - age_s, 1_700_000_000 - age_s))
    assert files(opened(tmp_path), "same words") == ["b.md", "c.md", "a.md"]


def test_a_passage_with_all_the_words_comes_before_one_with_some(tmp_path: Path):
    write(tmp_path, "some.md", "refund refund\n")
    write(tmp_path, "all.md", "the refund deadline\n")
    write(tmp_path, "none.md", "something else\n")
    assert files(opened(tmp_path), "refund deadline") == ["all.md", "some.md"]


def test_words_that_begin_like_the_query_are_found_after_the_words_themselves(tmp_path: Path):
    write(tmp_path, "longer.md", "refunding refunding\n")
    write(tmp_path, "exact.md", "refund\n")
    search = opened(tmp_path)
    assert files(search, "refund") == ["exact.md", "longer.md"]
    assert set(files(search, "refu")) == {"exact.md", "longer.md"}
    assert set(files(search, "re*")) == {"exact.md", "longer.md"}


def test_a_plural_finds_the_singular(tmp_path: Path):
    write(tmp_path, "a.md", "one refund\n")
    assert files(opened(tmp_path), "refunds") == ["a.md"]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Der Kunde heißt Müller.", "MULLER"),
        ("café au lait", "cafe"),
        ("cafe\u0301 au lait", "café"),
        ("東京都庁へ行く", "都庁"),
        ("東京都庁へ行く", "庁"),
        ("東京都庁へ行く", "く"),
        ("请在三天内退款", "三天内"),
        ("환불은 삼일 안에", "환불"),
        ("ภาษาไทยง่าย", "ไทย"),
        ("\uff32efund in full width", "refund"),
        ("हिन्दी में लिखा", "हिन्दी"),
        ("order_number = next_order_number()", "next_order_number"),
        ("order_number = 5", "number"),
        ("def getOrderNumber(): pass", "order"),
        ("def getOrderNumber(): pass", "getOrderNumber"),
        ("class HTTPServer: pass", "server"),
        ("mail anna.smith@example.com", "anna.smith@example.com"),
        ("version 2.14.1 is out", "2.14.1"),
        ("ship it 🚀 now", "🚀"),
        ("Straße", "strasse"),
        ("a C++ and C# shop", "c#"),
    ],
)  # fmt: skip
def test_words_are_found_in_any_script_and_spelling(tmp_path: Path, text: str, query: str):
    write(tmp_path, "a.txt", f"first\n{text}\n")
    write(tmp_path, "b.txt", "nothing of it\n")
    assert files(opened(tmp_path), query) == ["a.txt"]


@pytest.mark.parametrize(
    "query",
    ["", "   ", '"', '""', "'", "*", "**", "NEAR(", "AND", "OR NOT", "(", ")", "name:", "^", "-", "+", "{name} : x",
     "a AND (b", 'x" OR "y', "\x00", "\ud800", "\u200d", "😀😀", "\U0010ffff", "a\x00b", "%", "_", "--", ";",
     "x" * 100_000, "word " * 20_000, '"' * 5_000, "東" * 10_000, "*a*b*", '"un closed', "NEAR(a b, 2)"],
)  # fmt: skip
def test_no_query_is_an_error(notes: Search, query: str):
    assert all(hit.path for hit in notes.search(query))


def test_words_that_are_operators_elsewhere_are_words(tmp_path: Path):
    write(tmp_path, "a.md", "AND or not near\n")
    assert files(opened(tmp_path), "NOT") == ["a.md"]


@pytest.mark.parametrize("limit", [-1, 0])
def test_a_limit_of_nothing_gives_nothing(notes: Search, limit: int):
    assert notes.search("refund", limit=limit) == []


def test_words_that_stand_everywhere_are_found_too(tmp_path: Path):
    write(tmp_path, "all.md", "".join(f"# Part {n}\nthe order number{n}\n" for n in range(6_000)))
    write(tmp_path, "old/order.md", "Nothing.\n")
    search = opened(tmp_path)
    assert places(search, "the order number123")[0] == "all.md:247-248"
    assert files(search, "order")[0] == "old/order.md"
    assert len(files(search, "the order")) == 10
    assert len(files(search, "the")) == 10
    assert places(search, "order", "old") == ["old/order.md:1-1"]


def test_within_searches_one_folder_or_file_only(tmp_path: Path):
    for path in ("plans/a.md", "plans-old/a.md", "plans.md", "other/plans/b.md"):
        write(tmp_path, path, "refund\n")
    search = opened(tmp_path)
    assert places(search, "refund", "plans") == ["plans/a.md:1-1"]
    assert places(search, "refund", "/plans/") == ["plans/a.md:1-1"]
    assert places(search, "refund", "plans.md") == ["plans.md:1-1"]
    assert places(search, "refund", "nowhere") == []


def test_what_is_changed_by_hand_is_found_at_the_next_search(tmp_path: Path):
    write(tmp_path, "a.md", "apples\n")
    search = opened(tmp_path)
    assert files(search, "apples") == ["a.md"]
    write(tmp_path, "a.md", "cherries\n")
    assert (files(search, "apples"), files(search, "cherries")) == ([], ["a.md"])
    with (tmp_path / "a.md").open("a") as file:
        file.write("plums\n")
        file.flush()
        assert files(search, "plums") == ["a.md"]
    write(tmp_path, "new/folder/b.md", "pears\n")
    assert files(search, "pears") == ["new/folder/b.md"]
    write(tmp_path, "new/folder/c.md", "quinces\n")
    assert files(search, "quinces") == ["new/folder/c.md"]
    (tmp_path / "new").rename(tmp_path / "old")
    assert files(search, "pears") == ["old/folder/b.md"]
    write(tmp_path, "old/folder/b.md", "grapes\n")
    assert files(search, "grapes") == ["old/folder/b.md"]
    (tmp_path / "a.md").unlink()
    assert files(search, "plums") == []


def test_without_news_from_the_kernel_changes_are_found_all_the_same(tmp_path: Path):
    ticks = itertools.count()
    search = Search(tmp_path, tmp_path / DATABASE, watch=False, monotonic=lambda: float(next(ticks)))
    for word in ("apples", "plums!", "cherry"):  # of one length, so that only the time tells
        write(tmp_path, "a.md", word)
        assert files(search, word) == ["a.md"]
    (tmp_path / "a.md").unlink()
    assert files(search, "cherry") == []


def test_more_changes_than_the_kernel_keeps_a_list_of_are_found(tmp_path: Path):
    search = opened(tmp_path)
    search.refresh()
    with (tmp_path / "a.md").open("wb", 0) as one, (tmp_path / "b.md").open("wb", 0) as other:
        for _ in range(10_000):  # 16,384 are kept by default, and the same one again is not counted
            one.write(b"a\n")
            other.write(b"b\n")
    write(tmp_path, "last.md", "apples\n")
    assert files(search, "apples") == ["last.md"]


def test_what_was_changed_while_nobody_searched_is_found(tmp_path: Path):
    write(tmp_path, "a.md", "apples\n")
    write(tmp_path, "b.md", "pears\n")
    search = opened(tmp_path)
    search.refresh()
    search.close()
    write(tmp_path, "a.md", "plums!\n")
    (tmp_path / "b.md").unlink()
    again = opened(tmp_path)
    assert (files(again, "plums"), files(again, "apples"), files(again, "pears")) == (["a.md"], [], [])


def test_a_file_that_the_memory_says_was_written_is_found(tmp_path: Path):
    search = opened(tmp_path)
    search.refresh()
    write(tmp_path, "a.md", "apples\n")
    search.updated("a.md")
    assert files(search, "apples") == ["a.md"]


def test_nothing_outside_of_the_folder_is_read(tmp_path: Path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    write(root, "a.md", "inside\n")
    write(outside, "secret.md", "forbidden\n")
    (root / "link.md").symlink_to(outside / "secret.md")
    (root / "folder").symlink_to(outside)
    os.link(outside / "secret.md", root / "hard.md")
    os.mkfifo(root / "pipe.md")
    search = opened(root)
    assert (files(search, "forbidden"), files(search, "inside")) == ([], ["a.md"])


def test_a_file_that_becomes_a_link_is_not_followed(tmp_path: Path):
    root = tmp_path / "root"
    write(root, "a.md", "forbidden\n")
    search = opened(root)
    assert files(search, "forbidden") == ["a.md"]
    (root / "a.md").rename(tmp_path / "a.md")
    (root / "a.md").symlink_to(tmp_path / "a.md")
    assert files(search, "forbidden") == []


def test_only_names_that_a_path_of_a_model_can_reach_are_found(tmp_path: Path):
    reachable = ["a.md", "b-c_d.2.md", "two words.md", "Ünicode.md", "console.md", "com10.md", "x"]
    for name in [*reachable, "con.md", "COM1 .md", "lpt9", ".hidden.md", "-a.md", "~a.md", "a.", "what?.md", "a\nb.md"]:
        write(tmp_path, name, "apples\n")
    assert sorted(files(opened(tmp_path), "apples")) == sorted(reachable)


def test_hidden_binary_and_huge_files_are_left_out_and_the_latter_counted(tmp_path: Path):
    write(tmp_path, ".hidden.md", "apples\n")
    write(tmp_path, ".git/config", "apples\n")
    write(tmp_path, "huge.md", "apples\n" * 1_000)
    (tmp_path / "image.png").write_bytes(b"apples\0\xff")
    (tmp_path / "latin1.txt").write_bytes("apples für alle".encode("latin-1"))
    write(tmp_path, "a.md", "apples\n")
    search = Search(tmp_path, tmp_path / DATABASE, max_file_bytes=5_000)
    assert files(search, "apples") == ["a.md"]
    assert search.counts() == {"read": 1, "huge": 1, "binary": 2}


@pytest.mark.parametrize("rubbish", [b"", b"no database at all" * 1_000, b"SQLite format 3\0" + b"\xff" * 8_000])
def test_a_broken_index_is_built_anew(tmp_path: Path, rubbish: bytes):
    write(tmp_path, "a.md", "apples\n")
    write(tmp_path, DATABASE, "")
    (tmp_path / DATABASE).write_bytes(rubbish)
    assert files(opened(tmp_path), "apples") == ["a.md"]


def test_an_index_that_is_broken_or_removed_while_in_use_is_built_anew(tmp_path: Path):
    for number in range(50):
        write(tmp_path, f"{number}.md", f"apples number{number} " + "filler " * 300)
    search = opened(tmp_path)
    assert len(search.search("apples", limit=50)) == 50
    search.close()
    size = (tmp_path / DATABASE).stat().st_size
    with (tmp_path / DATABASE).open("r+b") as file:
        file.seek(4_096)
        file.write(random.Random(1).randbytes(size - 4_096))
    assert len(search.search("apples", limit=50)) == 50
    for file in (tmp_path / ".copilot-kit").iterdir():
        file.unlink()
    assert files(search, "number7") == ["7.md"]
    assert (tmp_path / DATABASE).exists()


def test_an_index_of_another_version_is_built_anew(tmp_path: Path):
    write(tmp_path, "a.md", "apples\n")
    opened(tmp_path).refresh()
    database = sqlite3.connect(tmp_path / DATABASE)
    database.execute("PRAGMA user_version = 99")
    database.close()
    assert files(opened(tmp_path), "apples") == ["a.md"]


def test_where_no_index_can_be_kept_the_search_works_without(tmp_path: Path):
    write(tmp_path, "a.md", "apples\n")
    write(tmp_path, DATABASE + "/in/the/way", "a folder where the file should be")
    assert files(opened(tmp_path), "apples") == ["a.md"]
    assert files(Search(tmp_path), "apples") == ["a.md"]


def test_after_a_rebuild_nothing_of_a_deleted_file_is_left(tmp_path: Path):
    write(tmp_path, "a.md", "confidential\n")
    write(tmp_path, "b.md", "apples\n")
    search = opened(tmp_path)
    search.refresh()
    (tmp_path / "a.md").unlink()
    search.rebuild()
    search.close()
    assert files(search, "apples") == ["b.md"]
    assert not any(b"confidential" in file.read_bytes() for file in (tmp_path / ".copilot-kit").iterdir())


def test_a_file_that_changes_a_thousand_times_leaves_nothing_behind(tmp_path: Path):
    search = opened(tmp_path)
    for number in range(200):
        write(tmp_path, "progress.md", f"# State\n\nstep{number} of many\n")
        assert places(search, f"step{number}") == ["progress.md:1-3"]
    assert files(search, "step77") == []
    database = sqlite3.connect(tmp_path / DATABASE)
    assert database.execute("SELECT count(*) FROM passages").fetchone() == (1,)
    database.execute("INSERT INTO found(found) VALUES('integrity-check')")
    database.close()


def _changes(root: str, name: str, count: int) -> None:
    search = opened(Path(root))
    for number in range(count):
        write(Path(root), f"{name}.md", f"{name} version{number}\n")
        hits = search.search(f"{name} version{number}")
        assert hits[0].text == f"{name} version{number}"


def test_several_processes_write_and_search_at_once(tmp_path: Path):
    write(tmp_path, "a.md", "apples\n")
    spawned = multiprocessing.get_context("spawn")
    workers = [spawned.Process(target=_changes, args=(str(tmp_path), name, 10)) for name in ("anna", "bert")]
    for worker in workers:
        worker.start()
    search = opened(tmp_path)
    while any(worker.is_alive() for worker in workers):
        assert files(search, "apples") == ["a.md"]
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert sorted(files(search, "version9")) == ["anna.md", "bert.md"]


def test_a_reader_does_not_wait_for_one_who_writes_the_index(tmp_path: Path):
    write(tmp_path, "a.md", "apples\n")
    search = opened(tmp_path)
    search.refresh()
    writer = sqlite3.connect(tmp_path / DATABASE, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    write(tmp_path, "b.md", "apples and pears\n")
    started = time.monotonic()
    assert files(search, "apples") == ["a.md"]
    assert time.monotonic() - started < 5
    writer.execute("ROLLBACK")
    writer.close()
    assert set(files(search, "apples")) == {"a.md", "b.md"}


def test_lines_that_are_no_longer_where_the_index_has_them_are_not_cited(tmp_path: Path):
    write(tmp_path, "a.md", "apples\n")
    write(tmp_path, "b.md", "apples\n")
    search = opened(tmp_path)
    search.refresh()
    writer = sqlite3.connect(tmp_path / DATABASE, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    write(tmp_path, "a.md", "pears\nand apples\n")
    assert places(search, "apples") == ["b.md:1-1"]
    writer.close()
    assert sorted(places(search, "apples")) == ["a.md:1-2", "b.md:1-1"]


def test_many_threads_use_one_search(tmp_path: Path):
    search = opened(tmp_path)
    faults: list[str] = []

    def work(name: str) -> None:
        for number in range(15):
            write(tmp_path, f"{name}.md", f"{name} version{number}\n")
            if files(search, f"{name}")[:1] != [f"{name}.md"]:
                faults.append(f"{name} {number}")

    threads = [threading.Thread(target=work, args=(f"thread{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def _in_child(search: Search, queue: "multiprocessing.SimpleQueue[list[str]]") -> None:
    queue.put(files(search, "apples"))


def test_a_forked_process_searches_on_its_own(tmp_path: Path):
    write(tmp_path, "a.md", "apples\n")
    search = opened(tmp_path)
    search.refresh()
    forked = multiprocessing.get_context("fork")
    queue = forked.SimpleQueue()
    write(tmp_path, "b.md", "apples and pears\n")
    child = forked.Process(target=_in_child, args=(search, queue))
    child.start()
    assert sorted(queue.get()) == ["a.md", "b.md"]
    child.join()
    write(tmp_path, "c.md", "plums\n")
    assert (files(search, "pears"), files(search, "plums")) == (["b.md"], ["c.md"])


TEXTS = st.text(
    st.one_of(
        st.sampled_from("ab_Zq# -\n\n\t\r*`=\"'"),
        st.characters(exclude_categories=("Cs",), exclude_characters="\0"),
        st.sampled_from("東京都ไทยéß한국🚀\u0301\u200b\u2028\x0b\x85"),
    ),
    max_size=300,
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.dictionaries(st.sampled_from(["a.md", "b.txt", "c/d.md"]), TEXTS, min_size=1))
def test_each_word_is_found_and_each_hit_stands_in_its_file(
    tmp_path_factory: pytest.TempPathFactory, texts: dict[str, str]
):
    root = tmp_path_factory.mktemp("memory")
    for path, text in texts.items():
        write(root, path, text)
    search = opened(root)
    for path, text in texts.items():
        for line in text.split("\n"):
            for word in [*words_of(line)[:4], *line.split()[:2]]:
                hits = search.search(word, limit=50)
                if words_of(word):
                    assert any(hit.path == path for hit in hits), (word, text)
                for hit in hits:
                    lines = texts[hit.path].split("\n")
                    assert hit.text == "\n".join(lines[hit.first - 1 : hit.last])
    search.close()
