"""Password hashing (argon2id). The only file that imports passlib."""

import asyncio
import os
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from passlib.context import CryptContext

from app.core.errors import Unavailable
from app.core.fields.text import is_encodable

T = TypeVar("T")

MAX_PASSWORD_LENGTH = 1024
"""After normalization, which can make a text eighteen times as long; argon2's wrapper refuses more than 4096."""

contexts = CryptContext(
    schemes=["argon2"], argon2__type="ID", argon2__time_cost=2, argon2__memory_cost=19456, argon2__parallelism=1
)


def normalize_password(password: str) -> str:
    """NFKC, so that a password typed on another keyboard is the same password (NIST SP 800-63B-4, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


@cache
def dummy_hash() -> str:
    """The hash that a password of an unknown user is compared with, with the present parameters.

    It is random instead of computed, so that a start need not wait for it, and no password has it.
    """
    kind = contexts.handler()
    return str(kind(use_defaults=True, checksum=os.urandom(kind.checksum_size)).to_string())


class PasswordHasher:
    """Hashes passwords in one thread with a bounded queue, so that a flood of sign-ins cannot starve other requests."""

    def __init__(self, queue: int) -> None:
        self.threads = ThreadPoolExecutor(1, thread_name_prefix="hash")
        self.free = queue
        self.dummy = dummy_hash()

    async def hash(self, password: str) -> str:
        """The argon2id hash of `password`. Raises Unavailable."""
        return str(await self.run(contexts.hash, normalize_password(password)))

    async def verify(self, password: str, known: str | None) -> tuple[bool, str | None]:
        """(whether it matches, a new hash if the hashing parameters were raised). Raises Unavailable.

        An unknown user costs the same work as a wrong password, and so does a text that cannot be a password.
        """
        text = normalize_password(password)
        if len(text) > MAX_PASSWORD_LENGTH or not is_encodable(text):
            text, known = "", None
        matches, renewed = await self.run(contexts.verify_and_update, text, known or self.dummy)
        return (bool(matches) and bool(known), renewed)

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Run `work` in the hashing thread. Raises Unavailable when the queue is full."""
        if self.free <= 0:
            raise Unavailable("Too many sign-ins at once; try again shortly.")
        self.free -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self.threads, work, *arguments)
        finally:
            self.free += 1

    def close(self) -> None:
        self.threads.shutdown(wait=True)
