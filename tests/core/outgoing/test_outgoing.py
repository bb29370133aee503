"""Outgoing calls keep to their budget, repeat what may be repeated, and spare hosts that fail."""

import asyncio
import time
from datetime import timedelta
from email.utils import format_datetime

import pytest
import structlog
from structlog.testing import capture_logs

from app.core.clock import now
from app.core.outgoing import (
    Answer,
    AnswerTooLong,
    Call,
    CircuitOpen,
    InvalidCall,
    Outgoing,
    OutgoingError,
    OutOfTime,
    Unreachable,
)
from app.core.outgoing.breakers import MAX_HOSTS, Breakers
from app.core.outgoing.retries import delay_after, seconds_of
from tests.core.outgoing.servers import CONTEXT, Peer, calling, in_turn, reply, serving

OK = reply("200 OK", body=b'{"well": true}')
BUSY = reply("503 Service Unavailable")


def get(peer: Peer, **options: object) -> Call:
    return Call("GET", peer.url, **options)  # type: ignore[arg-type]


async def test_a_call_tells_the_request_and_its_trace() -> None:
    async with serving(in_turn(OK)) as peer, calling() as outgoing:
        answer = await outgoing.send(get(peer), CONTEXT)

    assert (answer.status, answer.json(), answer.is_success) == (200, {"well": True}, True)
    head = peer.heads[0].lower()
    assert b"x-request-id: r-1\r\n" in head
    assert f"traceparent: 00-{CONTEXT.trace_id}-".encode() in head
    assert b"accept-encoding: identity\r\n" in head


async def test_a_call_can_wait_longer_for_its_answer_than_others() -> None:
    async def answer_late(_peer: Peer, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.4)
        writer.write(OK)

    async with serving(answer_late) as peer, calling(read_seconds=0.1) as outgoing:
        with pytest.raises(Unreachable):
            await outgoing.send(get(peer, attempts=1), CONTEXT)
        assert (await outgoing.send(get(peer, attempts=1, read_seconds=5), CONTEXT)).status == 200


async def test_what_is_safe_is_repeated_and_nothing_else() -> None:
    async with serving(in_turn(BUSY, b"", OK)) as peer, calling() as outgoing:
        assert (await outgoing.send(get(peer), CONTEXT)).status == 200
        assert len(peer.heads) == 3

    async with serving(in_turn(BUSY, OK)) as peer, calling() as outgoing:
        assert (await outgoing.send(Call("POST", peer.url, content=b"x"), CONTEXT)).status == 503
        assert len(peer.heads) == 1

    async with serving(in_turn(b"", OK)) as peer, calling() as outgoing:
        with pytest.raises(Unreachable):
            await outgoing.send(Call("POST", peer.url), CONTEXT)
        assert len(peer.heads) == 1


async def test_a_repetition_has_the_idempotency_key_of_the_first() -> None:
    async with serving(in_turn(b"", OK)) as peer, calling() as outgoing:
        assert (await outgoing.send(Call("POST", peer.url, idempotency_key="k-1"), CONTEXT)).status == 200

    assert [b"idempotency-key: k-1\r\n" in head.lower() for head in peer.heads] == [True, True]


async def test_a_peer_says_when_to_come_back() -> None:
    later = reply("429 Too Many Requests", "Retry-After: 1")
    async with serving(in_turn(later, OK)) as peer, calling() as outgoing:
        began = time.monotonic()
        assert (await outgoing.send(get(peer), CONTEXT)).status == 200
        assert time.monotonic() - began >= 1


async def test_who_is_told_to_come_back_behind_the_budget_has_the_answer_at_once() -> None:
    later = reply("503 Service Unavailable", "Retry-After: 60")
    async with serving(in_turn(later)) as peer, calling(seconds=5) as outgoing:
        began = time.monotonic()
        assert (await outgoing.send(get(peer), CONTEXT)).status == 503
        assert time.monotonic() - began < 1
        assert len(peer.heads) == 1


