"""What schemathesis cannot know of Attest: callers, refusals that no schema can express, and access control."""

import json
import os
import re
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import requests
import schemathesis
from hypothesis.strategies import sampled_from, uuids
from schemathesis import AuthContext, CheckContext, HookContext, Response
from schemathesis.auths import GLOBAL_AUTH_STORAGE
from schemathesis.openapi.checks import RejectedPositiveData

from app.core.security.request_signing import sign
from tests.fuzz.scopes import API, ID, MODULES, SECONDS, Rows

KEY_ID = "fuzzer"

# --- callers


def token(who: str) -> str:
    """A new access token of ROOT, NOBODY, who has no role, or SCOPED, who has some rows; the environment knows them."""
    form = {"username": os.environ[f"{who}_USERNAME"], "password": os.environ[f"{who}_PASSWORD"]}
    answer = requests.post(f"{os.environ['SERVER_URL']}{API}/auth/token", data=form, timeout=SECONDS)
    answer.raise_for_status()
    return str(answer.json()["access_token"])


def is_internal(context: Any) -> bool:
    return bool(context.operation.path.startswith(f"{API}/internal/"))


@schemathesis.auth().skip_for(is_internal)
class SignedIn:
    """A superuser. The fuzzer also signs out: after a 401 schemathesis signs in again, and repeats the request."""

    def get(self, _case: Any, _context: AuthContext) -> str:
        return token("ROOT")

    def set(self, case: Any, data: str, _context: AuthContext) -> None:
        case.headers["Authorization"] = f"Bearer {data}"


class SignedCall(requests.auth.AuthBase):
    """Signs a call as an internal service does."""

    def __call__(self, request: Any) -> Any:
        url, body = urlsplit(request.url), request.body or b""
        body = body.encode() if isinstance(body, str) else body
        at, nonce = str(int(time.time())), secrets.token_urlsafe(16)
        key = os.environ["FUZZ_KEY"].encode()
        signature = sign(key, KEY_ID, request.method, url.path, url.query, body, at, nonce)
        request.headers.update({"X-Key-Id": KEY_ID, "X-Timestamp": at, "X-Nonce": nonce, "X-Signature": signature})
        return request


GLOBAL_AUTH_STORAGE.set_from_requests(SignedCall()).apply_to(is_internal)

# --- what exists

REAL = sorted(json.loads(os.environ["REAL_IDS"]))
schemathesis.openapi.format("uuid", sampled_from(REAL) | uuids().map(str))


@schemathesis.hook
def before_load_schema(_context: HookContext, raw_schema: dict[str, Any]) -> None:
    """Link deleting to restoring, and put collections first: schemathesis learns ids from them."""
    raw_schema["paths"] = dict(sorted(raw_schema["paths"].items()))
    for endless in ("audit/feed/stream", "jobs/{id}/events"):
        del raw_schema["paths"][f"{API}/{endless}"]
    for path, item in raw_schema["paths"].items():
        back = raw_schema["paths"].get(f"{path}/restore", {}).get("post")
        if back and "delete" in item:
            parameters = {"id": "$request.path.id"}
            item["delete"]["responses"]["204"]["links"] = {
                "restore": {"operationId": back["operationId"], "parameters": parameters}
            }


OWN = frozenset(json.loads(os.environ["OWN_IDS"]))


@schemathesis.hook
def filter_case(_context: HookContext, case: Any) -> bool:
    """Protect the accounts of the fuzzer and their role: a superuser could delete them, or give them roles."""
    ids = {str(value) for value in (case.path_parameters or {}).values()}
    return case.method == "GET" or not ids & OWN


# --- refusals that no schema can express

UNFORESEEN = {
    "ambiguous-number",  # of a file
    "bad-cursor",  # only a list makes a valid one
    "before-first-version",  # of the policy
    "changes-direction",
    "country-alpha2",
    "currency-required",  # by a filter or a sum of amounts
    "date-past",
    "ends-before-it-begins",
    "idempotency-key-reused",
    "incomplete-set",  # a list with a next page
    "int-type",  # JSON Schema takes 1.0 for an integer, Attest does not
    "listed-twice",
    "local-part-too-long",
    "missing",  # another e-mail takes the current password
    "moves-nothing",
    "names-form",
    "not-a-webhook-url",
    "no-format",  # the query of a download has one among its parameters
    "not-a-list",  # few paths are those of lists
    "not-a-network",
    "not-counted-by",  # no roll-up has every dimension
    "not-in-calendar",
    "not-in-future",
    "not-one-line",
    "not-only-a-number",
    "not-only-an-address",
    "not-sortable",  # a field may sort only once
    "nothing-to-see",
    "number-of-operations",
    "one-list",
    "one-point",
    "one-user",
    "password-common",
    "password-length",
    "password-personal",
    "point-form",
    "service-account",
    "string-too-short",  # blanks around a name do not count
    "too-many-decimals",  # of a price, for its currency
    "too-much-stock",
    "two-positions",
    "https-required",  # of a webhook
    "unknown-currency",
    "unknown-event-type",
    "unknown-field",  # of an item at a point, to revert
    "unknown-action",
    "unknown-icon",  # Lucide has too many for an enum
    "unknown-module",
    "unknown-permission",
    "unknown-scope",
    "unknown-table",  # only the log knows the tables that it had
    "unknown-parameter",  # of the list, in the query of a download
    "unknown-reference",
    "unknown-role",
    "value-error",  # e-mail addresses and telephone numbers
    "whole-entries",  # of a file of sealed entries
    "year-range",
}


