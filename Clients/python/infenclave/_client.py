# SPDX-License-Identifier: Apache-2.0
"""Clients of a model in a verified enclave."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from PIL import Image

from . import _transport
from ._attestation import Attestation
from ._core import Classification, Core, Path
from ._errors import InvalidConfiguration
from ._life import AsyncMedium, BlockingMedium, Life, wait_for
from ._pictures import Picture

_ARGUMENTS = """
    Args:
        url: ``https://HOST:PORT``, followed by ``/models/NAME`` if the server has several models.
        policy: The owner's policy, a file or its bytes.
        token: The access token, a file or 32 bytes; by default the file that the variable ``INFENCLAVE_TOKEN`` names.
        dangerously_accept_development: Accept evidence of the development TEE, which protects nothing from whoever owns the
            server's machine. The policy has to name it too.
        collateral: The vendor's files, a folder or bytes by role. SGX and TDX need them.
        timeout: Seconds that the server may be silent. A request with its answer takes at most 240 s.
        seen: ``collateral_seen`` of an earlier client: older collateral is refused.
        maximum_session_age: Seconds. If its evidence is older, the enclave is attested again before a request, so that a
            revocation by vendor or owner is noticed.
        maximum_attempts: Maximum number of attempts. A request is repeated only if that is safe: nothing reached the enclave, or
            the request changes nothing. The pauses are 0.2 s and 0.4 s, or what the server asks for, if that is at most
            2 s. 1 for no repetition.
        dangerously_trust_root: A root instead of the vendor's, for tests; every verdict warns of it.

    Raises:
        InvalidConfiguration: An argument cannot be used.
