"""Making and ending API keys."""

from uuid import UUID

from app.core.context import EVERYTHING, RequestContext
from app.core.db import Database, ReadSession, Session
from app.core.errors import CannotGrant
from app.core.guard import refuse_without_step_up
from app.core.page import PageQuery, Window
from app.core.types import now
from app.modules.api_keys import tokens
from app.modules.api_keys.models import ApiKey
from app.modules.api_keys.repository import ApiKeyRepository
from app.modules.api_keys.schemas import ApiKeyCreate, NewApiKey
from app.modules.users import UserRepository


class ApiKeyService:
    def __init__(self, session: Session | ReadSession) -> None:
        self.rows = ApiKeyRepository(session)

    async def page(self, user_id: UUID, query: PageQuery) -> Window:
        """Raises NotFound where there is no such user."""
        await UserRepository(self.rows.session).get(user_id)
        return await self.rows.of_user(user_id, query)

    async def create(self, user_id: UUID, data: ApiKeyCreate, step_up_ttl: int) -> NewApiKey:
        """A key of this user. Raises NotFound, CannotGrant, StepUpRequired."""
        session = self.rows.writer
        if session.context.principal is not None:
            refuse_without_step_up(session.context.principal, step_up_ttl)
        await UserRepository(session).load(user_id)
        held, principal = await session.permissions_of(user_id), session.context.principal
        beyond = set() if EVERYTHING in held else set(data.scopes) - held
        if principal is not None:
            beyond |= {scope for scope in data.scopes if not principal.may(scope)}
        if beyond:
            raise CannotGrant(f"You, or the owner of the key, do not hold {', '.join(sorted(beyond))}.")
        made = tokens.new()
        values = data.model_dump(exclude={"scopes"})
        row = ApiKey(
            user_id=user_id,
            prefix=made.prefix,
            secret_hash=made.digest(session.keys.lookup),
            scopes=sorted(set(data.scopes)),
            **values,
        )
        await self.rows.add(row)
        return NewApiKey(**row.model_dump(exclude={"secret_hash"}), key=str(made))

    async def revoke(self, user_id: UUID, id: UUID) -> None:
        """End one of the user's keys; ending it again changes nothing. Raises NotFound."""
        row = await self.rows.load_of(user_id, id)
        if row.revoked_at is None:
            await self.rows.change(row, {"revoked_at": now()})


async def note_use(database: Database, context: RequestContext, id: UUID) -> None:
    """Note when and from where a key was used."""
    async with database.unit_of_work(context) as session:
        rows = ApiKeyRepository(session)
        await rows.change(await rows.load(id), {"last_used_at": now(), "last_used_ip": context.ip})
