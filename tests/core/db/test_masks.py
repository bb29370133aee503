"""Columns that a caller may read in some rows only: what a select has of them, and what the answer of a write has."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.core.clock import now
from app.core.context import Principal, RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.field_access import FieldAccess
from app.core.db.field_rules import RULES, FieldRules, rules_of
from app.core.db.masks import NO_MASK, PartlyReadable, make_mask, mask_by
from app.main import create_app
from app.modules.brands.models import Brand
from app.modules.products.models import Product
from app.modules.products.repository import ProductRepository
from app.modules.products.schemas import ProductQuery, ProductRead
from tests.core.db.plans import statements_of

SEE, READ = "products:see", "products:read"
HIDDEN = frozenset({"price", "description", "brand_id"})
FIELDS = HIDDEN | {"brand"}
"""What shows them."""


class HiddenRead(ProductRead):
    """A product, of which some fields may be masked."""

    masked_fields: list[str]
    """Their names."""


class MaskedProducts(ProductRepository):
    """Products whose price, description and brand need an action to be read."""

    read = HiddenRead  # type: ignore[assignment]  # a class attribute is taken for exactly that class


def caller(*permissions: str) -> RequestContext:
    principal = Principal(uuid4(), "caller", frozenset(permissions), now() + timedelta(hours=1))
    return RequestContext(principal=principal)


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch) -> FieldRules:
    create_app()
    table = table_of(Product)
    found = FieldRules({SEE: HIDDEN}, {}, tuple(HIDDEN), table=table)
    monkeypatch.setitem(table.info, RULES, found)
    return found


Scene = tuple[RequestContext, dict[str, UUID]]


@pytest.fixture
async def scene(database: Database, rules: FieldRules) -> Scene:
    """Who reads all products and sees the hidden fields of those of the own brands; products of several brands."""
    me = caller(READ, "products:update", f"{SEE}@brands", "brands:read")
    ids = {}
    for name, context, gone in (("mine", me, None), ("deleted", me, now()), ("foreign", caller("*"), None)):
        async with database.unit_of_work(context) as session:
            brand = Brand(name=name, deleted_at=gone)
            session.add(brand)
            await session.flush()
            item = Product(
                sku=name, name=name, description=name, price=Decimal("1.5"), currency="EUR", brand_id=brand.id
            )
            session.add(item)
            ids[name] = item.id
    return me, ids


def check(items: Sequence[Any]) -> None:
    assert {item.name for item in items} == {"mine", "deleted", "foreign"}
    for item in items:
        is_mine = item.name == "mine"
        assert item.masked_fields == ([] if is_mine else [name for name in HiddenRead.model_fields if name in FIELDS])
        assert (item.description, item.brand and item.brand["name"]) == (("mine", "mine") if is_mine else (None, None))
        assert (item.price is None) is (item.brand_id is None) is not is_mine
        assert not is_mine or str(item.price) == "1.50"
        assert [name for name in vars(item) if name.startswith("shows_")] == []


@pytest.mark.parametrize("given", [{}, {"status": ["draft", "active"]}], ids=["all", "of two indexes"])
async def test_a_list_shows_what_the_caller_may_read_of_each_row(
    database: Database, scene: Scene, given: dict[str, Any]
) -> None:
    """Regression: rows of two indexes were joined by a reference that was masked in them."""
    me, ids = scene
    rows = MaskedProducts(database.read_session(me))
    with statements_of(database, "product") as statements:
        page = await rows.page(ProductQuery(**given))

    check(page.items)
    check([await rows.get(each) for each in ids.values()])
    assert len(statements) == 1


async def test_the_answer_of_a_write_shows_the_same(database: Database, scene: Scene) -> None:
    me, ids = scene
    async with database.unit_of_work(me) as session:
        rows = MaskedProducts(session)
        changed = [await rows.change(await rows.load(each), {"stock": 7}) for each in ids.values()]
        answers = await rows.reload_for_read(changed)
    read = [await MaskedProducts(database.read_session(me)).get(each) for each in ids.values()]

    check(answers)
    versions = {item.name: item.embedded_versions for item in read}
    assert {item.name: item.embedded_versions for item in answers} == versions
    assert versions["mine"] != versions["foreign"] == versions["deleted"]


async def test_who_may_read_all_reads_as_before(database: Database, scene: Scene) -> None:
    """The select has no condition that it does not need, and is the same for all of them."""
    callers = [caller(READ, SEE), caller("*"), caller(f"{READ}@brands", f"{SEE}@brands")]
    with statements_of(database, "product") as statements:
        seen = [await MaskedProducts(database.read_session(each)).page(ProductQuery()) for each in callers]

    assert [len(page.items) for page in seen] == [3, 3, 0]
    assert all("CASE" not in sql and "shows_" not in sql for sql, _ in statements)


def test_a_mask_depends_on_what_is_read(rules: FieldRules) -> None:
    nothing = frozenset[str]()
    partly = make_mask(nothing, (PartlyReadable(SEE, HIDDEN, frozenset({"brands"})),))
    for held, expected in (
        ({READ, SEE}, NO_MASK),
        ({READ, f"{SEE}@brands"}, partly),
        ({f"{READ}@brands", f"{SEE}@brands"}, NO_MASK),
        ({f"{READ}@brands", f"{READ}@other", f"{SEE}@brands"}, partly),
        ({f"{SEE}@brands"}, partly),
        ({READ}, make_mask(HIDDEN, ())),
        ({"*"}, NO_MASK),
    ):
        permissions = frozenset(held)
        assert mask_by(rules, permissions) is expected, held
    assert partly.columns == partly.in_row([False]) == HIDDEN
    assert partly.in_row([True]) == nothing
    assert FieldAccess(rules_of(table_of(Product)), RequestContext.for_job("test")).mask is NO_MASK


def test_a_file_in_a_scope_needs_no_mask_there(rules: FieldRules) -> None:
    """Who may export only the rows in which the fields are shown gets a file without masks."""
    permissions = frozenset({READ, f"{SEE}@brands", "products:export@brands"})

    assert mask_by(rules, permissions, "products:export") is NO_MASK
