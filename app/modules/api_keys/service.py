"""Creates and revokes API keys."""

from uuid import UUID

from app.core.clock import now
from app.core.context import EVERYTHING, RequestContext
from app.core.db.engine import Database
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.session import ReadSession, Session
from app.modules.api_keys.credential import parsed_key
from app.modules.api_keys.models import ApiKey
from app.modules.api_keys.repository import ApiKeyRepository
from app.modules.api_keys.schemas import ApiKeyCreate, NewApiKey
from app.modules.roles import CannotGrant, permissions_of_user
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

    async def create(self, user_id: UUID, data: ApiKeyCreate, step_up_ttl: int) -> NewApiKey:
        """Create a key of this user. Raises NotFound, CannotGrant, StepUpRequired."""
        session = self.rows.writer
        if session.context.principal is not None:
            check_step_up(session.context.principal, step_up_ttl)
        await UserRepository(session).load(user_id)
        held, principal = await permissions_of_user(session, user_id), session.context.principal
        beyond = set() if EVERYTHING in held else set(data.scopes) - held
        if principal is not None:
            beyond |= {scope for scope in data.scopes if not principal.may(scope)}
        if beyond:
            raise CannotGrant(f"You, or the owner of the key, do not hold {', '.join(sorted(beyond))}.")
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
        return NewApiKey(**row.model_dump(exclude={"secret_hash"}), key=str(key))

    async def revoke(self, user_id: UUID, id: UUID) -> None:
        """Revoke a key of the user; revoking it again changes nothing. Raises NotFound."""
        row = await self.rows.load_of(user_id, id)
        if row.revoked_at is None:
            await self.rows.change(row, {"revoked_at": now()})


async def record_use(database: Database, context: RequestContext, id: UUID) -> None:
    """Record when and from where a key was used."""
    async with database.unit_of_work(context) as session:
        rows = ApiKeyRepository(session)
        await rows.change(await rows.load(id), {"last_used_at": now(), "last_used_ip": context.ip})
