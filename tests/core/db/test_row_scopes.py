"""Scopes of rows: what their declarations need, and the plans of lists in a scope."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import Table, select
from sqlmodel import SQLModel

from app.core.clock import now
from app.core.context import Principal, RequestContext
from app.core.db.engine import Database
from app.core.db.entity import Entity, table_of
from app.core.db.pagination import EntityQuery
from app.core.db.repository import ReadRepository
from app.core.db.row_access import EVERY_PERMISSION, access_by, is_included, scoped_modules, scopes_of
from app.core.db.row_scopes import RefersToOwn, RowScope, RowScopes
from app.core.db.session import AnySelect
from app.core.db.targets import target_of
from app.core.http.router import Router
from app.main import create_app
from app.modules.brands.models import Brand
from app.modules.categories.models import Category
from app.modules.customers.repository import CustomerRepository
from app.modules.customers.schemas import CustomerQuery
from app.modules.products.models import Product
from app.modules.roles import Role
from app.modules.tasks.models import Task
from app.modules.tasks.repository import TaskRepository
from app.modules.tasks.schemas import TaskQuery
from tests.core.db.plans import statements_of
from tests.core.db.test_list_plans import plans
from tests.people import SignedInAs


def entities() -> Iterator[type[Entity]]:
    create_app()
    for mapper in SQLModel._sa_registry.mappers:
        if issubclass(mapper.class_, Entity) and mapper.class_.__module__.startswith("app."):
            yield mapper.class_


def caller(*permissions: str) -> RequestContext:
    principal = Principal(uuid4(), "caller", frozenset(permissions), now() + timedelta(hours=1))
    return RequestContext(principal=principal)


def test_each_scope_is_of_a_module_and_has_indexes() -> None:
    declared = [(model, model.row_scopes) for model in entities() if model.row_scopes is not None]
    modules = {module.slug: module for module in create_app().state.modules}

    assert {scopes.module for _, scopes in declared} >= {"tasks", "customers", "products"}
    for model, scopes in declared:
        assert modules[scopes.module].scopes == scopes.titles
        for rule in {rule for scope in scopes.scopes for rule in scope.rules}:
            assert begins_index(table_of(model), rule.column), rule
            if isinstance(rule, RefersToOwn):
                assert begins_index(SQLModel.metadata.tables[rule.table], rule.caller), rule


def begins_index(table: Table, column: str) -> bool:
    """Whether an index has the column first, and the usual order of a list behind it."""
    return f"ix_{table.name}_{column}_created_at_id" in {index.name for index in table.indexes}


def test_rows_with_scopes_are_of_the_module_of_their_router() -> None:
    rows = RowScopes("tasks", (RowScope("own", "Your own", ("created_by_id",)),))
    tasks = Router("tasks")

    tasks.declare_scopes(rows)

    assert tasks.module is not None
    assert tasks.module.scopes == {"own": "Your own"}
    with pytest.raises(ValueError, match="scopes of the module tasks"):
        Router("errands").declare_scopes(rows)


def test_references_to_rows_with_scopes_are_checked() -> None:
    """Else the foreign key alone would tell a row outside from one that is missing."""
    for model in entities():
        checked = {*model.restricted_references, *model.visible_references, model.part_of, model.links_to}
        for column in table_of(model).columns:
            if column.foreign_keys and scopes_of(target_of(column)) is not None:
                assert column.name in checked, f"{model.__name__}.{column.name}"


LISTS: list[tuple[type[ReadRepository], EntityQuery, str, list[str]]] = [
    (TaskRepository, TaskQuery(), "tasks:read", []),
    (TaskRepository, TaskQuery(), "tasks:read@own", ["created_by_id", "assignee_id"]),
    (CustomerRepository, CustomerQuery(), "customers:read@own", ["created_by_id"]),
]


@pytest.mark.parametrize(("kind", "query", "permission", "columns"), LISTS, ids=[each[2] for each in LISTS])
async def test_a_list_in_a_scope_reads_an_index_in_order(
    database: Database, kind: type[ReadRepository], query: EntityQuery, permission: str, columns: list[str]
) -> None:
    """However many rows there are, and however many are the caller's: none is read that the page does not show."""
    [plan] = await plans(database, caller(permission), kind, query)

    table = kind.model.__tablename__
    wanted = [f"ix_{table}_{name}_created_at_id" for name in columns] or [f"ix_{table}_created_at_id"]
    assert all(plan.count(index) == 1 for index in wanted), plan
    assert "TEMP B-TREE" not in plan, f"the first of each, merged: {plan}"
    assert plan.count("Sort Key") == plan.count("Merge Append"), plan
    assert (len(columns) > 1) == ("Merge Append" in plan or "MERGE (UNION ALL)" in plan), plan


