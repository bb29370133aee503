"""Modules come from the code: what routers declare is written to the database, and nothing else is touched."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select, text

from app.core.db import Session
from app.core.routing import ModuleInfo
from app.modules.rbac.models import Module, ModuleGroup

SYNC_LOCK = 0x6174_7465_7374


async def sync_modules(session: Session, declared: Iterable[ModuleInfo]) -> None:
    """Add groups and modules that are missing and correct their addresses. What an administrator edits (names, icons,
    order, is_active) is kept. Processes that start together take turns."""
    if not session.is_sqlite:
        await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": SYNC_LOCK})
    groups = {group.slug: group for group in (await session.execute(select(ModuleGroup))).scalars()}
    modules = {module.slug: module for module in (await session.execute(select(Module))).scalars()}
    for order, info in enumerate(sorted(declared, key=lambda info: info.sort_order)):
        slug = info.group.lower().replace(" ", "-")
        if slug not in groups:
            groups[slug] = ModuleGroup(slug=slug, name=info.group, sort_order=order * 10)
            session.add(groups[slug])
            await session.flush()
        if info.slug not in modules:
            values: dict[str, Any] = {
                "slug": info.slug,
                "name": info.name,
                "icon": info.icon,
                "sort_order": info.sort_order,
            }
            session.add(Module(group_id=groups[slug].id, route=info.route, **values))
        elif modules[info.slug].route != info.route:
            modules[info.slug].route = info.route
    await session.flush()
