"""What looks secret or personal in paths and in free text of clients is masked; ids and our own paths are not."""

from urllib.parse import quote
from uuid import uuid4

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from app.core.runtime.masking import MASK, MAX_PATH, mask_path, mask_text

JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
SENSITIVE = [
    "ines.costa@example.com",
    "root@localhost",
    "ines＠example.com",
    JWT,
    "ak_Zk3vQ0xw9cJ5l2nB7mT1yR8u",
    "Zk3vQ0xw-9cJ5l2nB7mT1",
    "9f86d081884c7d659a2feaa0c55ad015",
    "JBSWY3DPEHPK3PXP",
    "+4930901820",
    "4111 1111 1111 1111",
    "1985-04-12",
    "token=summer",
    "Bearer summer",
    "password:summer",
]


@pytest.mark.parametrize("text", SENSITIVE)
@pytest.mark.parametrize("encodings", [0, 1, 2])
def test_a_segment_that_looks_sensitive_is_masked_however_it_is_encoded(text: str, encodings: int) -> None:
    for _ in range(encodings):
        text = quote(text, safe="").replace(".", "%2E")

    assert mask_path(f"/nowhere/{text}/next") == f"/nowhere/{MASK}/next"


def test_what_is_encoded_again_and_again_is_masked() -> None:
    text = "ines@example.com"
    for _ in range(9):
        text = quote(text, safe="")

    assert mask_path(f"/nowhere/{text}") == f"/nowhere/{MASK}"


def test_what_follows_the_name_of_a_secret_is_masked() -> None:
    assert mask_path("/reset-password/hunter2/done") == f"/reset-password/{MASK}/done"
    assert mask_path("/otp/123456") == f"/otp/{MASK}"


def test_ids_are_kept() -> None:
    task = uuid4()

    assert mask_path(f"/tasks/{task}") == f"/tasks/{task}"
    assert mask_path(f"/tasks/{str(task).upper()}") == f"/tasks/{str(task).upper()}"
    assert mask_path(f"/tasks/{task.hex}", {task.hex}) == f"/tasks/{task.hex}"
    assert mask_path("/audit/changes/123456789", {"123456789"}) == "/audit/changes/123456789"


def test_invisible_characters_stay_encoded_and_nothing_is_ambiguous() -> None:
    assert mask_path("/a\nb\x1b[0m\u202ec\u2028\x00") == "/a%0Ab%1B[0m%E2%80%AEc%E2%80%A8%00"
    assert mask_path("/a%0A") == "/a%250A"
    assert mask_path("/café/日本") == "/café/日本"


def test_a_long_path_is_cut_between_segments() -> None:
    cut = mask_path("/" + "x" * (MAX_PATH - 5) + "/" + "ines@example.com" * 10)

    assert cut == "/" + "x" * (MAX_PATH - 5) + "/…"
    assert len(mask_path("/\n" * 9000)) == MAX_PATH


async def test_no_path_of_ours_is_masked(app: FastAPI) -> None:
    paths = {str(route.path_format) for route in iter_route_contexts(app.routes) if hasattr(route, "path_format")}

    assert len(paths) >= 60
    for path in paths:
        assert MASK not in mask_path(path.replace("{", "").replace("}", "")), path


def test_free_text_keeps_its_words() -> None:
    agent = f"bot/1.0 (+http://attest.test; ines@example.com) Bearer {JWT}\u202e"

    assert mask_text(agent, 400) == f"bot/1.0 (+http://attest.test; {MASK}) {MASK}"
    assert mask_text("a\tb\u202ec", 400) == "a%09b%E2%80%AEc"
    assert len(mask_text("\t" * 1000, 400)) == 400
    assert mask_text("probe/1 token=hunter2 password: hunter2x end", 400) == f"probe/1 {MASK} {MASK} end"
    assert mask_text(f"curl/8 {JWT}", 40) == f"curl/8 {MASK}"
