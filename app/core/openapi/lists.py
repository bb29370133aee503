"""What a list is of: `x-resource`, by which a screen draws it, its items and their forms. Modules write none of it."""

from collections.abc import Collection, Iterator, Mapping
from re import sub
from typing import Any, NamedTuple

from sqlalchemy import Table

from app.core.db.derived import derivations
from app.core.db.entity import table_of
from app.core.db.field_rules import rules_of
from app.core.db.full_text import COLUMN
from app.core.db.named import references_of
from app.core.db.pagination import PageQuery
from app.core.db.targets import SHOWN_AS
from app.core.http.guards import RequiresPermission
from app.core.http.query_parameters import flatten
from app.core.http.route import Route
from app.core.openapi.actions import actions_of
from app.core.resources.imports.permissions import ACTIONS as MODES
from app.core.runtime.module_info import EXPORT

Json = dict[str, Any]
Routes = Mapping[tuple[str, str], Route]

TITLES = ("name", "title", "username", "sku", "slug", "email")
"""Fields that can name an item, the best first."""
STANDARD = {
    ("", "post"): "create",
    ("", "put"): "replace",
    ("/bulk", "post"): "bulk",
    ("/import", "post"): "import",
    ("/summary", "get"): "summary",
    ("/{}", "get"): "get",
    ("/{}", "patch"): "update",
    ("/{}", "put"): "add",
    ("/{}", "delete"): "delete",
}
"""Actions by the rest of their path behind that of the list, and their method. Others are called by their last part."""


class List(NamedTuple):
    """A list of the document: its path, its route, the parameters that it takes, and the table of its rows."""

    path: str
    route: Route
    query: type[PageQuery]
    table: Table | None

    @property
    def owner(self) -> str | None:
        """The path of the list whose item this one is below."""
        above, found, _ = self.path.rpartition("/{")
        return above if found else None

    @property
    def slug(self) -> str:
        """The path below the API, or below the item of another list."""
        return self.route.path_format.removeprefix(self.route.prefix).rpartition("}")[2].strip("/")


def add_resources(document: Json, routes: Routes) -> None:
    """Add the extension to every list of `document`."""
    lists = list(find_lists(routes))
    slugs = slugs_of(lists)
    for each in lists:
        of = next((other.slug for other in lists if other.path == each.owner), None)
        facts = {"slug": each.slug, "of": of, **describe(each, slugs), **actions_and_files(each, document, routes)}
        operation = document["paths"][each.path]["get"]
        operation["x-resource"] = {name: value for name, value in facts.items() if value}


def find_lists(routes: Routes) -> Iterator[List]:
    for (path, _), route in routes.items():
        if route.item is not None:
            query = query_of(route)
            yield List(path, route, query, table_of_list(route, query))


def query_of(route: Route) -> type[PageQuery]:
    """The parameters of a list."""
    kinds = [field.field_info.annotation for part in flatten(route.dependant) for field in part.query_params]
    return next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, PageQuery))


def table_of_list(route: Route, query: type[PageQuery]) -> Table | None:
    if route.listing is not None:
        return route.listing.table
    return None if query.lists is None else table_of(query.lists)


def slugs_of(lists: Collection[List]) -> dict[Table, str]:
    """By table, the list that has all of its rows: that of the module that owns it."""
    whole = [each for each in lists if each.owner is None]
    return {each.table: each.slug for each in sorted(whole, key=lambda each: -len(each.slug)) if each.table is not None}


def describe(each: List, slugs: Mapping[Table, str]) -> Json:
    """What the items of a list are, and how they are ordered."""
    listing, table = each.route.listing, each.table
    transitions = listing.transitions if listing else {}
    return {
        "one": listing.one if listing else words_of(each),
        "entity": None if table is None else table.name,
        "title": title_of(each),
        "sortable": list(each.query.sortable),
        "defaultSort": each.query.default_sort,
        "references": references_in(each, slugs),
        "transitions": {
            field: {str(value): sorted(map(str, following)) for value, following in rules.items()}
            for field, rules in transitions.items()
        },
        "fieldRules": {} if table is None else rules_in(table),
        "searchNeeds": needed_to_search(table) if table is not None and "q" in each.query.model_fields else [],
    }


