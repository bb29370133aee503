"""Creates and revokes API keys."""

from collections.abc import Sequence
from uuid import UUID

from app.core.clock import now
from app.core.context import EVERYTHING, RequestContext
from app.core.db.engine import Database
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.session import ReadSession, Session
from app.core.errors import invalid
from app.core.resources.service import reload_one
from app.modules.api_keys.credential import parsed_key
from app.modules.api_keys.models import ApiKey
from app.modules.api_keys.repository import ApiKeyRepository, OwnedApiKeyRepository
from app.modules.api_keys.schemas import ApiKeyCreate, NewApiKey
from app.modules.roles import ALWAYS, CannotGrant, ModuleRepository, describe_terms, held_by_user, is_within
from app.modules.second_factor import check_step_up
from app.modules.users import UserRepository


class ApiKeyService:
    """API keys of users."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.rows = ApiKeyRepository(session)

    async def page(self, user_id: UUID, query: PageQuery) -> RowPage:
        """The keys of a user, revoked and expired ones too. Raises NotFound."""
        await UserRepository(self.rows.session).get(user_id)
        return await self.rows.page_of_user(user_id, query)

    async def page_of_all(self, query: PageQuery) -> RowPage:
        """The keys of all users, revoked and expired ones too."""
        return await OwnedApiKeyRepository(self.rows.session).page(query)

    async def create(self, user_id: UUID, data: ApiKeyCreate, step_up_ttl: int) -> NewApiKey:
        """Create a key of this user.

        Raises NotFound, Invalid, CannotGrant, TargetHasMorePermissions, StepUpRequired.
        """
        session = self.rows.writer
        await UserRepository(session).load(user_id)
        await self.check_known(data.scopes)
        await self.check_scopes(user_id, data)
        key = parsed_key.generate()
        values = data.model_dump(exclude={"scopes"})
        row = ApiKey(
            user_id=user_id,
            prefix=key.prefix,
            secret_hash=key.hash(session.keys.lookup),
            scopes=sorted(set(data.scopes)),
            **values,
        )
        await self.rows.add(row)
        if session.context.principal is not None:
            check_step_up(session.context.principal, step_up_ttl)
        return NewApiKey(**vars(await reload_one(self.rows, row)), key=str(key))

    async def check_known(self, scopes: Sequence[str]) -> None:
        """Raise Invalid for a permission that no module has."""
        known = await ModuleRepository(self.rows.session).permissions()
        for index, scope in enumerate(scopes):
            if scope not in known:
                raise invalid(f"/body/scopes/{index}", "There is no such permission.", "unknown-permission")

    async def check_scopes(self, user_id: UUID, data: ApiKeyCreate) -> None:
        """Raise CannotGrant for scopes that the owner or the caller does not hold, or not for as long.

        The owner's permissions bound a key whenever it is used. The caller's do so only here, and the caller may know
        the key for ever: a key of another user ends when the caller's own permissions do.
        """
        held, principal = await held_by_user(self.rows.writer, user_id), self.rows.session.context.principal
        beyond = set() if EVERYTHING in held.effective else set(data.scopes) - held.effective
        if principal is not None:
            beyond |= {scope for scope in data.scopes if not principal.may(scope)}
        if beyond:
            raise CannotGrant(f"You, or the owner of the key, do not hold {', '.join(sorted(beyond))}.")
        if principal is None or principal.user_id == user_id or principal.may(EVERYTHING):
            return
        own = await held_by_user(self.rows.writer, principal.user_id)
        wanted = (now(), data.expires_at or ALWAYS[1])
        if longer := {scope for scope in data.scopes if not is_within([wanted], own.active_spans.get(scope, ()))}:
            terms = describe_terms(longer, own.active_spans)
            raise CannotGrant(f"The key would outlive what you hold: {terms}.")

    async def revoke(self, user_id: UUID, id: UUID) -> None:
        """Revoke a key of the user; revoking it again changes nothing. Raises NotFound."""
        row = await self.rows.load_of(user_id, id)
        if row.revoked_at is None:
            await self.rows.change(row, {"revoked_at": now()})


async def record_use(database: Database, context: RequestContext, id: UUID) -> None:
    """Record when and from where a key was used."""
    async with database.unit_of_work(context) as session:
        ApiKeyRepository(session).record_use(id, context.ip)
