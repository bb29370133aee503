"""How calls reach the network: by httpx, whose connections to strangers are pinned to the address that was examined."""

import ssl
from collections.abc import Iterable

import httpcore
import httpx

from app.core.outgoing.addresses import AddressRules

KEPT_SECONDS = 15.0
MAX_CONNECTIONS = 100


class ExaminedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to the addresses of a name that were examined, so that a change of DNS between the two has no effect.

    httpcore goes on to know the connection by the name: TLS asks for its certificate, and `Host` names it.
    """

    def __init__(self, rules: AddressRules) -> None:
        self.rules = rules
        self.network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers. Raises ForbiddenAddress, Unreachable, and what httpcore raises."""
        *others, last = await self.rules.examine(host, port)
        for address in others:
            try:
                return await self.network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self.network.connect_tcp(last, port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's signature
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: no stranger is behind a socket of this machine."""
        raise httpcore.ConnectError("no stranger is called by a socket")

    async def sleep(self, seconds: float) -> None:
        await self.network.sleep(seconds)


class StrangerTransport(httpx.AsyncHTTPTransport):
    """The transport of httpx on an examined network. It heeds no proxy, which would look up the name itself."""

    def __init__(self, rules: AddressRules, tls: ssl.SSLContext) -> None:
        super().__init__(verify=tls, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=MAX_CONNECTIONS,
            keepalive_expiry=KEPT_SECONDS,
            network_backend=ExaminedNetwork(rules),
        )
