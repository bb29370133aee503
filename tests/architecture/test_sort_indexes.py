"""Whatever a list can be sorted or filtered by has an index: else a page costs as much as the whole table."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, get_args, get_origin

import pytest
from fastapi.routing import RouteContext, iter_route_contexts
from pydantic import create_model
from sqlalchemy import Table, UniqueConstraint
from sqlmodel import SQLModel

from app.core.db.column_types import options_of
from app.core.db.declared_filters import NOT, read_name
from app.core.db.entity import table_of
from app.core.db.group_query import divides
from app.core.db.linked_filters import LinkedFilter, MemberFilter
from app.core.db.natural_keys import natural_keys, unique_name
from app.core.db.pagination import EntityQuery, PageQuery
from app.core.db.related_filters import RelatedRows, RelatedValues
from app.core.db.uniqueness import unique_keys
from app.core.resources.links import MemberQuery
from app.core.resources.service import Service
from app.main import create_app
from app.modules.api_keys.schemas import AllApiKeysQuery, ApiKeyQuery
from app.modules.approvals.schemas import ApprovalQuery
from app.modules.audit.calls.schemas import CallQuery
from app.modules.audit.erasure.schemas import ErasureQuery
from app.modules.audit.items.schemas import ItemHistoryQuery
from app.modules.audit.own.schemas import OwnChangeQuery
from app.modules.audit.schemas import AccessQuery, ChangeQuery, HistoryQuery
from app.modules.audit.timeline.schemas import TimelineQuery
from app.modules.auth.schemas import ThrottledQuery
from app.modules.categories.schemas import CategoryQuery
from app.modules.jobs.schedules.schemas import ScheduleQuery
from app.modules.jobs.schemas import JobQuery
from app.modules.products.schemas import MovementQuery
from app.modules.rbac.schemas import VersionQuery, WhoCanQuery
from app.modules.rbac.versions.schemas import AccessReviewQuery
from app.modules.roles.modules.schemas import GroupQuery, ModuleQuery
from app.modules.roles.schemas import HolderQuery, RoleQuery
from app.modules.sessions.schemas import AllSessionsQuery, LoginQuery, MyLoginQuery, SessionQuery
from app.modules.tasks.schemas import TaskQuery
from app.modules.users.schemas import UserQuery
from app.modules.webhooks.schemas import DeliveryQuery, WebhookQuery

OTHER_LISTS = {
    AccessReviewQuery: ("user",),
    AllApiKeysQuery: ("api_key",),
    AllSessionsQuery: ("auth_session",),
    AccessQuery: ("audit_access",),
    ApprovalQuery: ("approval",),
    ChangeQuery: ("audit_change",),
    ErasureQuery: ("audit_erasure",),
    HolderQuery: ("user",),
    JobQuery: ("job",),
    LoginQuery: ("login_attempt",),
    MovementQuery: ("stock_movement", "product_id"),
    MyLoginQuery: ("login_attempt", "user_id"),
    OwnChangeQuery: ("audit_change", "actor_id"),
    ThrottledQuery: ("sign_in_counter",),
    TimelineQuery: ("audit_access", "actor_id"),
    VersionQuery: ("policy_version",),
    WebhookQuery: ("webhook",),
    DeliveryQuery: ("webhook_attempt", "webhook_id"),
    WhoCanQuery: ("user",),
}
"""Lists that `add_resource` did not make: their table, and the columns that narrow it to the rows of one owner."""
BESIDE = {"api_key": "api_key_use", "auth_session": "auth_session_use"}
"""Tables with further columns of the same rows, by which lists are sorted and filtered too."""
SHORT_LISTS = {
    ApiKeyQuery: "the keys of one user",
    CallQuery: "the changes of one request or job",
    HistoryQuery: "the changes of one person",
    ItemHistoryQuery: "the changes of one item",
    MemberQuery: "the linked items of one item",
    GroupQuery: "the groups of modules that the code has",
    ModuleQuery: "the modules that the code has",
    ScheduleQuery: "the schedules that the code has",
    SessionQuery: "the open sessions of one user",
}
"""Lists that need no index for their order, because few rows can be in them."""

WALKED = {
    AccessQuery: (*AccessQuery.walked, "decision_null"),  # with an index for true, in a window for false
    AllApiKeysQuery: ("last_used_at_null", "last_used_at_gte", "last_used_at_lt"),
    AllSessionsQuery: ("used_at_gte", "used_at_lt", *(f"updated_at_{each}" for each in ("lt", "lte", "gt", "gte"))),
    CategoryQuery: ("name",),
    ChangeQuery: tuple(ChangeQuery.walked),
    ErasureQuery: ("entity_id",),
    LoginQuery: ("is_successful", "reason", "reason_null", "session_id", "session_id_null", "request_id"),
    MyLoginQuery: ("is_successful",),
    RoleQuery: ("is_active",),
    UserQuery: ("is_active", "is_superuser", "is_service", "must_change_password"),
    VersionQuery: ("actor_id", "request_id"),
}
"""Filters without an index of their own. An index costs its part of every entry of a log, which is read in a window
for them; the login log, sessions and the policy versions are pruned, keys, roles, users and categories are not many,
little is throttled at a time, and one is erased once."""

Listing = tuple[str, type[PageQuery], Table, tuple[str, ...]]


def listings() -> Iterator[Listing]:
    """Path, query, table and narrowing columns of every list that can be long."""
    for route in iter_route_contexts(create_app().routes):
        for query in [kind for kind in annotated_types(route) if issubclass(kind, PageQuery)]:
            services = [kind for kind in annotated_types(route) if issubclass(kind, Service)]
            if query in OTHER_LISTS:
                table, *owner = OTHER_LISTS[query]
                yield str(route.path_format), query, SQLModel.metadata.tables[table], tuple(owner)
            elif query not in SHORT_LISTS:
                yield str(route.path_format), query, table_of(services[0].repository.model), ()


def annotated_types(route: RouteContext) -> list[type[Any]]:
    endpoint = getattr(route.original_route, "endpoint", None)
    parameters = inspect.signature(endpoint).parameters.values() if endpoint else ()
    kinds = [get_args(p.annotation)[0] for p in parameters if get_origin(p.annotation) is Annotated]
    return [kind for kind in kinds if inspect.isclass(kind)]


def indexes_of(table: Table) -> list[tuple[str, ...]]:
    """The columns of each index of a table and of the one beside it, its primary key among them."""
    indexes = [*table.indexes, *(beside_of(table).indexes if table.name in BESIDE else ())]
    found = [tuple(column.name for column in index.columns) for index in indexes]
    unique = [(column.name,) for column in table.columns if column.unique]
    return [*found, *unique, tuple(column.name for column in table.primary_key)]


def beside_of(table: Table) -> Table:
    """The table with further columns of the same rows; where there is none, the table itself."""
    return SQLModel.metadata.tables[BESIDE.get(table.name, table.name)]


def without_index(listing: Listing) -> list[str]:
    """The sortable fields of a list for whose order there is no index, behind the narrowing columns."""
    _, query, table, owner = listing
    indexes = indexes_of(table)
    return [name for name in query.sortable if (*owner, *order_of(query, name)) not in indexes]


def order_of(query: type[PageQuery], name: str) -> tuple[str, ...]:
    """The columns by which a list is sorted for a field."""
    if query.lists is None:
        return tuple(dict.fromkeys((name, "id")))
    return tuple(dict(query.model_construct(sort=name).sort_fields()))


def filters_without_index(listing: Listing) -> list[str]:
    """The filters of a list for which no index begins with its column, behind the narrowing columns.

    Rows of a resource that are equal in a column with options, or a reference, are many, so that the usual order of the
    list must follow in the index. What excludes some values (`_not`) is read in that order until enough match.
    """
    _, query, table, owner = listing
    order = () if query in OTHER_LISTS else (query.default_sort.removeprefix("-"), "id")
    indexes = indexes_of(table)
    missing = []
    for parameter in query.model_fields.keys() - EntityQuery.model_fields.keys() - set(WALKED.get(query, ())):
        name, suffix = read_name(table, parameter)
        if (linked := query.linked.get(name)) is not None:
            missing += [] if is_bounded(linked, indexes) else [parameter]
            continue
        if name in query.related:
            continue
        column = table.c.get(name, beside_of(table).c.get(name))
        if column is None or name == "id" or (suffix == NOT and not options_of(column)):
            continue
        if name in natural_keys(table):
            is_indexed = any(
                key.fields == [name] and len(key.columns) == 1 for key in unique_keys(table) if not key.alone
            )
        else:
            before = [query.currencies[name]] if name in query.currencies else []
            wanted = (*owner, *before, name, *(order if divides(column) else ()))
            is_indexed = any(index[: len(wanted)] == wanted for index in indexes)
        if not is_indexed:
            missing.append(parameter)
    return missing


def is_bounded(linked: LinkedFilter, indexes: list[tuple[str, ...]]) -> bool:
    """Whether others are found by an index, and what refers to them by another; of a set, from both sides."""
    if linked.others.by_name and not unique_name(linked.others.table):
        return False
    if not isinstance(linked, MemberFilter):
        return any(index[0] == linked.others.reference.name for index in indexes)
    between = linked.others.reference.table
    sides = {links[0] for links in indexes_of(between)} | {
        constraint.columns.keys()[0] for constraint in between.constraints if isinstance(constraint, UniqueConstraint)
    }
    return {linked.links.owner_key.name, linked.links.key} <= sides


def related_without_index(related: Mapping[str, RelatedRows]) -> list[str]:
    """The filters by related rows for which no index begins with their owner, or none with their values."""
    missing = []
    for name, each in related.items():
        unique = [next(iter(key.columns)) for key in each.rows.constraints if isinstance(key, UniqueConstraint)]
        first = {index[0] for index in indexes_of(each.rows)} | {column.name for column in unique}
        compared = each.column if isinstance(each, RelatedValues) else each.ahead
        if not {each.owner, compared} - {None} <= first:
            missing.append(name)
    return missing


def test_whatever_is_related_has_an_index() -> None:
    queries = {query for _, query, _, _ in listings()}

    assert {query: missing for query in queries if (missing := related_without_index(query.related))} == {}
    assert UserQuery.related


def test_a_planted_related_filter_is_found() -> None:
    unindexed = RelatedValues(
        about="reason", table="user_role", owner="user_id", column="reason", kind=str, present="is_active"
    )
    unowned = RelatedRows(about="", table="task", owner="updated_by_id")

    assert related_without_index({"reason": unindexed, "has_task": unowned}) == ["reason", "has_task"]


def test_whatever_is_filtered_by_has_an_index() -> None:
    found = list(listings())

    assert {listing[0]: missing for listing in found if (missing := filters_without_index(listing))} == {}
    assert {query for _, query, _, _ in found} >= set(WALKED)


@pytest.mark.parametrize("field", ["version", "completed_at_gte", "completed_at_null"])
def test_a_planted_filter_is_found(field: str) -> None:
    planted = create_model("Planted", __base__=TaskQuery, **{field: (int, 0)})  # type: ignore[call-overload]

    assert filters_without_index(("/tasks", planted, SQLModel.metadata.tables["task"], ())) == [field]


def test_whatever_is_sortable_has_an_index() -> None:
    found = list(listings())

    assert {listing[0]: missing for listing in found if (missing := without_index(listing))} == {}
    assert len(found) >= 12, "the walk must see the lists"
    assert {query for _, query, _, _ in found} >= set(OTHER_LISTS)


@pytest.mark.parametrize("field", ["description", "completed_at"])
def test_a_planted_field_is_found(field: str) -> None:
    class Planted(TaskQuery):
        sortable: ClassVar[tuple[str, ...]] = (*TaskQuery.sortable, field)

    assert without_index(("/tasks", Planted, SQLModel.metadata.tables["task"], ())) == [field]
