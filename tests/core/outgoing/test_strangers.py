"""Calls of strangers reach public addresses only, and those that were examined."""

from pathlib import Path

import pytest

from app.core.outgoing import Call, ForbiddenAddress, InvalidCall, Unreachable
from app.core.outgoing.addresses import AddressRules
from tests.core.outgoing.servers import CONTEXT, calling, certificate_for, in_turn, reply, serving

OK = reply("200 OK", body=b"well")
LOOPBACK = ["127.0.0.0/8"]


class ChangingNames:
    """DNS that answers with one list of addresses after the other, then with the last one again and again."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, int]] = []

    async def find(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


REFUSED = [
    "0.1.2.3", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
    "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "239.1.1.1",
    "240.0.0.1", "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1",
    "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:20::1", "3fff::1", "2001:db8::1", "2002:7f00:1::",
    "fc00::1", "fd12::1",
    "fe80::1", "fe80::1%1", "fec0::1", "ff02::1", "2606:4700::1%1", "nonsense",
]  # fmt: skip


@pytest.mark.parametrize("address", REFUSED)
async def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    with pytest.raises(ForbiddenAddress):
        await AddressRules([], ChangingNames([address]).find).examine("hooks.example", 443)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450:4001::1"])
async def test_public_addresses_are_allowed(address: str) -> None:
    assert await AddressRules([], ChangingNames([address]).find).examine("hooks.example", 443) == [address]


async def test_one_address_that_is_not_public_refuses_the_name() -> None:
    with pytest.raises(ForbiddenAddress):
        await AddressRules([], ChangingNames(["8.8.8.8", "10.0.0.1"]).find).examine("hooks.example", 443)


async def test_a_network_that_is_allowed_is_allowed_alone() -> None:
    rules = AddressRules(["10.20.0.0/16"], ChangingNames(["10.20.3.4"], ["10.21.3.4"]).find)

    assert await rules.examine("hooks.example", 443) == ["10.20.3.4"]
    with pytest.raises(ForbiddenAddress):
        await rules.examine("hooks.example", 443)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]"]
)
async def test_this_machine_is_no_stranger_in_any_spelling(host: str) -> None:
    async with serving(in_turn(OK)) as peer, calling() as outgoing:
        with pytest.raises((ForbiddenAddress, Unreachable, InvalidCall)):
            await outgoing.send(Call("GET", f"http://{host}:{peer.port}/", to_stranger=True), CONTEXT)

    assert peer.connections == 0


async def test_a_change_of_dns_between_check_and_connection_has_no_effect() -> None:
    """The first answer is examined; by the second, whoever asks again would be led to a forbidden address."""
    names = ChangingNames(["127.0.0.2"], ["127.0.0.1"])
    async with (
        serving(in_turn(OK), host="127.0.0.2") as good,
        calling(find=names.find, allowed_networks=["127.0.0.2/32"]) as outgoing,
    ):
        answer = await outgoing.send(Call("POST", f"http://hooks.example:{good.port}/", to_stranger=True), CONTEXT)

    assert answer.content == b"well"
    assert names.asked == [("hooks.example", good.port)]
    assert f"host: hooks.example:{good.port}".encode() in good.heads[0].lower()


async def test_a_name_that_turns_to_an_inner_address_is_refused_at_its_next_connection() -> None:
    names = ChangingNames(["127.0.0.2"], ["127.0.0.1"])
    closing = reply("200 OK", "Connection: close")
    async with (
        serving(in_turn(closing), host="127.0.0.2") as good,
        calling(find=names.find, allowed_networks=["127.0.0.2/32"]) as outgoing,
    ):
        call = Call("POST", f"http://hooks.example:{good.port}/", to_stranger=True)
        await outgoing.send(call, CONTEXT)
        with pytest.raises(ForbiddenAddress):
            await outgoing.send(call, CONTEXT)

    assert good.connections == 1


async def test_tls_knows_the_name_and_the_connection_the_address(tmp_path: Path) -> None:
    server_tls, client_tls = certificate_for("hooks.example", tmp_path)
    names = ChangingNames(["127.0.0.1"])
    async with (
        serving(in_turn(OK), server_tls) as peer,
        calling(find=names.find, tls=client_tls, allowed_networks=LOOPBACK) as outgoing,
    ):
        sent = Call("GET", f"https://hooks.example:{peer.port}/", to_stranger=True)
        assert (await outgoing.send(sent, CONTEXT)).content == b"well"
        with pytest.raises(Unreachable):
            await outgoing.send(Call("GET", f"https://other.example:{peer.port}/", to_stranger=True), CONTEXT)

    assert set(peer.server_names) == {"hooks.example", "other.example"}
    assert len(peer.heads) == 1


async def test_the_next_address_is_tried_where_one_is_away() -> None:
    async with serving(in_turn(OK)) as peer:
        names = ChangingNames(["127.0.0.3", "127.0.0.1"])
        async with calling(find=names.find, allowed_networks=LOOPBACK) as outgoing:
            call = Call("POST", f"http://hooks.example:{peer.port}/", to_stranger=True)
            assert (await outgoing.send(call, CONTEXT)).status == 200


async def test_a_name_that_leads_nowhere_is_unreachable() -> None:
    async with calling(find=ChangingNames([]).find) as outgoing:
        with pytest.raises(Unreachable):
            await outgoing.send(Call("POST", "http://hooks.example/", to_stranger=True), CONTEXT)


async def test_a_redirect_inwards_is_not_followed() -> None:
    async with serving(in_turn(OK)) as inner:
        away = reply("307 Temporary Redirect", f"Location: {inner.url}")
        async with serving(in_turn(away)) as peer, calling(allowed_networks=LOOPBACK) as outgoing:
            answer = await outgoing.send(Call("POST", peer.url, to_stranger=True), CONTEXT)

    assert (answer.status, inner.connections) == (307, 0)


async def test_no_proxy_looks_up_the_names_of_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(in_turn(OK)) as proxy, serving(in_turn(OK)) as peer:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        async with calling(allowed_networks=LOOPBACK) as outgoing:
            await outgoing.send(Call("POST", peer.url, to_stranger=True), CONTEXT)

    assert (proxy.connections, peer.connections) == (0, 1)