def test_rows_whose_scopes_were_not_known_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Access that was made before a model with scopes was imported gave every row of it."""
    monkeypatch.setattr("app.core.db.row_access.scoped_modules", lambda: scoped_modules()[1:])
    known_too_late = scoped_modules()[0]
    access = access_by.__wrapped__(EVERY_PERMISSION)

    with pytest.raises(KeyError, match=known_too_late):
        access.held_in(known_too_late)


async def test_who_may_read_everything_has_no_condition(database: Database) -> None:
    with statements_of(database, "task") as statements:
        for permissions in ({"*"}, {"tasks:read"}, {"tasks:read", "tasks:read@own"}):
            await TaskRepository(database.read_session(caller(*permissions))).page(TaskQuery())

    assert len({sql for sql, _ in statements}) == 1
    assert "WHERE task.deleted_at IS NULL ORDER" in " ".join(statements[0][0].split())


async def test_scopes_by_column_and_by_reference_add_up(database: Database) -> None:
    """Each row once, also where both hold, and where the reference is null."""
    rows = RowScopes(
        "products", (RowScope("both", "Your own", ("created_by_id",), (RefersToOwn("brand_id", "brand"),)),)
    )
    me, other = caller("products:read@both"), caller("products:read@both")
    brands = {}
    for name, context in (("mine", me), ("foreign", other)):
        async with database.unit_of_work(context) as session:
            brand = Brand(name=name)
            session.add(brand)
            brands[name] = brand.id
    for context, author in ((me, "me"), (other, "other")):
        async with database.unit_of_work(context) as session:
            for brand_name in ("mine", "foreign", None):
                name = f"{author}, {brand_name}"
                brand_id = brands[brand_name] if brand_name else None
                session.add(Product(sku=name, name=name, price=Decimal(1), currency="EUR", brand_id=brand_id))

    product, held, read = table_of(Product), frozenset({"both"}), database.read_session(me)
    together: AnySelect = select(product.c.name).where(rows.condition(product, held))
    parts: list[AnySelect] = [select(product.c.name).where(each) for each in rows.split(product, held)]
    found = [row.name for row in await read.all(together)]
    apart = [[row.name for row in await read.all(part)] for part in parts]

    assert sorted(found) == ["me, None", "me, foreign", "me, mine", "other, mine"]
    assert [sorted(names) for names in apart] == [["me, None", "me, foreign", "me, mine"], ["other, mine"]]


async def test_a_page_of_a_range_has_no_other_condition(database: Database) -> None:
    """Regression: the condition of the whole scope beside that of a range made PostgreSQL sort all of its rows."""
    with statements_of(database, "task") as statements:
        await TaskRepository(database.read_session(caller("tasks:read@own"))).page(TaskQuery())

    [(sql, _)] = statements
    assert " OR " not in sql


async def test_rows_of_several_indexes_are_joined_with_names_once(database: Database) -> None:
    """Regression: PostgreSQL looked up the names of all rows that it merged, and planned each join twice."""
    context = caller("tasks:read@own")
    async with database.unit_of_work(context) as session:
        session.add(Task(title="mine"))
    with statements_of(database, "task") as statements:
        page = await TaskRepository(database.read_session(context)).page(TaskQuery())

    [(sql, _)] = statements
    assert [row.title for row in page.items] == ["mine"]
    assert "UNION ALL" in sql
    assert sql.count("JOIN") == (6 if database.is_sqlite else 3), "SQLite merges rows with their names faster"


async def found_by(rule: RefersToOwn, model: type[Entity], me: RequestContext, database: Database) -> set[str]:
    """The names of the rows that a rule puts into a scope: by its condition, its parts, of an alias, and row by row."""
    rows, held = RowScopes("tests", (RowScope("own", "Your own", references=(rule,)),)), frozenset({"own"})
    table, read = table_of(model), database.read_session(me)
    alias, [part] = table.alias(), rows.split(table, held)
    selects: list[AnySelect] = [
        select(table.c.name).where(rows.condition(table, held)),
        select(table.c.name).where(part),
        select(alias.c.name).where(rows.condition(alias, held)),
    ]
    listed, *others = [{row.name for row in await read.all(each)} for each in selects]
    every: AnySelect = select(*table.c)
    one_by_one = {row.name for row in await read.all(every) if await is_included(read, [rule], row._asdict())}
    assert others == [listed, listed]
    assert one_by_one == listed
    return listed


async def test_rows_are_found_by_what_a_table_links_to_the_caller(database: Database, signed_in_as: SignedInAs) -> None:
    """The roles of a user: `user_role` has their ids beside the user's, each under a name of its own."""
    rule = RefersToOwn("id", "user_role", key="role_id", caller="user_id")
    people = [await signed_in_as("tasks:read"), await signed_in_as("brands:read")]
    nobody = caller("roles:read@own")

    for person in people:
        me = RequestContext(principal=Principal(person.id, "caller", frozenset(), now() + timedelta(hours=1)))
        assert await found_by(rule, Role, me, database) == {person.username}
    assert await found_by(rule, Role, nobody, database) == set()


async def test_rows_are_found_by_another_key_than_the_id(database: Database, job: RequestContext) -> None:
    """Categories that are called as a brand of the caller's: hidden brands give none."""
    me, other = caller("categories:read@own"), caller("categories:read@own")
    authors = {"Mine": me, "Hidden": me, "Of another": other}
    for name, author in authors.items():
        async with database.unit_of_work(author) as session:
            session.add(Brand(name=name, deleted_at=now() if name == "Hidden" else None))
    async with database.unit_of_work(job) as session:
        session.add_all([Category(name=name) for name in (*authors, "Of nothing")])

    found = await found_by(RefersToOwn("name", "brand", key="name"), Category, me, database)

    assert found == {"Mine"}