def problem_of(response: Response) -> dict[str, Any]:
    """The problem in `response`; empty where it is none, which content_type_conformance reports."""
    is_problem = "application/problem+json" in response.headers.get("content-type", [])
    return response.json() if is_problem else {}


NUL = "character that text cannot hold"


@schemathesis.hook
def filter_failure(_context: HookContext, failure: Any, _case: Any, response: Response) -> bool:
    """Accept a refusal of valid data only for the reasons above."""
    if not isinstance(failure, RejectedPositiveData):
        return True
    problem = problem_of(response)
    if response.status_code == 400:
        return NUL not in problem.get("detail", "")
    codes = {error["code"] for error in problem.get("errors", [])}
    return response.status_code != 422 or not codes <= UNFORESEEN


# --- access control

OPEN = (f"{API}/auth/", f"{API}/internal/", f"{API}/approvals", f"{API}/document", f"{API}/jobs", f"{API}/transfers")
"""Addresses that need no permission: the own account, signed calls, what waits for one, own jobs, the document."""
EXCEPT = (
    f"{API}/auth/logins",
    f"{API}/auth/throttled",
    f"{API}/jobs/schedules",
    f"{API}/jobs/schedules/{{name}}",
)
TIMES = 5
asked: Counter[str] = Counter()


@cache
def headers_of(who: str) -> dict[str, str]:
    """The credentials of NOBODY or SCOPED, who never sign out."""
    return {"Authorization": f"Bearer {token(who)}"}


def repeat(response: Response, who: str) -> requests.Response:
    """The answer to another caller of the same request."""
    again = response.request.copy()
    again.headers.update(headers_of(who))
    with requests.Session() as session:
        return session.send(again, timeout=SECONDS)


@schemathesis.check
def refused_to_others(_context: CheckContext, response: Response, case: Any) -> None:
    """Repeat a successful request of the superuser as a user without a role: it must be refused."""
    operation = case.operation.label
    is_open = case.path.startswith(OPEN) and case.path not in EXCEPT
    if response.status_code >= 300 or is_open or asked[operation] >= TIMES:
        return
    asked[operation] += 1
    answer = repeat(response, "NOBODY")
    refused = answer.status_code == 403 and answer.json()["code"] == "permission-denied"
    assert refused, f"a user without a role got {answer.status_code} {answer.text[:500]}"


# --- rows


@cache
def rows() -> Rows:
    return Rows(token("ROOT"))


@schemathesis.check
def nothing_outside_is_told(_context: CheckContext, response: Response, case: Any) -> None:
    """Repeat a request as a user who has some rows only: the answer tells of no other row.

    In other modules than those with scopes it asks each operation once. A refusal may repeat what was sent, and the
    answer to a change shows a row that leaves the scope a last time. An answer may be an archive, which is no text.
    """
    rows().learn(case.path, response.content.decode(errors="replace"))
    operation = f"scoped {case.operation.label}"
    is_scoped = case.path.removeprefix(f"{API}/").partition("/")[0] in MODULES
    if is_internal(case) or case.path.startswith(f"{API}/auth/") or (asked[operation] and not is_scoped):
        return
    asked[operation] += 1
    sent = f"{response.request.url} {response.request.body!r}"
    named = set(ID.findall(sent))
    own = named - rows().outside(sent)
    answer = repeat(response, "SCOPED")
    told = rows().outside(f"{answer.text} {answer.headers}") - own
    if answer.status_code >= 400:
        told -= named
    assert not told, f"a user got {answer.status_code} with rows outside: {sorted(told)} {answer.text[:500]}"


# --- what no answer repeats

PLAIN = re.compile(r"[a-z0-9:_-]*")
"""Ids, permissions and states: a refusal may name those."""


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


@schemathesis.check
def nothing_is_repeated(_context: CheckContext, response: Response, case: Any) -> None:
    """No refusal repeats what was sent."""
    if response.status_code < 400:
        return
    problem = problem_of(response)
    said = "\n".join([problem.get("detail", ""), *(error["detail"] for error in problem.get("errors", []))])
    sent = [text for part in (case.body, case.query) for text in texts(part)]
    told = [text for text in sent if len(text) >= 6 and not PLAIN.fullmatch(text)]
    repeated = [text for text in told if text in said or repr(text)[1:-1] in said]
    assert not repeated, f"repeats {json.dumps(repeated)}"
