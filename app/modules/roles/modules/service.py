"""Changes modules and groups, and writes what the code declares."""

from collections.abc import Iterable, Mapping
from uuid import UUID

import structlog

from app.core.fields.icon import icon_names
from app.core.resources.service import Service
from app.core.runtime.module_info import ModuleInfo
from app.modules.roles.models import Declared, Module, ModuleGroup, names_of
from app.modules.roles.modules.repository import GroupRepository, ModuleRepository

log = structlog.get_logger(__name__)


class GroupService(Service[ModuleGroup]):
    """Groups of modules."""

    repository = GroupRepository


class ModuleService(Service[Module]):
    """Modules, which come from the code."""

    repository = ModuleRepository
    rows: ModuleRepository

    async def synchronize(self, declared: Iterable[ModuleInfo]) -> None:
        """Add missing groups and modules and correct their paths.

        What an administrator edits (names, icons, order, is_active) is kept, except for the icon of a module whose name
        Lucide does not have. Processes that start together wait for each other.
        """
        session = self.rows.writer
        groups, modules = await self.rows.load_all()
        for order, info in enumerate(sorted(declared, key=lambda info: info.sort_order)):
            slug = info.group.lower().replace(" ", "-")
            if slug not in groups:
                groups[slug] = ModuleGroup(slug=slug, name=info.group, sort_order=order * 10)
                session.add(groups[slug])
                await session.flush()
            if info.slug not in modules:
                session.add(new_module(info, groups[slug].id))
            else:
                declare(modules[info.slug], info)
        await session.flush()


def new_module(info: ModuleInfo, group_id: UUID) -> Module:
    values = {name: getattr(info, name) for name in ("slug", "name", "icon", "sort_order", "route")}
    module = Module(group_id=group_id, **values)
    declare(module, info)
    return module


def declare(module: Module, info: ModuleInfo) -> None:
    """Give `module` what the code alone says of it: its path, actions and scopes, and an icon that there is."""
    actions, scopes = merge(module.actions, info.actions), merge(module.scopes, info.scopes)
    for name, value in (("route", info.route), ("actions", actions), ("scopes", scopes)):
        if getattr(module, name) != value:
            setattr(module, name, value)
    if module.icon and module.icon not in icon_names():
        module.icon = info.icon
    if gone := names_of(module.actions, active=False) | names_of(module.scopes, active=False):
        log.warning("declared_no_more", module=info.slug, names=sorted(gone))


def merge(known: Iterable[Declared], declared: Mapping[str, str]) -> list[Declared]:
    """What the code declares, in its order, then what it declares no more, inactive: grants may still name it."""
    active: list[Declared] = [{"name": name, "title": title, "is_active": True} for name, title in declared.items()]
    gone: list[Declared] = [{**each, "is_active": False} for each in known if each["name"] not in declared]
    return [*active, *gone]