"""


def _require_room(maximum_in_flight: int) -> None:
    if not maximum_in_flight >= 1:
        raise InvalidConfiguration(f"maximum_in_flight is {maximum_in_flight}", "pass 1 or more")


class Client:
    __doc__ = f"""Classifies pictures in an enclave that a policy describes. It may be used from several threads.

    >>> client = Client("https://host:8080", "policy.json", token="client.token")   # doctest: +SKIP
    >>> [best, *others] = client.classify("cat.jpg")                                 # doctest: +SKIP
{_ARGUMENTS}
        http: The caller's ``requests.Session`` or ``httpx.Client``; by default urllib.
    """

    def __init__(
        self, url: str, policy: Path | bytes, token: Path | bytes | None = None, *,
        dangerously_accept_development: bool = False, collateral: Path | Mapping[str, bytes] | None = None,
        http: Any = None, timeout: float = 120.0, seen: Mapping[str, Mapping[str, Any]] | None = None,
        maximum_session_age: float = 3600.0, maximum_attempts: int = 3, dangerously_trust_root: bytes = b"",
    ) -> None:
        self._core = Core(
            url, policy, token, dangerously_accept_development, collateral, seen, maximum_session_age, maximum_attempts,
            dangerously_trust_root)
        self._life = Life(self._core, BlockingMedium(_transport.transport(self._core.address, http, timeout)))

    def attest(self) -> Attestation:
        """Fetches evidence over a fresh nonce and appraises it.

        Raises:
            AttestationRejected: With every check.
            Unreachable, InvalidResponse, Refused: The client received no evidence.
        """
        return wait_for(self._life.attest()).attestation

    @property
    def attestation(self) -> Attestation:
        """The appraisal of the enclave; attests it first, if necessary. A notebook displays it as a table."""
        return self._core.attestation or self.attest()

    def replace_policy(self, policy: Path | bytes) -> None:
        """Replaces the policy. The enclave is attested again, under the new policy, before the next request.

        Raises:
            InvalidConfiguration: The policy cannot be used; the previous one stays in force.
        """
        self._core.replace_policy(policy)

    def withdraw_policy(self, reason: str) -> None:
        """Stops all requests until ``replace_policy``: nothing is sent, and every request raises
        ``InvalidConfiguration`` with the reason as its message.

        Args:
            reason: Why, such as that the policy's file is gone.
        """
        self._core.withdraw_policy(reason)

    @property
    def collateral_seen(self) -> Mapping[str, Mapping[str, Any]]:
        """Dates and evaluation numbers of the verified collateral. Keep them, and pass them as ``seen``."""
        return self._core.seen

    def preprocess(self, picture: Picture) -> Image.Image:
        """The picture as the enclave gets it."""
        return wait_for(self._life.session()).preprocessing.fitted(picture)

    def classify(self, picture: Picture) -> list[Classification]:
        """Classifies one picture. If the enclave has new keys or a new lease, it is attested again and the picture is
        encrypted again. The same happens if a kept connection breaks; the picture may then count twice against the quota.

        Args:
            picture: A JPEG, PNG or WebP file by its path, its bytes or as a file; a ``PIL.Image``; an array of uint8 ``[height,
                width, 3]`` or ``[height, width]``, which is resized; uint8 ``[1, height, width, channels]`` as the model takes
                it; or, if the owner allows it, the normalised float32 ``[1, channels, height, width]``.

        Returns:
            At most as many classes as the owner allows, the most probable first.

        Raises:
            AttestationRejected, Refused, UnknownToken, InvalidInput, InvalidResponse, Unreachable, TimedOut.
        """
        return wait_for(self._life.classify(picture))

    def classify_batch(
        self, pictures: Iterable[Picture] | np.ndarray[Any, Any], *, maximum_in_flight: int = 4
    ) -> list[list[Classification]]:
        """Classifies pictures, several at a time; the first error ends it.

        Args:
            pictures: As for ``classify``. An array of uint8 ``[count, height, width, channels]`` whose height and width are those of
                the model's input holds inputs, which are used unchanged, as by ``classify(array[i:i+1])``; with another height or
                width it holds pictures, each of which is resized. float32 is ``[count, channels, height, width]``.
            maximum_in_flight: Maximum number of concurrent requests; 1 or more.

        Returns:
            The answers in the order of the pictures.
        """
        _require_room(maximum_in_flight)
        pictures = wait_for(self._life.session()).split(pictures)
        with concurrent.futures.ThreadPoolExecutor(maximum_in_flight) as pool:
            futures = [pool.submit(self.classify, picture) for picture in pictures]
            try:
                return [future.result() for future in futures]
            except BaseException:
                for future in futures:
                    future.cancel()
                raise


class AsyncClient:
    __doc__ = f"""As ``Client``, for asyncio.

    >>> client = AsyncClient("https://host:8080", "policy.json", token="client.token")   # doctest: +SKIP
    >>> best = (await client.classify("cat.jpg"))[0]                                      # doctest: +SKIP
{_ARGUMENTS}
        http: The caller's ``httpx.AsyncClient``; by default urllib in threads.
    """

    def __init__(
        self, url: str, policy: Path | bytes, token: Path | bytes | None = None, *,
        dangerously_accept_development: bool = False, collateral: Path | Mapping[str, bytes] | None = None,
        http: Any = None, timeout: float = 120.0, seen: Mapping[str, Mapping[str, Any]] | None = None,
        maximum_session_age: float = 3600.0, maximum_attempts: int = 3, dangerously_trust_root: bytes = b"",
    ) -> None:
        self._core = Core(
            url, policy, token, dangerously_accept_development, collateral, seen, maximum_session_age, maximum_attempts,
            dangerously_trust_root)
        if http is not None and type(http).__name__ != "AsyncClient":
            raise InvalidConfiguration(f"{type(http).__name__} is not asynchronous", "pass an httpx.AsyncClient")
        transport: Any = (
            _transport.AsyncHTTPXTransport(self._core.address, http, timeout) if http is not None
            else _transport.UrllibTransport(self._core.address, timeout))
        self._life = Life(self._core, AsyncMedium(transport))

    async def attest(self) -> Attestation:
        """As ``Client.attest``."""
        return (await self._life.attest()).attestation

    @property
    def attestation(self) -> Attestation | None:
        """The last appraisal of the enclave; None before ``attest`` or ``classify``, and after the policy was replaced
        or withdrawn."""
        return self._core.attestation

    def replace_policy(self, policy: Path | bytes) -> None:
        """As ``Client.replace_policy``."""
        self._core.replace_policy(policy)

    def withdraw_policy(self, reason: str) -> None:
        """As ``Client.withdraw_policy``."""
        self._core.withdraw_policy(reason)

    @property
    def collateral_seen(self) -> Mapping[str, Mapping[str, Any]]:
        """As ``Client.collateral_seen``."""
        return self._core.seen

    async def classify(self, picture: Picture) -> list[Classification]:
        """As ``Client.classify``."""
        return await self._life.classify(picture)

    async def classify_batch(
        self, pictures: Iterable[Picture] | np.ndarray[Any, Any], *, maximum_in_flight: int = 4
    ) -> list[list[Classification]]:
        """As ``Client.classify_batch``; cancelling it cancels what has not been sent."""
        _require_room(maximum_in_flight)
        pictures = (await self._life.session()).split(pictures)
        gate = asyncio.Semaphore(maximum_in_flight)

        async def one(picture: Picture) -> list[Classification]:
            async with gate:
                return await self.classify(picture)

        tasks = [asyncio.create_task(one(picture)) for picture in pictures]
        try:
            return list(await asyncio.gather(*tasks))
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise
