"""Endpoints about a person of any module: erasure, legal hold, all data. And the ledger of erasures."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request

from app.core.context import Principal
from app.core.db.entity import table_of
from app.core.db.pagination import Page, RowPage
from app.core.errors import permission_denied
from app.core.http.dependencies import Caller, read_only, require_reason
from app.core.http.guards import Guard, requires
from app.core.http.route import Route
from app.core.http.router import Router
from app.core.http.state import state_of
from app.core.resources.router import Endpoints, Resource
from app.modules.audit.erasure.erasing import PERSON_TABLES, erase
from app.modules.audit.erasure.schemas import ErasureQuery, ErasureRead, HoldRead, HoldSet, PersonalDataRead
from app.modules.audit.erasure.service import ErasureService, PersonService, lift_hold, set_hold
from app.modules.audit.schemas import HistoryQuery, Item
from app.modules.audit.sealer.archived import ARCHIVED_MONTHS

CONFLICTS: dict[int | str, dict[str, Any]] = {HTTPStatus.CONFLICT: {}}
ARCHIVED: dict[int | str, dict[str, Any]] = {HTTPStatus.OK: {"headers": ARCHIVED_MONTHS}}

router = Router(prefix="/audit", tag="erasures", about="The ledger of erasures.")

Erasures = Annotated[ErasureService, read_only(ErasureService)]
People = Annotated[PersonService, read_only(PersonService)]


@router.get(
    "/erasures",
    response_model=Page[ErasureRead],
    dependencies=[requires("audit:read", durable_audit=True)],
)
async def list_erasures(erasures: Erasures, query: Annotated[ErasureQuery, Query()]) -> RowPage:
    """List the ledger of erasures: who erased which person, when and why."""
    return await erasures.page(query)


def add_erasure(router: Router, resource: Resource, *, path: str = "") -> None:
    """Add the erasure of persons to the router of `resource`, whose items stand for persons, below `path`.

    `POST {id}/erase` requires `audit:delete`, `PUT` and `DELETE {id}/legal-hold` require `audit:update`, and
    `GET {id}/personal-data` requires `audit:read` and to read the module.
    """
    endpoints = PersonEndpoints(router, resource, path)
    PERSON_TABLES.add(endpoints.entity)
    endpoints.add_erase()
    endpoints.add_hold()
    endpoints.add_personal_data()


class ErasureRoute(Route):
    """Ships every entry of this process first, and leaves its file: names and addresses do not stay in it."""

    async def read_body(self, request: Request) -> Any:
        body = await super().read_body(request)
        await state_of(request).access_log.flush(renew=True)
        return body


class PersonEndpoints(Endpoints):
    """Adds the endpoints about persons to the router of a resource."""

    def __init__(self, router: Router, resource: Resource, path: str) -> None:
        super().__init__(router, resource, path)
        self.entity = table_of(resource.service.repository.model).name

    def require(self, permission: str, action: str, *also: str) -> list[Any]:
        """The guard of an endpoint, and what the module does before an `action` besides its own guard."""
        others = [each for each in self.guard(action) if not isinstance(each.dependency, Guard)]
        return [requires(permission, durable_audit=True, also=also), *others]

    def add_erase(self) -> None:
        async def erase_person(items: self.writer, id: UUID) -> Any:
            return await erase(items, id)

        summary = (
            f"Erase the person of {self.a_one} for good. The keys of the person are destroyed, so that the change log"
            " tells nothing of them; entries and proofs stay as they are. Once more, it answers the same."
        )
        guard = [*self.require("audit:delete", "delete"), Depends(require_reason)]
        options = {"response_model": ErasureRead, "dependencies": guard, "route_class_override": ErasureRoute}
        self.add("/{id}/erase", "erase", erase_person, summary, methods=["POST"], responses=CONFLICTS, **options)

    def add_hold(self) -> None:
        async def set_legal_hold(items: self.writer, id: UUID, data: HoldSet) -> Any:
            return await set_hold(items, Item(self.entity, id), data)

        async def lift_legal_hold(items: self.writer, id: UUID) -> None:
            await lift_hold(items, Item(self.entity, id))

        guard = {"dependencies": [requires("audit:update", durable_audit=True)]}
        path, one = "/{id}/legal-hold", self.one
        summary = f"Set the legal hold of {self.a_one}. While it lasts, the person cannot be erased."
        options = {"methods": ["PUT"], "name": f"hold_{one}", "response_model": HoldRead, **guard}
        self.add(path, "hold", set_legal_hold, summary, responses=CONFLICTS, **options)
        summary = f"Lift the legal hold of {self.a_one}."
        gone = {"methods": ["DELETE"], "name": f"lift_hold_of_{one}", "status_code": HTTPStatus.NO_CONTENT, **guard}
        self.add(path, "lift", lift_legal_hold, summary, **gone)

    def add_personal_data(self) -> None:
        async def get_personal_data(
            people: People, caller: Caller, id: UUID, query: Annotated[HistoryQuery, Query()]
        ) -> dict[str, Any]:
            self.check_may_read(caller)
            return await people.read(Item(self.entity, id), query)

        summary = f"Get everything that is stored about the person of {self.a_one}, without secrets."
        guard = self.require("audit:read", "read", f"{self.slug}:read")
        name = f"get_personal_data_of_{self.one}"
        options = {"name": name, "response_model": PersonalDataRead, "dependencies": guard, "responses": ARCHIVED}
        self.add("/{id}/personal-data", "personal", get_personal_data, summary, methods=["GET"], **options)

    def check_may_read(self, caller: Principal) -> None:
        """Raise Forbidden for an auditor who may read only some rows of the module."""
        if not caller.may(f"{self.slug}:read"):
            raise permission_denied(f"This needs the permission {self.slug}:read too.", f"{self.slug}:read")
