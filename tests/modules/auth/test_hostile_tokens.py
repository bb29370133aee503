"""More than a hundred invalid access tokens, each sent to a guarded address: none is accepted, none causes an error."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from jose.backends.cryptography_backend import CryptographyECKey

from app.core.security.keys import new_signing_key
from tests.people import Person, SignedInAs

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
AT = int(time.time())


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def raw(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=="))


class Forger:
    """Makes tokens that our own key signed and that are wrong in one thing."""

    def __init__(self, app: FastAPI, person: Person) -> None:
        self.key = CryptographyECKey(app.state.database.keys.signing_pems[0], "ES256")
        self.good = person.access_token
        head, payload, self.signature = self.good.split(".")
        self.head, self.claims = raw(head), raw(payload)
        self.refresh = person.refresh_token

    def sign(self, head: bytes, payload: bytes) -> str:
        content = f"{b64(head)}.{b64(payload)}"
        return f"{content}.{b64(self.key.sign(content.encode()))}"  # type: ignore[no-untyped-call]  # no stub

    def made(self, head: dict[str, Any] | None = None, claims: dict[str, Any] | None = None) -> str:
        return self.sign(
            json.dumps({**self.head, **(head or {})}).encode(), json.dumps({**self.claims, **(claims or {})}).encode()
        )

    def corpus(self) -> dict[str, str]:
        return {**self.heads(), **self.payloads(), **self.missing(), **self.spellings(), **self.signatures()}

    def heads(self) -> dict[str, str]:
        values: dict[str, list[Any]] = {
            "alg": ["none", "None", "HS256", "ES384", "es256", "RS256", "", None, ["ES256"], {"a": 1}, 1],
            "typ": ["JWT", "at+JWT ", "", None, "application/at+jwt", ["at+jwt"], 0],
            "kid": ["", "0" * 16, None, ["x"], "../../etc/passwd", "' OR 1=1 --", 7, {"kid": "x"}],
        }
        extra = {
            "crit": ["exp"],
            "jwk": {"kty": "EC"},
            "jku": "https://evil.example",
            "x5u": "x",
            "b64": False,
            "zip": "DEF",
        }
        found = {f"head {name} {value!r}": self.made({name: value}) for name, all_ in values.items() for value in all_}
        return found | {f"head extra {name}": self.made({name: value}) for name, value in extra.items()}

    def payloads(self) -> dict[str, str]:
        values: dict[str, list[Any]] = {
            "iss": ["evil", "", None, ["attest"], "attest "],
            "aud": ["other", "", None, ["attest-api"], ["attest-api", "x"], {"attest-api": 1}],
            "sub": ["admin", "", None, str(uuid4()), 1, "0" * 36, ["x"]],
            "sid": [None, "", "x", str(uuid4()), 7, []],
            "exp": [AT - 1, 0, -1, "9999999999", AT + 0.5 + 600, None, True, 10**18, AT + 10**7, [AT + 600]],
            "iat": ["0", None, True, AT + 10_000, 1.5, {"a": 1}],
            "jti": [None, [], {}],
            "gen": [-1, "0", None, True, 1.0, 10**30],
        }
        extra = {"is_superuser": True, "scope": "*", "nbf": 0, "permissions": ["users:delete"], "act": {"sub": "x"}}
        found = {f"claim {n} {v!r}": self.made(claims={n: v}) for n, all_ in values.items() for v in all_}
        return found | {f"claim extra {name}": self.made(claims={name: value}) for name, value in extra.items()}

    def missing(self) -> dict[str, str]:
        found = {}
        for name in self.claims:
            claims = {key: value for key, value in self.claims.items() if key != name}
            found[f"without {name}"] = self.sign(json.dumps(self.head).encode(), json.dumps(claims).encode())
        for name in self.head:
            head = {key: value for key, value in self.head.items() if key != name}
            found[f"without head {name}"] = self.sign(json.dumps(head).encode(), json.dumps(self.claims).encode())
        first, second = json.dumps(self.head).encode(), json.dumps(self.claims).encode()
        odd = {
            "twice sub": (first, second[:-1] + b', "sub": "x"}'),
            "twice alg": (first[:-1] + b', "alg": "none"}', second),
            "list head": (b"[]", second),
            "list claims": (first, b"[]"),
            "null claims": (first, b"null"),
            "deep claims": (first, b'{"a":' * 5000 + b"1" + b"}" * 5000),
            "no json": (first, b"{"),
            "no utf-8": (first, b'{"iss": "\xff"}'),
            "empty": (b"", b""),
            "nan": (first, second[:-1] + b', "exp": NaN}'),
        }
        return found | {name: self.sign(*parts) for name, parts in odd.items()}

    def spellings(self) -> dict[str, str]:
        first, second, third = self.good.split(".")
        last = ALPHABET.index(third[-1])
        unused = [f"{first}.{second}.{third[:-1]}{ALPHABET[last ^ bit]}" for bit in (1, 2, 3)]
        odd = [
            self.good + "=", f"{first}=.{second}.{third}", f"{first}..{third}", f"{first}.{second}.",
            f".{second}.{third}",
            f"{first}.{second}", f"{first}.{second}.{third}.x", self.good.replace("_", "/").replace("-", "+") + "+",
            self.good + "\u00e9", "eyJ", ".", "..", "...", "a.b.c", "x" * 5000, self.good * 2, self.good[::-1], "null",
        ]  # fmt: skip
        return {f"spelling {n}": token for n, token in enumerate([*unused, *odd])}

    def signatures(self) -> dict[str, str]:
        first, second, third = self.good.split(".")
        content = f"{first}.{second}"
        stranger = CryptographyECKey(new_signing_key(), "ES256")
        public = CryptographyECKey(new_signing_key(), "ES256").public_key().to_pem()  # type: ignore[no-untyped-call]
        known = base64.urlsafe_b64decode(third + "==")
        flipped = bytes([known[0] ^ 1]) + known[1:]
        values = {
            "stranger": stranger.sign(content.encode()),  # type: ignore[no-untyped-call]  # no stub
            "hmac with the public key": hmac.digest(public, content.encode(), hashlib.sha256),
            "zero": bytes(64),
            "short": known[:63],
            "long": known + b"\0",
            "flipped": flipped,
            "swapped": known[32:] + known[:32],
        }
        none = f"{b64(json.dumps({**self.head, 'alg': 'none'}).encode())}.{second}."
        return {"alg none": none, "refresh as access": self.refresh} | {
            f"signature {name}": f"{content}.{b64(value)}" for name, value in values.items()
        }


@pytest.mark.timeout(120)
async def test_no_hostile_token_opens_anything(
    app: FastAPI, client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as("tasks:read")
    corpus = Forger(app, person).corpus()

    opened: list[Any] = []
    failed: list[Any] = []
    for name, token in corpus.items():
        headers = [(b"authorization", b"Bearer " + token.encode("utf-8", "replace"))]
        answer = await client.get("/tasks", headers=headers)
        assert len(token) < 8 or token not in answer.text
        if answer.status_code not in (401, 431):
            (opened if answer.status_code < 400 else failed).append((name, answer.status_code))

    print(f"{len(corpus)} hostile tokens")  # noqa: T201  # the evidence, with -s
    assert len(corpus) >= 100
    assert (opened, failed) == ([], [])
    assert (await person.get("/tasks")).status_code == 200


async def test_an_access_token_refreshes_nothing(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    """Regression: an access token was accepted as a refresh token."""
    person = await signed_in_as()

    answer = await client.post("/auth/token/refresh", json={"refresh_token": person.access_token})

    assert answer.status_code == 401
