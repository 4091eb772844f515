"""Clients of a loop are shared in it and closed with it."""

import asyncio

from copilot_kit.loops import PerLoop


class Client:
    def __init__(self) -> None:
        self.closed = False

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.closed = True


def test_a_loop_shares_one_client_a_key_and_closes_it_at_its_end():
    clients: PerLoop[str, Client] = PerLoop(Client.close)

    async def use() -> tuple[Client, Client, Client]:
        return clients.get("a", Client), clients.get("a", Client), clients.get("b", Client)

    first, again, other = asyncio.run(use())
    assert first is again
    assert first is not other
    assert first.closed
    assert other.closed


def test_another_loop_gets_a_client_of_its_own():
    clients: PerLoop[str, Client] = PerLoop(Client.close)

    async def use() -> Client:
        return clients.get("a", Client)

    assert asyncio.run(use()) is not asyncio.run(use())


def test_clients_can_be_closed_before_the_loop_ends_and_are_made_anew():
    clients: PerLoop[str, Client] = PerLoop(Client.close)

    async def use() -> tuple[Client, bool, Client]:
        first = clients.get("a", Client)
        await clients.close()
        return first, first.closed, clients.get("a", Client)

    first, closed, second = asyncio.run(use())
    assert closed
    assert second is not first
    assert second.closed
