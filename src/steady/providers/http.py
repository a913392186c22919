"""
One HTTP client for all upstreams that speak JSON over HTTP. It knows bytes and failures, not chat completions.

Why aiohttp: docs/decisions/0001-http-stack.md. A call that is cancelled closes its connection, so the upstream stops.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass
from weakref import WeakKeyDictionary

from steady.errors import ConfigError, ProviderError, ProviderNonsense, ProviderTimeout
from steady.providers.http1 import ConnectTimeout, Http1, HungUp, NoHttp, TooLong

if TYPE_CHECKING:
    import aiohttp
    import yarl

MAX_BYTES = 32 * 2**20  # of one answer; the longest completions are well under 1 MiB
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Answer(NamedTuple):
    """One HTTP answer, read whole. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Http:
    """
    A pool of connections to one upstream.

    Args:
        provider: The provider's name, for error texts.
        base_url: Where the API is, such as `https://api.openai.com/v1`; a query in it is kept on every request.
        headers: Sent with every request.
        connect_timeout: Seconds for DNS, TCP and TLS together.
        max_bytes: The largest answer that is read.

    Raises:
        ConfigError: If `base_url` is no http(s) address, or a header can't be sent.
    """

    def __init__(
        self,
        provider: str,
        base_url: str,
        headers: Mapping[str, str],
        *,
        connect_timeout: float = 10.0,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"provider {provider!r}: base_url must begin with http:// or https:// and name a host.")
        if "@" in parts.netloc:
            raise ConfigError(f"provider {provider!r}: base_url holds credentials; give them as `key` or in `headers`.")
        for name, value in headers.items():
            if not (name.isascii() and name.isprintable() and value.isprintable()):
                raise ConfigError(f"provider {provider!r}: the header {name!r} holds characters that can't be sent.")
        self.provider = provider
        self.where = parts.netloc  # all that error texts show of the address: a query may hold a key
        self._base = base_url.partition("?")[0].rstrip("/")
        self._query = f"?{parts.query}" if parts.query else ""
        self._headers = {"accept-encoding": "identity", "user-agent": "steady", **headers}
        self._connect_timeout = connect_timeout
        self._max_bytes = max_bytes
        self._trust_env = parts.hostname not in _LOOPBACK  # a proxy from the environment never gets loopback traffic
        self._path = parts.path.rstrip("/")
        self._heads: dict[tuple[str, str], str] = {}
        self._direct = self._without_proxy(parts)
        self._urls: dict[str, yarl.URL] = {}  # parsed once: that is a tenth of a call's cost
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession] = WeakKeyDictionary()

    def _without_proxy(self, parts: SplitResult) -> Http1 | None:
        """Return the lean client, unless the environment names a proxy for this address."""
        secure = parts.scheme == "https"
        if self._trust_env and parts.scheme in getproxies() and not proxy_bypass(parts.hostname or ""):
            return None
        return Http1(parts.hostname or "", parts.port or (443 if secure else 80), secure=secure, most=self._max_bytes)

    async def request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], timeout: float
    ) -> Answer:
        """
        Ask, and read the whole answer within `timeout` seconds.

        Raises:
            ProviderTimeout: It took longer.
            ProviderError: The upstream can't be reached or hung up (retryable).
            ProviderNonsense: What came back is no HTTP, or is larger than `max_bytes`.
        """
        if self._direct is None:
            async with self.open(method, path, body, headers, timeout, total=True) as response:
                return Answer(response.status, response.headers, await self.read(response))
        request = self._bytes(method, path, body or b"", headers)
        try:
            whole = await self._direct.exchange(request, connect=self._connect_timeout, timeout=max(timeout, 0.001))
        except TooLong as long:
            text = f"{self.where} answered more than {self._max_bytes} bytes."
            raise ProviderNonsense(text, status=long.status, provider=self.provider) from None
        except (TimeoutError, ConnectTimeout, HungUp, NoHttp, OSError) as cause:
            error = self._told(cause, timeout)
        else:
            return Answer(whole.status, whole.headers, whole.body)
        raise error from None  # the cause may hold headers with a key

    def _bytes(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        """Return a request as it goes over the wire. A header with a line end in it can't be sent."""
        head = self._heads.get((method, path))
        if head is None:
            fixed = "".join(f"{name}: {value}\r\n" for name, value in self._headers.items())
            line = f"{method} {self._path}{path}{self._query} HTTP/1.1\r\nhost: {self.where}\r\n{fixed}"
            head = self._heads[method, path] = line
        own = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        if own.count("\n") != len(headers) or own.count("\r") != len(headers):
            raise ProviderError("A header holds a line end and can't be sent.", provider=self.provider)
        return f"{head}{own}content-length: {len(body)}\r\n\r\n".encode("latin-1", "replace") + body

    def _told(self, cause: Exception, timeout: float) -> ProviderError:
        """Return what a failed exchange is told as; as `open` tells it."""
        if isinstance(cause, ConnectTimeout):
            connect = min(timeout, self._connect_timeout)
            text = f"{self.where} could not be connected to within {connect:g} s."
            return ProviderTimeout(text, retryable=True, provider=self.provider)
        if isinstance(cause, TimeoutError):
            text = f"{self.where} did not answer within {timeout:g} s."
            return ProviderTimeout(text, retryable=True, provider=self.provider)
        if isinstance(cause, HungUp):
            when = "in the middle of its answer" if cause.begun else "without an answer"
            return self._failed(f"{self.where} hung up {when}.")
        if isinstance(cause, NoHttp):
            return ProviderNonsense(f"{self.where} answered what is no HTTP.", provider=self.provider)
        if isinstance(cause, socket.gaierror):
            return self._failed(f"The host of {self.where} is not known (DNS).")
        if isinstance(cause, ssl.SSLError):
            reason = getattr(cause, "verify_message", "") or cause.reason or "TLS failed"
            return self._failed(f"No TLS connection to {self.where}: {_line(str(reason))}.")
        reason = getattr(cause, "strerror", None) or "no connection"
        return self._failed(f"{self.where} can't be reached: {_line(reason)}.")

    @asynccontextmanager
    async def open(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        timeout: float,
        *,
        total: bool = False,
    ) -> "AsyncIterator[aiohttp.ClientResponse]":
        """
        Ask, and hand out the answer when its head is there; what fails inside the block is told as by `request`.

        `timeout` holds for each wait on the connection, and for everything together if `total`.
        """
        import aiohttp

        session = self._session()
        url = self._urls.get(path) or self._url(path)
        timeout = max(timeout, 0.001)  # to aiohttp 0 is for ever
        connect = min(timeout, self._connect_timeout)
        whole, gap = (timeout, None) if total else (None, timeout)
        limit = aiohttp.ClientTimeout(total=whole, sock_read=gap, connect=connect)
        try:
            async with session.request(
                method, url, data=body, headers=headers, timeout=limit, allow_redirects=False
            ) as response:
                yield response
        except aiohttp.ConnectionTimeoutError:
            error: ProviderError = ProviderTimeout(
                f"{self.where} could not be connected to within {connect:g} s.",
                retryable=True,
                provider=self.provider,
            )
        except TimeoutError:
            text = f"{self.where} did not answer within {timeout:g} s."
            error = ProviderTimeout(text, retryable=True, provider=self.provider)
        except aiohttp.ClientPayloadError:
            error = self._failed(f"{self.where} hung up in the middle of its answer.")
        except aiohttp.ClientConnectorDNSError:
            error = self._failed(f"The host of {self.where} is not known (DNS).")
        except aiohttp.ClientSSLError as cause:
            reason = getattr(cause, "certificate_error", None) or getattr(cause, "os_error", None) or "TLS failed"
            error = self._failed(f"No TLS connection to {self.where}: {_line(str(reason))}.")
        except aiohttp.ClientConnectorError as cause:
            error = self._failed(f"{self.where} can't be reached: {_line(cause.os_error.strerror or 'no connection')}.")
        except aiohttp.ServerDisconnectedError:
            error = self._failed(f"{self.where} hung up without an answer.")
        except aiohttp.ClientResponseError:
            error = ProviderNonsense(f"{self.where} answered what is no HTTP.", provider=self.provider)
        except (aiohttp.ClientError, OSError) as cause:
            error = self._failed(f"The connection to {self.where} broke ({type(cause).__name__}).")
        else:
            return
        raise error from None  # the cause may hold headers with a key

    async def read(self, response: "aiohttp.ClientResponse") -> bytes:
        """Read the rest of an answer, up to `max_bytes`. Raises ProviderNonsense beyond that."""
        length = response.content_length
        if length is not None and length <= self._max_bytes and "content-encoding" not in response.headers:
            return await response.read()
        pieces, size = [], length or 0
        if size <= self._max_bytes:
            size = 0
            async for piece in response.content.iter_any():
                pieces.append(piece)
                size += len(piece)
                if size > self._max_bytes:
                    break
        if size > self._max_bytes:
            response.close()
            text = f"{self.where} answered more than {self._max_bytes} bytes."
            raise ProviderNonsense(text, status=response.status, provider=self.provider)
        return b"".join(pieces)

    async def aclose(self) -> None:
        """Close the connections that belong to the running loop; those of other loops end with their loop."""
        if self._direct is not None:
            self._direct.close()
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session:
            await session.close()

    def _failed(self, text: str) -> ProviderError:
        return ProviderError(text, retryable=True, provider=self.provider)

    def _url(self, path: str) -> "yarl.URL":
        import yarl

        url = self._urls[path] = yarl.URL(f"{self._base}{path}{self._query}")
        return url

    def _session(self) -> "aiohttp.ClientSession":
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None:
            import aiohttp

            session = self._sessions[loop] = aiohttp.ClientSession(
                headers=self._headers,
                connector=aiohttp.TCPConnector(limit=0),  # how many at once is for waves and budgets to say
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=self._trust_env,
            )
        return session


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
