"""The guards, the explanation and a loop over the tables, asked the same questions on random policies."""

import random
from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlmodel import SQLModel

from app.core.clock import now
from app.core.context import Principal, RequestContext
from app.core.db.field_access import FieldAccess
from app.core.db.field_rules import rules_of
from app.core.db.session import Session
from app.core.errors import Forbidden, Unauthenticated
from app.modules.rbac.service import explanation
from app.modules.roles.models import Module, ModuleGroup, Role, RoleModule, UserRole
from app.modules.roles.repository import HolderRepository
from app.modules.sessions import SessionTokens
from app.modules.users import User
from tests.modules.rbac.oracle import holds, read_oracle
from tests.people import PASSWORD_HASH

POLICIES, USERS, ROLES = 12, 16, 6
NOBODY = Principal(uuid4(), "", frozenset(), now())


async def entities(session: Session, model: type[Any]) -> list[Any]:
    return list((await session.execute(select(model), execution_options={"include_deleted": True})).scalars())


async def invent(
    app: FastAPI, job: RequestContext, chance: random.Random, slugs: Collection[str] = ()
) -> dict[UUID, str]:
    """A random policy, of these modules or of all; returns the access token of each of its users."""

    def mostly() -> bool:
        return chance.random() < 0.85

    def edge() -> Any:
        return chance.choice([None, None, now() - timedelta(hours=1), now() + timedelta(hours=1)])

    async with app.state.database.unit_of_work(job) as session:
        modules = sorted(await entities(session, Module), key=lambda module: str(module.slug))
        for row in [*modules, *await entities(session, ModuleGroup)]:
            row.is_active = mostly()
        users = [
            User(
                username=f"u{uuid4().hex[:10]}",
                email=f"{uuid4().hex}@example.com",
                password_hash=PASSWORD_HASH,
                is_superuser=chance.random() < 0.1,
            )
            for _ in range(USERS)
        ]
        roles = [Role(name=uuid4().hex) for _ in range(ROLES)]
        session.add_all([*users, *roles])
        await session.flush()
        sessions = SessionTokens(app.state.database, app.state.access_tokens, job)
        tokens = {user.id: (await sessions.open(session, user.id)).access_token for user in users}
        for role in roles:
            for module in chance.sample([each for each in modules if not slugs or each.slug in slugs], 3):
                flags: dict[str, Any] = {
                    f"can_{action}": chance.random() < 0.4 for action in ("create", "update", "delete")
                }
                own = [action["name"] for action in module.actions if chance.random() < 0.4]
                scope = chance.choice(["all", "all", *(scope["name"] for scope in module.scopes)])
                rights = {"actions": own, "scope": scope, **flags}
                session.add(RoleModule(role_id=role.id, module_id=module.id, is_active=mostly(), **rights))
            role.is_active, role.deleted_at = mostly(), None if mostly() else now()
        for user in users:
            for role in chance.sample(roles, 2):
                window = {"valid_from": edge(), "valid_until": edge()}
                session.add(UserRole(user_id=user.id, role_id=role.id, is_active=mostly(), **window))
            user.is_active, user.deleted_at = mostly(), None if mostly() else now()
    return tokens


def scopes_of(permission: str, holdings: frozenset[str]) -> list[str]:
    """The scopes in which a permission is held."""
    pairs = (name.partition("@") for name in holdings)
    return sorted(scope for name, _, scope in pairs if name == permission and scope)


def field_answers(principal: Principal | None, holdings: frozenset[str]) -> Iterator[tuple[bool, bool]]:
    """Whether fields may be read and written, as requests are told, and by what is held for some rows at least.

    A caller who is not admitted reads and writes nothing.
    """
    context = RequestContext(principal=principal or NOBODY)
    for table in SQLModel.metadata.tables.values():
        fields = FieldAccess(rules_of(table), context)
        for permission, names in fields.rules.read.items():
            yield fields.mask.everywhere.isdisjoint(names), holds(holdings, permission)
        for name, permission in fields.rules.write.items():
            yield may_write(fields, name), holds(holdings, permission)


def may_write(fields: FieldAccess, name: str) -> bool:
    try:
        fields.check_writing([name])
    except Forbidden:
        return False
    return True


@pytest.mark.parametrize("half", [0, 1])
async def test_guards_explanation_and_oracle_agree(app: FastAPI, job: RequestContext, half: int) -> None:
    """More than twelve thousand questions in each half, on each database."""
    database = app.state.database
    asked = yes = 0
    for seed in range(half * POLICIES, (half + 1) * POLICIES):
        tokens = await invent(app, job, random.Random(seed))  # repeatable, not secret
        oracle = await read_oracle(database, job)
        found = {
            row.id: (row, chains)
            for row, chains in await HolderRepository(database.read_session(job)).with_grant_paths([*tokens])
        }
        for user_id, token in tokens.items():
            try:
                principal = await app.state.authenticator.authenticate(token, RequestContext())
            except Unauthenticated:
                principal = None
            holdings = oracle.holdings(user_id)
            for permission in oracle.every_permission():
                truth, scopes = permission in holdings, scopes_of(permission, holdings)
                told = explanation(*found[user_id], permission, now(), 1)
                assert told.scopes == (["all"] if truth else scopes)
                assert told.allowed == (truth or bool(scopes))
                assert (principal is not None and principal.may(permission)) == truth
                asked += 1
                yes += truth
            for is_allowed, truth in field_answers(principal, holdings):
                assert is_allowed == truth, sorted(holdings)
                asked += 1
                yes += truth
    print(f"{asked} questions, {yes} answered yes")  # noqa: T201  # the evidence, with -s
    assert asked >= 12_000
    assert 0.05 < yes / asked < 0.95
