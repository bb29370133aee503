"""Which guard refused a request: that which its route has today, by the code of the refusal.

An access entry names the rule that admitted a caller, and none that refused. Its route has exactly one guard, so what
the entry does not say follows from the routes of the application, as the module of a change follows from its table.
"""

from collections.abc import Iterator, Mapping

from sqlalchemy import ColumnElement, Table, and_, case, literal, true

from app.core.errors import Forbidden, Unauthenticated

PUBLIC, INTERNAL, SIGNED_IN = "public", "internal", "signed-in"
AT_THE_DOOR = (Unauthenticated.code, "password-change-required", "second-factor-required", "network-not-allowed")
"""The codes with which every guard refuses that asks who calls, whatever permission it requires besides."""
BAD_SIGNATURE = "bad-signature"
Rules = Mapping[str, frozenset[str]]
"""By the rule of a guard, its calls: a method, and the path of a route with its parameters in braces."""


def guard_of(table: Table, rules: Rules) -> ColumnElement[str | None]:
    """The rule of the guard that refused the requests of a row of a roll-up; null where none did."""
    return case(*cases_of(table, rules), (true(), None))


def cases_of(table: Table, rules: Rules) -> Iterator[tuple[ColumnElement[bool], ColumnElement[str]]]:
    """The conditions under which each guard refused."""
    call, code = table.c.method + literal(" ") + table.c.route, table.c.error_code
    asking = {rule: sorted(calls) for rule, calls in sorted(rules.items()) if rule not in (PUBLIC, INTERNAL)}
    for rule, calls in asking.items():
        yield and_(code == Forbidden.code, call.in_(calls)), literal(rule)
    every = [call for calls in asking.values() for call in calls]
    yield and_(code.in_(AT_THE_DOOR), call.in_(every)), literal(SIGNED_IN)
    yield and_(code == BAD_SIGNATURE, call.in_(sorted(rules.get(INTERNAL, ())))), literal(INTERNAL)
