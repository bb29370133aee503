"""What a caller may do with the fields of a table that need actions.

A caller without the action to read gets null, and cannot ask by the field. A caller without the action to write cannot
change it. Writing needs reading too: what becomes of a value tells what is stored. Jobs, which have no caller, may all.
An action counts for the rows that are in the scopes in which the caller holds it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from app.core.context import EVERYWHERE, RequestContext
from app.core.db.entity import Entity, defaults_of
from app.core.db.field_rules import FieldRules
from app.core.db.masks import Mask, mask_of
from app.core.db.row_access import is_within
from app.core.db.session import ReadSession, Session
from app.core.errors import Forbidden
from app.core.field_errors import field_error

AnySession = Session | ReadSession
BODY = "/body/{}"


@dataclass(frozen=True, slots=True)
class FieldAccess:
    """What the caller of a request may do with the fields of a table, at this moment."""

    rules: FieldRules
    context: RequestContext

    @property
    def mask(self) -> Mask:
        """What the caller may not read of the rows that the caller reads."""
        return mask_of(self.rules, self.context)

    async def masked_in(self, session: AnySession, row: Entity) -> frozenset[str]:
        """The columns of `row` that the caller may not read."""
        mask = self.mask
        return mask.in_row([await is_within(session, row, each.permission) for each in mask.partly])

    def check_reading(self, names: Iterable[str], place: str = BODY) -> None:
        """Raise Forbidden if the caller may not read one of the columns `names`, which the request has at `place`.

        It must be readable in all rows that the caller reads: without reading it, no answer may depend on its value.
        """
        if masked := self.mask.columns:
            needed = self.rules.needed_to_read(masked.intersection(names))
            refuse(self.context, needed, "read", place, "for all that you may read")

    def check_writing(self, names: Iterable[str]) -> None:
        """Raise Forbidden if the caller may write one of the columns `names` in no row."""
        needed = self.rules.needed_to_write(names).items()
        refuse(self.context, {name: each for name, each in needed if not self.context.scopes_of(each)}, "write")

    def check_masked(self, masked: frozenset[str], names: Iterable[str]) -> None:
        """Raise Forbidden if one of the columns `names` is among those that are `masked`."""
        if masked:
            refuse(self.context, self.rules.needed_to_read(masked.intersection(names)), "read")

    async def check_given(
        self, session: AnySession, row: Entity, names: Collection[str], *, is_new: bool = False
    ) -> None:
        """Raise Forbidden if the caller may not read one of the columns `names` of `row`, and so cannot give it."""
        if self.rules.read:
            self.check_masked(self.mask.everywhere, names)
            await self.check_scopes(session, row, "read", self.rules.needed_to_read(names), is_new=is_new)

    async def check_change(
        self,
        session: AnySession,
        row: Entity,
        given: Collection[str],
        changed: Collection[str],
        *,
        is_new: bool = False,
    ) -> None:
        """Raise Forbidden if the caller may not give columns of `row` a value, or change those that differ from it."""
        await self.check_given(session, row, given, is_new=is_new)
        if self.rules.write:
            self.check_writing(changed)
            await self.check_scopes(session, row, "write", self.rules.needed_to_write(changed), is_new=is_new)

    async def check_new(self, session: AnySession, rows: Iterable[Entity]) -> None:
        """Raise Forbidden if the caller may not give a new row one of its values; a default is not given."""
        for row in rows if self.rules.names else ():
            defaults, _ = defaults_of(type(row))
            given = [name for name in self.rules.names if getattr(row, name) != defaults[name]]
            await self.check_change(session, row, given, given, is_new=True)

    async def check_scopes(
        self, session: AnySession, row: Entity, verb: str, needed: Mapping[str, str], *, is_new: bool
    ) -> None:
        """Raise Forbidden for columns whose permission the caller holds in scopes that `row` is not in."""
        asked = dict.fromkeys(needed.values())
        outside = {each for each in asked if await is_outside(session, self.rules, row, each, is_new=is_new)}
        refuse(self.context, {name: each for name, each in needed.items() if each in outside}, verb)


async def is_outside(
    session: AnySession, rules: FieldRules, row: Entity, permission: str, *, is_new: bool = False
) -> bool:
    """Whether the caller holds `permission` in scopes only, and `row` is in none of them.

    Where the rows have no scopes, a permission in any scope is for all of them.
    """
    held = session.context.scopes_of(permission)
    if not held or held == EVERYWHERE or not rules.have_scopes:
        return False
    return not await is_within(session, row, permission, is_new=is_new)


def refuse(
    context: RequestContext, needed: Mapping[str, str], verb: str, place: str = BODY, where: str = "for this item"
) -> None:
    """Raise Forbidden for columns, each with the permission that it needs; not for none.

    A caller who holds it, but not there, is told `where`.
    """
    if not needed:
        return
    held = {each: f"{each} {where}" if context.scopes_of(each) else each for each in needed.values()}
    details = {name: f"To {verb} {name} needs the permission {held[each]}." for name, each in needed.items()}
    errors = [
        field_error(place.format(name), details[name], Forbidden.code, field=name, permission=permission)
        for name, permission in needed.items()
    ]
    raise Forbidden(next(iter(details.values())), errors=errors)
