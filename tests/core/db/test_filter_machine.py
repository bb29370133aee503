"""Every filter, sort and summary of products against a plain Python model of them, on each database."""

from collections import Counter
from decimal import Decimal
from operator import ge, gt, itemgetter, le, lt
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.databases import Backend
from tests.machines import AppMachine, play
from tests.people import Person, person

Item = dict[str, Any]
Asked = dict[str, Any]

STATUSES = ["draft", "active", "archived"]
COMPARISONS = {"lt": lt, "lte": le, "gt": gt, "gte": ge}
SUFFIXES = ("not", "null", "under", *COMPARISONS)
SORTS = ["created_at", "-created_at", "status", "-status", "status,-name", "-status,stock", "stock,-status", "price"]
MORE_SORTS = ["-price", "price,status", "-sku", "-stock,status,-price", "name,-status"]
SKUS = [f"{'L' if n % 2 else 'l'}-{n}" for n in range(24)]
PRICES = ["5.00", "7.50", "10.00"]


class Filters(AppMachine):
    """`rows` are the visible products; `above` has the parent of each category."""

    @initialize()
    def begin(self) -> None:
        self.caller: Person = self.run(person(self.app, self.client, superuser=True))
        self.brands = [self.create("/brands", name=f"brand {n}")["id"] for n in range(3)]
        self.tags = [self.create("/tags", name=f"tag {n}")["id"] for n in range(4)]
        self.above: dict[str, str | None] = {}
        for n, parent in enumerate([None, 0, 1, 0, None]):
            parent_id = None if parent is None else list(self.above)[parent]
            made = self.create("/categories", name=f"category {n}", parent_id=parent_id)
            self.above[made["id"]] = parent_id
        for n, sku in enumerate(SKUS):
            self.add_product(n, sku)
        assert self.run(self.caller.delete(f"/tags/{self.tags[3]}")).status_code == 204
        self.rows: list[Item] = self.run(self.caller.get("/products", params={"limit": 100})).json()["items"]

    def add_product(self, n: int, sku: str) -> None:
        values = {"sku": sku, "name": f"lamp {n % 5}", "price": PRICES[n % 3], "currency": ["EUR", "USD"][n % 4 == 0]}
        links = {"brand_id": [None, *self.brands][n % 4], "category_id": [None, *self.above][n % 6]}
        made = self.create("/products", **values, **links, status=STATUSES[n * 7 % 3])
        if n % 3:
            self.create(f"/products/{made['id']}/stock-movements", delta=n % 3, reason="Delivered")
        if tags := [tag for place, tag in enumerate(self.tags) if n % (place + 2) == 0]:
            answer = self.run(self.caller.put(f"/products/{made['id']}/tags", {"tag_ids": tags}))
            assert answer.status_code == 200
        if n % 11 == 10:
            assert self.run(self.caller.delete(f"/products/{made['id']}")).status_code == 204

    def create(self, path: str, **values: Any) -> Item:
        answer = self.run(self.caller.post(path, values))
        assert answer.status_code == 201, answer.text
        made: Item = answer.json()
        return made

    def draw(self, data: st.DataObject) -> Asked:
        """Some filters, each with values that products have, or nearly."""
        times = [row["created_at"] for row in self.rows]
        texts = [*SKUS, "L-1", "l-2", "none"]
        options: dict[str, list[Any]] = {
            "id": [row["id"] for row in self.rows],
            **{f"created_at_{each}": times for each in COMPARISONS},
            "sku": texts,
            "sku_not": texts,
            "stock": [0, 1, 2, 3],
            "stock_not": [0, 1],
            **{f"stock_{each}": [0, 1, 2] for each in COMPARISONS},
            "status": STATUSES,
            "status_not": STATUSES,
            **{f"{name}{end}": list(ids) for name, ids in self.references() for end in ("", "_not")},
            **{f"{name}_null": ["true", "false"] for name, _ in self.references()},
            "category_id_under": list(self.above),
            **{f"brand{end}": ["Brand 0", "brand 1", "none"] for end in ("", "_not")},
            **{f"tag_id{end}": self.tags for end in ("", "_not")},
            **{f"tag{end}": ["tag 0", "TAG 1", "tag 3", "none"] for end in ("", "_not")},
            "tag_id_null": ["true", "false"],
            "currency": ["EUR", "USD"],
            "price": PRICES,
            "price_not": PRICES,
            **{f"price_{each}": PRICES for each in COMPARISONS},
        }
        asked: Asked = {}
        for name in data.draw(st.lists(st.sampled_from(sorted(options)), max_size=3, unique=True)):
            is_one = name.endswith("_null") or name.rpartition("_")[2] in COMPARISONS
            count = 1 if is_one else data.draw(st.integers(1, 2))
            asked[name] = [data.draw(st.sampled_from(options[name])) for _ in range(count)]
        if any(name.startswith("price") for name in asked):
            asked["currency"] = [data.draw(st.sampled_from(["EUR", "USD"]))]
        return asked

    def references(self) -> list[tuple[str, Any]]:
        return [("brand_id", self.brands), ("category_id", self.above)]

    def matching(self, asked: Asked) -> list[Item]:
        return [row for row in self.rows if all(self.matches(row, name, asked[name]) for name in asked)]

    def matches(self, row: Item, name: str, values: list[Any]) -> bool:
        column, _, suffix = name.rpartition("_")
        column, suffix = (column, suffix) if suffix in SUFFIXES else (name, "")
        if column in ("brand", "tag", "tag_id"):
            return self.is_linked(row, column, suffix, values)
        value = row[column]
        if suffix == "null":
            return bool((value is None) == (values[0] == "true"))
        if suffix == "under":
            return any(self.is_below(value, each) for each in values)
        if suffix in COMPARISONS:
            kind = Decimal if column == "price" else type(value)
            return bool(COMPARISONS[suffix](kind(value), kind(values[0])))
        if column == "sku":
            value, values = value.casefold(), [each.casefold() for each in values]
        return bool((value in values) != (suffix == "not"))

    def is_linked(self, row: Item, column: str, suffix: str, values: list[Any]) -> bool:
        others = row["tags"] if column.startswith("tag") else [row["brand"]] if row["brand"] else []
        if suffix == "null":
            return bool((others == []) == (values[0] == "true"))
        field = "id" if column == "tag_id" else "name"
        has_any = any(each[field] in [value.lower() for value in values] for each in others)
        return has_any != (suffix == "not")

    def is_below(self, category: str | None, top: str) -> bool:
        while category is not None and category != top:
            category = self.above[category]
        return category == top

    @rule(data=st.data(), sort=st.sampled_from(SORTS + MORE_SORTS), limit=st.integers(1, 9))
    def walk(self, data: st.DataObject, sort: str, limit: int) -> None:
        asked = self.draw(data)
        wanted = ordered(self.matching(asked), sort)
        params: Asked = {**asked, "sort": sort, "limit": limit, "total": "true"}
        found: list[Item] = []
        while True:
            answer = self.run(self.caller.get("/products", params=params))
            assert answer.status_code == 200, (params, answer.text)
            page = answer.json()
            assert page["total"] == len(wanted), params
            found += page["items"]
            if page["next_cursor"] is None:
                break
            params["cursor"] = page["next_cursor"]
        assert [row["id"] for row in found] == [row["id"] for row in wanted], params

    @rule(data=st.data())
    def summarize(self, data: st.DataObject) -> None:
        asked, dimensions = self.draw(data), ["status", "brand_id", "category_id", "currency", "tag_id"]
        by = data.draw(st.lists(st.sampled_from(dimensions), min_size=1, max_size=3, unique=True))
        sums = ["stock", *(["price"] if "currency" in by or len(asked.get("currency", ())) == 1 else [])]
        answer = self.run(self.caller.get("/products/summary", params={**asked, "by": ",".join(by), "sum": sums}))
        assert answer.status_code == 200, (asked, by, answer.text)
        matching, found = self.matching(asked), answer.json()
        matching_by_tag = [{**row, "tag_id": tag} for row in matching for tag in tags_of(row)]
        grouped = matching_by_tag if "tag_id" in by else matching
        wanted = Counter(tuple(row[name] for name in by) for row in grouped)
        assert (found["by"], found["total"], found["groups"]) == (by, len(matching), len(wanted))
        assert {tuple(group[name] for name in by): group["count"] for group in found["items"]} == wanted
        for group in found["items"]:
            same = [row for row in grouped if all(row[name] == group[name] for name in by)]
            assert group["stock_sum"] == sum(row["stock"] for row in same)
            if "price" in sums:
                assert Decimal(group["price_sum"]) == sum(Decimal(row["price"]) for row in same)
            if "brand_id" in by:
                assert group["brand"] == same[0]["brand"]
            if "tag_id" in by:
                assert group["tag"] == next((tag for tag in same[0]["tags"] if tag["id"] == group["tag_id"]), None)


def tags_of(row: Item) -> list[str | None]:
    """The tags that a product is counted by; null without any."""
    return [tag["id"] for tag in row["tags"]] or [None]


def ordered(rows: list[Item], sort: str) -> list[Item]:
    """`rows` as the guide says: options in the order of their declaration, amounts within their currency."""
    parts = [(part.removeprefix("-"), part.startswith("-")) for part in sort.split(",")]
    last, descends = parts[-1]
    keys = [*parts, *([("created_at", descends)] if last == "status" else []), ("id", descends)]
    for field, down in reversed(keys):
        rows = sorted(rows, key=sort_key(field), reverse=down)
    return rows


def sort_key(field: str) -> Any:
    if field == "status":
        return lambda row: STATUSES.index(row["status"])
    if field == "price":
        return lambda row: (row["currency"], Decimal(row["price"]))
    return itemgetter(field)


def test_lists_and_summaries_equal_the_model(backend: Backend, template: str) -> None:
    play(Filters, (backend, template), examples=2, steps=40)
