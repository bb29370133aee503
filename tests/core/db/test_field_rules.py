"""The declaration of fields that need actions: what stops the start, and what a table keeps of it."""

from types import NoneType
from typing import Any

import pytest
from pydantic import create_model
from sqlalchemy import Column, MetaData, String, Table

from app.core.clock import new_id, now
from app.core.context import Principal, RequestContext
from app.core.db.asked_columns import check_asked
from app.core.db.entity import table_of
from app.core.db.field_access import FieldAccess
from app.core.db.field_rules import (
    MASKED,
    BadFieldRule,
    FieldRules,
    bind_rules,
    check_bound,
    field_rule,
    rules_of,
)
from app.core.db.group_query import group_query_of
from app.core.errors import Forbidden
from app.core.runtime.module_info import ModuleInfo
from app.modules.products.models import Product
from app.modules.products.schemas import ProductQuery

SEEN = ModuleInfo("things", "Things", "Group", "icon", "/things", 1, {"see": "See all", "set": "Set some"})
READ = {"price": (str | None, ...), "name": (str, ...), MASKED: (list[str], ...)}


def table(**rules: dict[str, Any]) -> Table:
    columns = [Column(name, String(), info=rule["info"]) for name, rule in rules.items()]
    return Table("thing", MetaData(), *columns)


def caller(*permissions: str) -> RequestContext:
    return RequestContext(principal=Principal(new_id(), "someone", frozenset(permissions), now()))


def schema(**changes: Any) -> Any:
    fields = {name: kind for name, kind in {**READ, **changes}.items() if kind is not NoneType}
    return create_model("ThingRead", **fields)


@pytest.mark.parametrize(
    ("rules", "module", "read", "message"),
    [
        ({"price": field_rule(read="look")}, SEEN, schema(), "has fields for look"),
        ({"price": field_rule(write="look")}, SEEN, schema(), "has fields for look"),
        ({"price": field_rule(read="see")}, None, schema(), "has fields for see"),
        ({"price": field_rule(read="see")}, SEEN, schema(price=(str, ...)), "declare them"),
        ({"price": field_rule(read="see")}, SEEN, schema(**{MASKED: NoneType}), "make it a `MaskedRead`"),
        ({"name": field_rule(read="see")}, SEEN, schema(name=(str | None, ...)), "cannot be masked"),
    ],
)
def test_a_rule_that_could_not_be_kept_stops_the_start(rules: Any, module: Any, read: Any, message: str) -> None:
    with pytest.raises(BadFieldRule, match=message):
        bind_rules(table(**rules), module, read)


def test_a_table_with_rules_belongs_to_a_module() -> None:
    governed, plain = table(price=field_rule(read="see", write="set")), table(price={"info": {}})
    with pytest.raises(BadFieldRule, match="no resource of a module"):
        check_bound([plain, governed])

    bind_rules(governed, SEEN, schema())

    check_bound([plain, governed])
    assert rules_of(governed).read == {"things:see": frozenset({"price"})}
    assert rules_of(governed).write == {"price": "things:set"}
    assert rules_of(plain).names == ()


def test_a_permission_in_some_scope_is_for_every_row_of_a_table_without_scopes() -> None:
    rules = FieldRules({"things:see": frozenset({"price"})}, {"price": "things:set"}, ("price",))

    for held, may_read in (("things:see", True), ("things:see@own", True), ("*", True), ("things:set", False)):
        access = FieldAccess(rules, caller(held))
        assert (access.mask.columns == frozenset()) is may_read
    assert FieldAccess(rules, RequestContext.for_job("test")).mask.columns == frozenset()
    FieldAccess(rules, RequestContext.for_job("test")).check_reading(["price"])
    FieldAccess(rules, RequestContext.for_job("test")).check_writing(["price"])


def test_what_follows_from_a_field_is_as_hidden_as_the_field() -> None:
    """The folded form of an address, and the words of a search."""
    customers = next(table for table in Product.metadata.tables.values() if table.name == "customer")

    shown = rules_of(customers).read["customers:read-personal"]

    assert {"email", "email_folded", "search_words"} <= shown
    assert shown.isdisjoint({"status", "id", "version"})


@pytest.mark.parametrize(
    ("kind", "values", "pointer"),
    [
        (ProductQuery, {"sort": "name,-price"}, "/query/sort"),
        (ProductQuery, {"currency": ["EUR"]}, "/query/currency"),
        (ProductQuery, {"currency_not": ["EUR"]}, "/query/currency_not"),
        (ProductQuery, {"q": "lamp"}, "/query/q"),
        (group_query_of(ProductQuery), {"by": ["currency"]}, "/query/by"),
        (group_query_of(ProductQuery), {"by": ["status"], "sum": ["stock"]}, "/query/sum"),
        (group_query_of(ProductQuery), {"by": ["status"], "q": "lamp"}, "/query/q"),
        (ProductQuery, {"sort": "sku", "status": ["draft"], "total": True}, None),
        (group_query_of(ProductQuery), {"by": ["status"]}, None),
    ],
)
def test_a_query_asks_about_columns(kind: Any, values: dict[str, Any], pointer: str | None) -> None:
    hidden = frozenset({"currency", "price", "name", "stock"})
    access = FieldAccess(FieldRules({"products:see": hidden}, {}, tuple(hidden)), caller("products:read"))
    query = kind(**values)

    if pointer is None:
        check_asked(access, table_of(Product), query)
        return
    with pytest.raises(Forbidden) as refused:
        check_asked(access, table_of(Product), query)
    assert refused.value.errors is not None
    assert refused.value.errors[0]["pointer"] == pointer
