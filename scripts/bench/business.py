"""Compares the business endpoints with the plain ones of one server: `python -m scripts.bench.business`."""

import argparse
import json
import os
import tempfile

import httpx

from scripts.bench.client import NUMBER, Request
from scripts.bench.figures import Figures, median_of
from scripts.bench.targets import JSON, attest, measure

PRODUCTS = 2000
PAIRS = {
    "get a product": ("get", "one statement, brand and category joined"),
    "list 50 products": ("list 50", "the same, 50 rows"),
    "search products": ("list 50", "q with two words, 50 rows"),
    "create a product": ("create", "with a check of brand and category"),
    "create with a key": ("create", "the response is stored"),
    "replay": ("create", "the stored response"),
    "move stock": ("create", "lock, product and movement, three change entries"),
    "bulk of 100": ("create", "100 tasks in a request"),
}


def business(port: int, bearer: tuple[str, str]) -> dict[str, Request]:
    """Create products, and build the requests."""
    product = {"name": "Desk lamp, brass", "price": "19.90", "currency": "EUR", "status": "active"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", headers=dict([bearer]), timeout=60) as client:
        brand = client.post("/brands", json={"name": "Lumen Works"}).raise_for_status().json()["id"]
        category = client.post("/categories", json={"name": "Desk lamps"}).raise_for_status().json()["id"]
        product |= {"brand_id": brand, "category_id": category}
        for start in range(0, PRODUCTS, 500):
            create = [{**product, "sku": f"P-{start + n}"} for n in range(500)]
            created = client.post("/products/bulk", json={"create": create}).raise_for_status().json()["created"]
        path = f"/api/v1/products/{created[0]['id']}"
        client.post(f"{path.removeprefix('/api/v1')}/stock-movements", json={"delta": 1_000_000, "reason": "bench"})
    task = json.dumps({"title": "bench", "description": "a few words"}).encode()
    sku = json.dumps({**product, "sku": f"N-{NUMBER}"}).encode()
    many = json.dumps({"create": [{"title": "bench", "description": "a few words"}] * 100}).encode()
    return {
        "get a product": Request("GET", path, (bearer,)),
        "list 50 products": Request("GET", "/api/v1/products?limit=50", (bearer,)),
        "search products": Request("GET", "/api/v1/products?limit=50&q=lamp+bra", (bearer,)),
        "create a product": Request("POST", "/api/v1/products", (bearer, JSON), sku),
        "create with a key": Request("POST", "/api/v1/tasks", (bearer, JSON, ("Idempotency-Key", NUMBER)), task),
        "replay": Request("POST", "/api/v1/tasks", (bearer, JSON, ("Idempotency-Key", "always")), task),
        "move stock": Request(
            "POST", f"{path}/stock-movements", (bearer, JSON), json.dumps({"delta": -1, "reason": "Sold"}).encode()
        ),
        "bulk of 100": Request("POST", "/api/v1/tasks/bulk", (bearer, JSON), many),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL"), help="default: a new SQLite file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, attest(folder, arguments.database_url) as target:
        for name, request in business(target.port, target.requests["get"][0].headers[0]).items():
            target.requests[name] = [request]
        print(f"{'':18} {'':>10} {'CPU':>8}   {'beside':>8} {'throughput':>10} {'CPU':>6}")
        for name, (other, what) in PAIRS.items():
            figures: dict[str, list[Figures]] = {name: [], other: []}
            for _ in range(arguments.rounds):
                for each, found in figures.items():
                    connections = 1 if each == "replay" else arguments.connections  # in parallel a key is a 409
                    found.append(measure(target, each, connections, arguments.seconds))
            one, usual = (median_of(turns) for turns in figures.values())
            ratios = f"{one.rate / usual.rate:10.2f} {one.cpu / usual.cpu:6.2f}"
            print(f"{name:18} {one.rate:8.0f}/s {one.cpu:6.0f} µs   {other:>8} {ratios}   {what}")


if __name__ == "__main__":
    main()
