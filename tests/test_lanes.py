"""Many requests are spread over several clients, which a loop shares and closes."""

import asyncio
from contextlib import ExitStack

from copilot_kit.lanes import MOST_LANES, REQUESTS_PER_LANE, Lanes, tls


class Client:
    def __init__(self) -> None:
        self.closed = False

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.closed = True


async def test_requests_one_after_the_other_share_one_client():
    lanes: Lanes[str, Client] = Lanes(Client.close)
    used = set()
    for _ in range(REQUESTS_PER_LANE * 3):
        with lanes.client("a", Client) as client:
            used.add(client)
    assert len(used) == 1


async def test_requests_at_once_are_spread_and_the_first_client_with_room_comes_first():
    lanes: Lanes[str, Client] = Lanes(Client.close)
    with ExitStack() as first, ExitStack() as others:
        many = [first.enter_context(lanes.client("a", Client)) for _ in range(REQUESTS_PER_LANE)]
        more = [others.enter_context(lanes.client("a", Client)) for _ in range(REQUESTS_PER_LANE)]
        assert set(many) == {many[0]}
        assert set(more) == {more[0]}
        assert many[0] is not more[0]
        first.close()
        assert others.enter_context(lanes.client("a", Client)) is many[0]


async def test_no_more_clients_are_opened_than_the_limit_and_the_least_busy_gets_the_rest():
    lanes: Lanes[str, Client] = Lanes(Client.close)
    with ExitStack() as way:
        used = [way.enter_context(lanes.client("a", Client)) for _ in range((REQUESTS_PER_LANE + 1) * MOST_LANES)]
        assert len(set(used)) == MOST_LANES
        assert {used.count(client) for client in used} == {REQUESTS_PER_LANE + 1}


def test_all_clients_of_all_addresses_are_closed_with_their_loop():
    lanes: Lanes[str, Client] = Lanes(Client.close)

    async def use() -> list[Client]:
        with ExitStack() as way:
            keys = ["a"] * (REQUESTS_PER_LANE + 1) + ["b"]
            return [way.enter_context(lanes.client(key, Client)) for key in keys]

    used = asyncio.run(use())
    assert len(set(used)) == 3
    assert all(client.closed for client in used)
    assert not set(used) & set(asyncio.run(use()))


def test_the_tls_context_is_built_once_and_checks_certificates():
    assert tls() is tls()
    assert tls().check_hostname
