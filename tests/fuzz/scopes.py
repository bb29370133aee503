"""Which rows are the scoped user's, by what the items say: an oracle beside the code that is fuzzed."""

import json
import os
import re
from collections.abc import Mapping
from typing import Any

import requests

API = "/api/v1"
SECONDS = 60
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
MODULES = ("tasks", "customers", "products")
"""The modules that have scopes."""


class Rows:
    """The rows of modules with scopes that answers to the superuser have shown."""

    def __init__(self, token: str) -> None:
        self.headers = {"Authorization": f"Bearer {token}"}
        self.user = os.environ["SCOPED_ID"]
        self.seen: dict[str, tuple[str, Mapping[str, Any]]] = {}
        for module in MODULES:
            for query in ("?limit=100", "?limit=100&deleted=only"):
                self.learn(f"{API}/{module}", json.dumps(self.get(f"/{module}{query}")))

    def learn(self, path: str, text: str) -> None:
        """Remember the items of an answer."""
        module = path.removeprefix(f"{API}/").partition("/")[0]
        if module not in MODULES:
            return
        try:
            document = json.loads(text)
        except ValueError:
            return
        items = document.get("items", [document]) if isinstance(document, dict) else []
        for item in items:
            if isinstance(item, dict) and {"id", "created_by", "version"} <= item.keys() and "delta" not in item:
                self.seen[item["id"]] = (module, item)

    def outside(self, text: str) -> set[str]:
        """The ids in a text of rows that are not the scoped user's."""
        return {found for found in ID.findall(text) if found in self.seen and not self.is_own(*self.seen[found])}

    def is_own(self, module: str, item: Mapping[str, Any]) -> bool:
        """Whether a row is in the scope of the user, now, or as it was last seen."""
        now = self.get(f"/{module}/{item['id']}") or item
        if module == "products":
            return now["brand_id"] is not None and self.is_of_user(self.get(f"/brands/{now['brand_id']}"))
        return self.is_of_user(now) or now.get("assignee_id") == self.user

    def is_of_user(self, item: Mapping[str, Any] | None) -> bool:
        """Whether the user created an item."""
        return item is not None and item["created_by"] is not None and item["created_by"]["id"] == self.user

    def get(self, path: str) -> dict[str, Any] | None:
        """What is there, such as an item as it is; None where it is not."""
        answer = requests.get(f"{os.environ['SERVER_URL']}{API}{path}", headers=self.headers, timeout=SECONDS)
        return answer.json() if answer.status_code == 200 else None