def words_of(each: List) -> str:
    """An item in words, by the name of its table or its schema."""
    if each.table is not None:
        return each.table.name.replace("_", " ")
    name = each.route.item.__name__.removesuffix("Read") if each.route.item else ""
    return sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def title_of(each: List) -> str | None:
    """The field that names an item."""
    fields = each.route.item.model_fields if each.route.item else {}
    declared = each.route.listing.title if each.route.listing else None
    shown = None if each.table is None else each.table.info.get(SHOWN_AS)
    return next((name for name in (declared, shown, *TITLES) if name in fields), None)


def references_in(each: List, slugs: Mapping[Table, str]) -> dict[str, str]:
    """By field, the list that has what it refers to: fields of an item, or of what the item is shown with."""
    if each.table is None or each.route.item is None:
        return {}
    fields, listing = each.route.item.model_fields, each.route.listing
    shown = {
        name: target
        for name, target in references_of(each.table).items()
        if name in fields or name.removesuffix("_id") in fields
    }
    sets = {links.field: links.member_key for links in (listing.sets if listing else ())}
    shown |= {name: next(iter(key.foreign_keys)).column.table for name, key in sets.items()}
    return {name: slugs[target] for name, target in shown.items() if target in slugs}


def rules_in(table: Table) -> Json:
    """By field, the permissions that it needs to be read and written."""
    rules = rules_of(table)
    named = {name: actions_of(rules, name) for name in rules.names}
    return {
        name: {extension.split("-")[1]: permission for extension, permission in found.items()}
        for name, found in named.items()
    }


def needed_to_search(table: Table) -> list[str]:
    """The permissions that a search asks for besides: those of the fields whose words it compares."""
    words, rules = derivations(table).get(COLUMN), rules_of(table)
    needed = {rules.permission_to_read(field) for field in words.sources} if words else set()
    return sorted(permission for permission in needed if permission)


def actions_and_files(each: List, document: Json, routes: Routes) -> Json:
    """What can be done with the list and its items, and which files it takes and gives."""
    actions = {**dict(find_actions(each.path, document, routes)), **export_of(each, document)}
    return {
        "actions": actions,
        "history": "history" in actions,
        "import": list(MODES) if "import" in actions else None,
        "export": list(each.route.preflight.file_types),
    }


def export_of(each: List, document: Json) -> dict[str, Json]:
    """The list as a file, by its verb, where that needs more than to read the list."""
    guard = each.route.guard
    if not isinstance(guard, RequiresPermission) or guard.export is None:
        return {}
    of_module = f"{guard.export.partition(':')[0]}:"
    needed = [[*some, guard.export] if some[0].startswith(of_module) else some for some in guard.alternatives]
    name = document["paths"][each.path]["get"]["operationId"]
    return {EXPORT: {"operationId": name, "method": "get", "path": each.path, "anyOf": needed}}


def find_actions(path: str, document: Json, routes: Routes) -> Iterator[tuple[str, Json]]:
    """The operations of a list and its items by verb: where each is, and which permissions it needs."""
    lists = {other for (other, _), route in routes.items() if route.item is not None} - {path, f"{path}/{{id}}/history"}
    for other, item in document["paths"].items():
        if not other.startswith(path) or other in lists:
            continue
        for method, operation in item.items():
            verb = verb_of(sub(r"{\w+}", "{}", other.removeprefix(path)), method)
            if verb:
                access = {name: value for name, value in operation["x-access"].items() if name == "anyOf"}
                yield verb, {"operationId": operation["operationId"], "method": method, "path": other, **access}


def verb_of(rest: str, method: str) -> str | None:
    """What an operation is called whose path goes on with `rest` behind that of a list; None for what is elsewhere."""
    if (rest, method) in STANDARD:
        return STANDARD[rest, method]
    beginning, _, last = rest.rpartition("/")
    is_one_step = beginning in ("", "/{}") and last and last != "{}"
    return last if is_one_step and method in ("get", "post") else None
