"""The queries of modules and groups."""

from collections.abc import Sequence

from sqlalchemy import and_, select

from app.core.db.entity import table_of
from app.core.db.locks import lock_until_commit
from app.core.db.repository import Repository
from app.core.db.session import AnyRow
from app.modules.roles.models import Module, ModuleGroup, permissions_of_module
from app.modules.roles.modules.schemas import GroupRead, ModuleRead
from app.modules.roles.repository import MODULE_COLUMNS

SYNC_LOCK = b"attest"

modules, groups = table_of(Module), table_of(ModuleGroup)


class ModuleRepository(Repository[Module]):
    """Modules."""

    model = Module
    read = ModuleRead

    async def permissions(self) -> frozenset[str]:
        """Every permission of every module, in each scope."""
        rows = await self.session.all(select(*MODULE_COLUMNS))
        return frozenset().union(*(permissions_of_module(*row) for row in rows))

    async def menu(self) -> Sequence[AnyRow]:
        """Every active module with its active group, in menu order."""
        statement = (
            select(
                *MODULE_COLUMNS, modules.c.name, modules.c.route, modules.c.icon, modules.c.sort_order,
                groups.c.slug.label("group_slug"), groups.c.name.label("group_name"),
                groups.c.icon.label("group_icon"), groups.c.sort_order.label("group_sort_order"),
            )
            .select_from(modules)
            .join(groups, and_(groups.c.id == modules.c.group_id, groups.c.is_active))
            .where(modules.c.is_active)
            .order_by(groups.c.sort_order, groups.c.slug, modules.c.sort_order, modules.c.slug)
        )  # fmt: skip
        return await self.session.all(statement)

    async def load_all(self) -> tuple[dict[str, ModuleGroup], dict[str, Module]]:
        """Load every group and module by slug, after waiting for other processes that synchronize them."""
        session = self.writer
        await lock_until_commit(session, SYNC_LOCK)
        groups = {group.slug: group for group in (await session.execute(select(ModuleGroup))).scalars()}
        return groups, {module.slug: module for module in (await session.execute(select(Module))).scalars()}


class GroupRepository(Repository[ModuleGroup]):
    """Groups of modules."""

    model = ModuleGroup
    read = GroupRead