def test_retry_after_is_seconds_or_a_date() -> None:
    assert seconds_of("7") == 7
    assert 55 < seconds_of(format_datetime(now() + timedelta(seconds=60), usegmt=True)) <= 60
    assert [seconds_of(text) for text in (None, "", "soon", "-1", "Wed, 21 Oct 2015 07:28:00 GMT")] == [0] * 5


def test_delays_are_any_time_up_to_one_that_doubles() -> None:
    delays = [[delay_after(attempt) for _ in range(200)] for attempt in range(1, 9)]

    assert all(0 <= each <= min(5.0, 0.2 * 2**number) for number, row in enumerate(delays) for each in row)
    assert max(delays[7]) > 2.5 > min(delays[7])


async def test_a_silent_peer_takes_no_more_than_the_budget() -> None:
    async def be_silent(_: Peer, __: object) -> None:
        await asyncio.sleep(30)

    async with serving(be_silent) as peer, calling(read_seconds=0.2, seconds=0.5) as outgoing:
        began = time.monotonic()
        with pytest.raises(OutgoingError):
            await outgoing.send(get(peer, attempts=10), CONTEXT)
        assert time.monotonic() - began < 1.5


async def test_a_peer_that_drips_takes_no_more_than_the_budget() -> None:
    async def drip(_: Peer, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _part in range(1000):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with serving(drip) as peer, calling() as outgoing:
        began = time.monotonic()
        with pytest.raises(OutOfTime):
            await outgoing.send(get(peer, seconds=0.4), CONTEXT)
        assert time.monotonic() - began < 1.5


async def test_a_long_answer_is_not_read_to_its_end() -> None:
    async def pour(_: Peer, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"1000\r\n" + bytes(0x1000) + b"\r\n")
            await writer.drain()

    async with serving(pour) as peer, calling() as outgoing:
        with pytest.raises(AnswerTooLong):
            await outgoing.send(get(peer, max_bytes=100_000), CONTEXT)


async def test_a_compressed_answer_is_refused() -> None:
    packed = reply("200 OK", "Content-Encoding: gzip", body=b"\x1f\x8b")
    async with serving(in_turn(packed)) as peer, calling() as outgoing:
        with pytest.raises(AnswerTooLong):
            await outgoing.send(get(peer), CONTEXT)


async def test_redirects_are_not_followed_and_cookies_not_kept() -> None:
    away = reply("302 Found", "Location: /elsewhere", "Set-Cookie: a=b")
    async with serving(in_turn(away)) as peer, calling() as outgoing:
        assert (await outgoing.send(get(peer), CONTEXT)).status == 302
        assert (await outgoing.send(get(peer), CONTEXT)).headers["location"] == "/elsewhere"

    assert all(head.startswith(b"GET / ") and b"cookie" not in head.lower() for head in peer.heads)
    assert peer.connections == 1


async def test_a_host_that_fails_again_and_again_is_spared() -> None:
    failing = reply("500 Internal Server Error")
    async with serving(in_turn(*[failing] * 3, OK)) as peer, calling(failures=3, pause_seconds=0.3) as outgoing:
        for _ in range(3):
            assert (await outgoing.send(get(peer), CONTEXT)).status == 500
        with pytest.raises(CircuitOpen) as caught:
            await outgoing.send(get(peer), CONTEXT)
        assert 0 < caught.value.after <= 0.3
        assert len(peer.heads) == 3

        await asyncio.sleep(0.35)
        assert (await outgoing.send(get(peer), CONTEXT)).status == 200
        assert (await outgoing.send(get(peer), CONTEXT)).status == 200


async def test_one_call_alone_tries_a_host_that_was_spared() -> None:
    async def wait(peer: Peer, writer: asyncio.StreamWriter) -> None:
        if len(peer.heads) == 1:
            writer.write(reply("500 Internal Server Error"))
        else:
            await asyncio.sleep(0.2)
            writer.write(OK)

    async with serving(wait) as peer, calling(failures=1, pause_seconds=0.05) as outgoing:
        await outgoing.send(get(peer), CONTEXT)
        await asyncio.sleep(0.1)
        sent = [outgoing.send(get(peer), CONTEXT) for _ in range(5)]
        ends = await asyncio.gather(*sent, return_exceptions=True)

    assert sorted(type(end).__name__ for end in ends) == ["Answer", *["CircuitOpen"] * 4]
    assert len(peer.heads) == 2


async def test_a_trial_that_its_caller_gives_up_leaves_room_for_the_next() -> None:
    async def wait(peer: Peer, writer: asyncio.StreamWriter) -> None:
        if len(peer.heads) == 2:
            await asyncio.sleep(30)
        writer.write(reply("500 Internal Server Error") if len(peer.heads) == 1 else OK)

    async with serving(wait) as peer, calling(failures=1, pause_seconds=0.05) as outgoing:
        await outgoing.send(get(peer), CONTEXT)
        await asyncio.sleep(0.1)
        trial = asyncio.create_task(outgoing.send(get(peer), CONTEXT))
        await asyncio.sleep(0.1)
        trial.cancel()
        await asyncio.gather(trial, return_exceptions=True)

        assert (await outgoing.send(get(peer), CONTEXT)).status == 200


async def test_time_that_is_over_is_a_failure_of_the_host() -> None:
    async def be_silent(_: Peer, __: object) -> None:
        await asyncio.sleep(30)

    async with serving(be_silent) as peer, calling(failures=1) as outgoing:
        with pytest.raises(OutOfTime):
            await outgoing.send(get(peer, seconds=0.1), CONTEXT)
        with pytest.raises(CircuitOpen):
            await outgoing.send(get(peer), CONTEXT)


def test_the_breakers_of_so_many_hosts_are_kept() -> None:
    breakers = Breakers(1, 1)
    first = breakers.of("first")
    for number in range(MAX_HOSTS):
        breakers.of(str(number))

    assert len(breakers.by_host) == MAX_HOSTS
    assert breakers.of("first") is not first


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://example.com/", "http://", "file:///etc/passwd", "http://[::1"])
async def test_what_is_no_url_of_http_is_refused(url: str) -> None:
    async with calling() as outgoing:
        with pytest.raises(InvalidCall):
            await outgoing.send(Call("GET", url), CONTEXT)


async def test_a_header_that_cannot_be_sent_is_not_repeated_by_the_error() -> None:
    async with serving(in_turn(OK)) as peer, calling() as outgoing:
        with pytest.raises(InvalidCall) as caught:
            await outgoing.send(get(peer, headers={"Authorization": "Bearer s3cret\r\nX: y"}), CONTEXT)

    assert "s3cret" not in str(caught.value) + repr(caught.value.__cause__)
    assert peer.heads == []


async def test_neither_log_nor_error_has_more_than_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.core.outgoing.client.log", structlog.get_logger())  # one that no test has bound
    async with serving(in_turn(b"")) as peer, calling() as outgoing:
        call = Call("POST", f"{peer.url}private?token=s3cret", {"Authorization": "Bearer s3cret"}, b"s3cret")
        with capture_logs() as logged, pytest.raises(Unreachable) as caught:
            await outgoing.send(call, CONTEXT)

    assert [line["event"] for line in logged] == ["outgoing_call_failed"]
    assert logged[0]["host"] == f"127.0.0.1:{peer.port}"
    assert "s3cret" not in f"{logged}{caught.value}"
    assert "private" not in f"{logged}{caught.value}"


async def test_an_answer_keeps_its_content_out_of_texts() -> None:
    assert "s3cret" not in repr(Answer(200, {"x": "s3cret"}, b"s3cret"))


async def test_the_application_has_one_client(app: object) -> None:
    outgoing = app.state.outgoing  # type: ignore[attr-defined]  # the fixture is the application
    assert isinstance(outgoing, Outgoing)
    async with serving(in_turn(OK)) as peer:
        assert (await outgoing.send(get(peer), CONTEXT)).status == 200
