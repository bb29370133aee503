"""The client for outgoing calls that a process has from its start to its end."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from secrets import token_hex
from typing import TYPE_CHECKING

import structlog

from app import __version__
from app.core.config import OutgoingSettings
from app.core.context import RequestContext
from app.core.outgoing.addresses import AddressRules, Resolve, resolve
from app.core.outgoing.breakers import Breaker, Breakers
from app.core.outgoing.calls import (
    IDEMPOTENCY_HEADER,
    Answer,
    AnswerTooLong,
    Call,
    InvalidCall,
    OutgoingError,
    OutOfTime,
    Unreachable,
)
from app.core.outgoing.retries import REPEATED, delay_after, seconds_of

if TYPE_CHECKING:
    import httpx

log = structlog.get_logger(__name__)

SERVER_ERROR = 500
PLAIN = "identity"
"""A compressed answer could be longer than any limit says."""
SPAN_BYTES = 8


class Outgoing:
    """Calls other systems by HTTP, each call within its budget. Follows no redirects, and keeps no cookies.

    `transport`, `find` and `tls` are for tests: they replace the network, DNS, and the trusted certificates.
    """

    def __init__(
        self,
        settings: OutgoingSettings,
        *,
        transport: "httpx.AsyncBaseTransport | None" = None,
        find: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.settings = settings
        self.transport = transport
        self.rules = AddressRules(settings.allowed_networks, find)
        self.tls = tls
        self.breakers = Breakers(settings.failures, settings.pause_seconds)
        self.clients: dict[bool, httpx.AsyncClient] = {}
        """By whether they call strangers, whose connections are never shared with others."""

    async def send(self, call: Call, context: RequestContext) -> Answer:
        """The answer to `call`, whatever its status is. Raises OutgoingError."""
        host = host_of(call)
        seconds = call.seconds or self.settings.seconds
        try:
            async with asyncio.timeout(seconds) as limit:
                return await self.repeat(call, host, context, limit)
        except TimeoutError as error:
            if not limit.expired():
                raise
            self.breakers.of(host).note_failure()
            raise OutOfTime(host, f"no answer within {seconds:g} s") from error

    async def repeat(self, call: Call, host: str, context: RequestContext, limit: asyncio.Timeout) -> Answer:
        """Send `call` until there is an answer that another attempt would not change, or time or attempts are over."""
        attempts = (call.attempts or self.settings.attempts) if call.is_repeatable else 1
        for attempt in range(1, attempts):
            delay = delay_after(attempt)
            try:
                answer = await self.attempt(call, host, context)
            except Unreachable:
                if not has_time(limit, delay):
                    raise
            else:
                delay = max(delay, seconds_of(answer.headers.get("retry-after")))
                if answer.status not in REPEATED or not has_time(limit, delay):
                    return answer
            await asyncio.sleep(delay)
        return await self.attempt(call, host, context)

    async def attempt(self, call: Call, host: str, context: RequestContext) -> Answer:
        """Send `call` once, unless the breaker of its host is open. Raises OutgoingError."""
        breaker = self.breakers.of(host)
        breaker.admit()
        try:
            answer = await self.exchange(call, host, context)
        except OutgoingError as error:
            note_outcome(breaker, error)
            log.warning("outgoing_call_failed", method=call.method, host=host, reason=error.reason)
            raise
        except BaseException:
            breaker.forget()
            raise
        if answer.status >= SERVER_ERROR:
            breaker.note_failure()
        else:
            breaker.note_success()
        log.debug("outgoing_call", method=call.method, host=host, status=answer.status)
        return answer

    async def exchange(self, call: Call, host: str, context: RequestContext) -> Answer:
        """Send `call` and read its answer, of which no more is kept than the limit allows. Raises OutgoingError."""
        import httpx  # noqa: PLC0415  # it is slow to import, and most processes call no other

        headers = {**tracing_headers(context), **call.headers}
        if call.idempotency_key is not None:
            headers[IDEMPOTENCY_HEADER] = call.idempotency_key
        client, content = self.client_for(call), call.content or None
        try:
            async with client.stream(
                call.method, call.url, headers=headers, content=content, timeout=self.timeout_of(call)
            ) as response:
                body = await read(response, host, call.max_bytes or self.settings.max_bytes)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            raise InvalidCall(host, type(error).__name__) from None  # it may quote a header
        except httpx.HTTPError as error:
            raise Unreachable(host, type(error).__name__) from error
        return Answer(response.status_code, dict(response.headers), body)

    def timeout_of(self, call: Call) -> "httpx.Timeout":
        """The longest times of `call` to a connection, and between two parts of its answer."""
        import httpx  # noqa: PLC0415  # see above

        return httpx.Timeout(call.read_seconds or self.settings.read_seconds, connect=self.settings.connect_seconds)

    def client_for(self, call: Call) -> "httpx.AsyncClient":
        """The client of httpx for `call`, which is made when it is first needed."""
        if call.to_stranger not in self.clients:
            self.clients[call.to_stranger] = self.open_client(to_stranger=call.to_stranger)
        return self.clients[call.to_stranger]

    def open_client(self, *, to_stranger: bool) -> "httpx.AsyncClient":
        import httpx  # noqa: PLC0415  # see above

        from app.core.outgoing.transports import StrangerTransport  # noqa: PLC0415  # see above

        tls, transport = self.tls or httpx.create_ssl_context(trust_env=not to_stranger), self.transport
        if transport is None and to_stranger:
            transport = StrangerTransport(self.rules, tls)
        return httpx.AsyncClient(
            transport=transport,
            verify=tls,
            trust_env=not to_stranger,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={"User-Agent": f"Attest/{__version__}", "Accept-Encoding": PLAIN},
        )

    async def close(self) -> None:
        """Close every connection."""
        for client in self.clients.values():
            await client.aclose()
        self.clients.clear()


@asynccontextmanager
async def open_outgoing(settings: OutgoingSettings) -> AsyncIterator[Outgoing]:
    """The client, which is closed at the end of the block."""
    outgoing = Outgoing(settings)
    try:
        yield outgoing
    finally:
        await outgoing.close()


def host_of(call: Call) -> str:
    """Host and port that `call` is for. Raises InvalidCall."""
    import httpx  # noqa: PLC0415  # see above

    try:
        url = httpx.URL(call.url)
    except httpx.InvalidURL:
        raise InvalidCall("?", "the URL cannot be read") from None
    if url.scheme not in {"http", "https"} or not url.host:
        raise InvalidCall(url.host or "?", "the URL is not one of HTTP")
    return f"{url.raw_host.decode()}:{url.port or {'http': 80, 'https': 443}[url.scheme]}"


def tracing_headers(context: RequestContext) -> dict[str, str]:
    """The request id, and the trace it belongs to (W3C Trace Context), of which this call is a new span."""
    trace_id = context.trace_id or context.call_id.hex
    return {"traceparent": f"00-{trace_id}-{token_hex(SPAN_BYTES)}-00", "X-Request-ID": context.request_id}


def note_outcome(breaker: Breaker, error: OutgoingError) -> None:
    """Count a failure of the host; one of the call says nothing about it."""
    if isinstance(error, Unreachable):
        breaker.note_failure()
    else:
        breaker.forget()


def has_time(limit: asyncio.Timeout, delay: float) -> bool:
    """Whether time is left after `delay` seconds."""
    when = limit.when()
    return when is None or asyncio.get_running_loop().time() + delay < when


async def read(response: "httpx.Response", host: str, max_bytes: int) -> bytes:
    """The body of a response. Raises AnswerTooLong."""
    if response.headers.get("content-encoding", PLAIN).lower() != PLAIN:
        raise AnswerTooLong(host, "the answer is compressed, although that was not asked for")
    body = bytearray()
    async for part in response.aiter_raw():
        body += part
        if len(body) > max_bytes:
            raise AnswerTooLong(host, f"the answer has more than {max_bytes} bytes")
    return bytes(body)
