"""Known ways to gain permissions, to learn what is hidden, and to decide alone: each is refused."""

from datetime import timedelta
from typing import Any

from app.core.clock import now
from tests.modules.rbac.administrators import Company, everything, fresh_name, robot_of
from tests.modules.rbac.snapshots import Robot
from tests.people import Person


async def assign_oneself(c: Company) -> None:
    lawyer = c.people["lawyer"]
    ids = [c.roles[name] for name in ("people", "policy", "work")]
    await c.act(lawyer, "PUT", f"/users/{lawyer.id}/roles", {"role_ids": ids})


async def fill_own_role(c: Company) -> None:
    await c.act(
        c.people["lawyer"],
        "PUT",
        f"/roles/{c.roles['policy']}/modules",
        {"modules": [everything("roles"), everything("tasks")]},
    )


async def fill_anothers_role(c: Company) -> None:
    path = f"/roles/{c.roles['empty']}/modules"
    await c.act(c.people["lawyer"], "PUT", path, {"modules": [everything("tasks")]})


async def wake_a_role(c: Company) -> None:
    await c.act(c.people["lawyer"], "PATCH", f"/roles/{c.roles['asleep']}", {"is_active": True})


async def dig_up_a_role(c: Company) -> None:
    await c.act(c.people["lawyer"], "POST", f"/roles/{c.roles['buried']}/restore")


async def open_a_module(c: Company) -> None:
    await c.act(c.people["lawyer"], "PATCH", f"/modules/{c.modules['audit']}", {"is_active": True})


async def open_a_group(c: Company) -> None:
    await c.root.patch(f"/module-groups/{c.groups['work']}", {"is_active": False})
    await c.act(c.people["lawyer"], "PATCH", f"/module-groups/{c.groups['work']}", {"is_active": True})


async def bring_back_a_user(c: Company) -> None:
    await c.act(c.people["registrar"], "PATCH", f"/users/{c.people['absent'].id}", {"is_active": True})


async def crown_oneself(c: Company) -> None:
    registrar = c.people["registrar"]
    await c.act(registrar, "PATCH", f"/users/{registrar.id}", {"is_superuser": True})


async def make_a_superuser(c: Company) -> None:
    name = fresh_name()
    body = {"username": name, "email": f"{name}@example.com", "password": "a long and quiet river"}
    await c.act(c.people["registrar"], "POST", "/users", {**body, "is_superuser": True})


async def assign_for_tomorrow(c: Company) -> None:
    lawyer = c.people["lawyer"]
    kept = [{"role_id": c.roles[name]} for name in ("people", "policy")]
    later = {"role_id": c.roles["work"], "valid_from": (now() + timedelta(days=1)).isoformat()}
    await c.act(lawyer, "PUT", f"/users/{lawyer.id}/roles", {"assignments": [*kept, later]})


async def take_over_by_password(c: Company) -> None:
    await c.act(c.people["registrar"], "POST", f"/users/{c.people['worker'].id}/password")


async def take_over_by_invitation(c: Company) -> None:
    await c.act(c.people["registrar"], "POST", f"/users/{c.people['worker'].id}/invitation")


async def take_over_by_email(c: Company) -> None:
    await c.act(c.people["registrar"], "PATCH", f"/users/{c.people['worker'].id}", {"email": "mine@example.com"})


async def take_over_by_key(c: Company) -> None:
    body = {"name": "mine", "scopes": ["tasks:read", "tasks:delete"]}
    await c.act(c.people["registrar"], "POST", f"/users/{c.people['worker'].id}/api-keys", body)


async def make_a_key_beyond_oneself(c: Company) -> None:
    await c.act(c.people["registrar"], "POST", "/auth/api-keys", {"name": "mine", "scopes": ["tasks:read"]})


async def roll_back_a_removal(c: Company) -> None:
    await c.root.put(f"/users/{c.people['worker'].id}/roles", {"role_ids": [c.roles["work"]]})
    version = await newest_version(c)
    await c.root.put(f"/users/{c.people['worker'].id}/roles", {"role_ids": [c.roles["empty"]]})
    await c.act(c.people["lawyer"], "POST", f"/rbac/versions/{version}/rollback")


async def use_a_role_that_sleeps(c: Company) -> None:
    """The roles of the sleeper are inactive or deleted, so they give nothing that could be granted."""
    sleeper, lawyer = c.people["sleeper"], c.people["lawyer"]
    ids = [c.roles[name] for name in ("asleep", "people", "policy")]
    await c.root.put(f"/users/{sleeper.id}/roles", {"role_ids": ids})
    await c.act(sleeper, "PUT", f"/users/{lawyer.id}/roles", {"role_ids": [*ids[1:], c.roles["work"]]})


async def read_by_a_role_that_sleeps(c: Company) -> None:
    await c.act(c.people["sleeper"], "GET", "/tasks")


async def outlive_ones_term(c: Company) -> None:
    """The locum has its roles for a day, and gives one to an account of its own for good."""
    await c.act(c.people["locum"], "PUT", f"/users/{c.people['nobody'].id}/roles", {"role_ids": [c.roles["work"]]})


async def outlive_ones_term_by_a_role(c: Company) -> None:
    path = f"/roles/{c.roles['empty']}/modules"
    await c.act(c.people["locum"], "PUT", path, {"modules": [everything("tasks")]})


async def outlive_ones_term_by_a_key(c: Company) -> None:
    body = {"name": "mine", "scopes": ["tasks:read"]}
    await c.act(c.people["locum"], "POST", f"/users/{c.people['worker'].id}/api-keys", body)


async def prolong_in_the_middle(c: Company) -> None:
    """A permission that is given twice is given in between, too: neither the first instant nor the last changes."""
    nobody, day = c.people["nobody"], timedelta(days=1)
    late = {"role_id": c.roles["night"], "valid_from": (now() + 3 * day).isoformat()}
    await c.root.put(f"/users/{nobody.id}/roles", {"assignments": [late]})
    body = {"assignments": [late, {"role_id": c.roles["work"], "valid_until": (now() + 3 * day).isoformat()}]}
    await c.act(c.people["locum"], "PUT", f"/users/{nobody.id}/roles", body)


async def rename_a_stronger_role(c: Company) -> None:
    await c.act(c.people["lawyer"], "PATCH", f"/roles/{c.roles['work']}", {"name": "Nothing at all"})


async def lift_a_condition(c: Company) -> None:
    await c.root.patch(f"/roles/{c.roles['work']}", {"requires_second_factor": True})
    await c.act(c.people["lawyer"], "PATCH", f"/roles/{c.roles['work']}", {"requires_second_factor": False})


async def end_sessions_above(c: Company) -> None:
    await c.act(c.people["registrar"], "DELETE", f"/users/{c.people['worker'].id}/sessions")


async def narrow_a_stronger_role(c: Company) -> None:
    await c.act(c.people["lawyer"], "PATCH", f"/roles/{c.roles['work']}", {"allowed_networks": ["192.0.2.0/24"]})


async def fill_several_roles(c: Company) -> None:
    body = [{"role_id": c.roles[name], "modules": [everything("tasks")]} for name in ("empty", "policy")]
    await c.act(c.people["lawyer"], "PATCH", "/roles/matrix", {"roles": body})


async def give_a_role_to_many(c: Company) -> None:
    users = [str(c.people[name].id) for name in ("lawyer", "nobody")]
    await c.act(c.people["lawyer"], "POST", f"/roles/{c.roles['work']}/users", {"assign": users})


async def give_all_rows_for_own(c: Company) -> None:
    await fill_empty(c, "dispatcher", everything("tasks"))


async def widen_the_own_role(c: Company) -> None:
    path = f"/roles/{c.roles['errands']}/modules"
    await c.act(c.people["dispatcher"], "PUT", path, {"modules": [everything("tasks")]})


async def give_an_action_that_one_lacks(c: Company) -> None:
    await fill_empty(c, "dispatcher", {"module_slug": "products", "actions": ["set-price"]})


async def give_what_the_code_does_not_declare(c: Company) -> None:
    """The action may be declared again one day, and nothing is checked then."""
    grant = {"module_slug": "products", "actions": ["set-price"]}
    await c.root.put(f"/roles/{c.roles['empty']}/modules", {"modules": [grant]})
    await c.root.put(f"/users/{c.people['nobody'].id}/roles", {"role_ids": []})
    await c.declare("products", "set-price", is_active=False)
    path = f"/users/{c.people['nobody'].id}/roles"
    await c.act(c.people["dispatcher"], "PUT", path, {"role_ids": [c.roles["empty"]]})


async def roll_back_to_a_wider_scope(c: Company) -> None:
    path = f"/roles/{c.roles['errands']}/modules"
    await c.root.put(path, {"modules": [everything("tasks")]})
    version = await newest_version(c)
    await c.root.put(path, {"modules": [everything("tasks", scope="own")]})
    await c.act(c.people["dispatcher"], "POST", f"/rbac/versions/{version}/rollback")


async def read_rows_of_others(c: Company) -> None:
    await c.act(c.people["dispatcher"], "GET", "/tasks", format="ndjson")


async def read_one_row_of_another(c: Company) -> None:
    await c.act(c.people["dispatcher"], "GET", c.goods["/tasks"])


async def change_a_row_that_one_may_only_read(c: Company) -> None:
    """One role gives all rows to read, and another one gives one's own to change: together they do not give more."""
    await c.root.put(f"/roles/{c.roles['empty']}/modules", {"modules": [{"module_slug": "tasks"}]})
    given = [c.roles[name] for name in ("errands", "empty")]
    await c.root.put(f"/users/{c.people['runner'].id}/roles", {"role_ids": given})
    await c.act(c.people["runner"], "PATCH", c.goods["/tasks"], {"description": fresh_name()})


async def read_in_a_scope_that_vanished(c: Company) -> None:
    await c.declare("tasks", "own", is_active=False)
    await c.act(c.people["dispatcher"], "GET", "/tasks")


async def use_an_action_that_vanished(c: Company) -> None:
    await c.declare("products", "move-stock", is_active=False)
    await c.act(c.people["porter"], "POST", f"{c.goods['/products']}/stock-movements", {"delta": 1, "reason": "Came"})


async def move_stock_without_the_action(c: Company) -> None:
    await c.root.put(f"/roles/{c.roles['storage']}/modules", {"modules": [SELLING]})
    await c.act(c.people["porter"], "POST", f"{c.goods['/products']}/stock-movements", {"delta": 1, "reason": "Came"})


async def set_a_price(c: Company) -> None:
    await c.act(c.people["porter"], "PATCH", c.goods["/products"], {"price": "1.00"})


async def set_a_price_in_bulk(c: Company) -> None:
    update = {"id": c.goods["/products"].rpartition("/")[2], "changes": {"price": "1.00"}}
    await c.act(c.people["porter"], "POST", "/products/bulk", {"update": [update]})


async def set_a_price_by_an_import(c: Company) -> None:
    line = {"id": c.goods["/products"].rpartition("/")[2], "price": "1.00"}
    await c.act(c.people["porter"], "POST", "/products/import", lines=line, mode="update")


async def set_a_price_by_a_revert(c: Company) -> None:
    await c.act(c.people["porter"], "POST", f"{c.goods['/products']}/revert", {"at": c.priced_at})


async def set_the_price_of_a_new_product(c: Company) -> None:
    await c.root.put(f"/roles/{c.roles['storage']}/modules", {"modules": [SELLING]})
    body = {"sku": fresh_name(), "name": "Lamp", "price": "1.00", "currency": "EUR"}
    await c.act(c.people["porter"], "POST", "/products", body)


async def read_personal_data_in_a_list(c: Company) -> None:
    await c.act(c.people["porter"], "GET", "/customers")


async def read_personal_data_of_one(c: Company) -> None:
    await c.act(c.people["porter"], "GET", c.goods["/customers"])


async def read_personal_data_in_the_history(c: Company) -> None:
    await c.act(c.people["porter"], "GET", f"{c.goods['/customers']}/history")


async def give_two_roles(c: Company, name: str, role: str, grants: list[dict[str, Any]]) -> Person:
    """Give a person a role with these grants beside another one."""
    await c.root.put(f"/roles/{c.roles['empty']}/modules", {"modules": grants})
    await c.root.put(f"/users/{c.people[name].id}/roles", {"role_ids": [c.roles[role], c.roles["empty"]]})
    return c.people[name]


async def read_personal_data_of_others(c: Company) -> None:
    """One role gives all customers to read, and another one the personal data of one's own."""
    caller = await give_two_roles(c, "caller", "callers", [{"module_slug": "customers"}])
    await c.act(caller, "GET", "/customers")
    await c.act(caller, "GET", f"{c.goods['/customers']}/history")


async def sort_others_by_personal_data(c: Company) -> None:
    caller = await give_two_roles(c, "caller", "callers", [{"module_slug": "customers"}])
    await c.act(caller, "GET", "/customers", sort="email")


async def set_a_price_outside_ones_brands(c: Company) -> None:
    """One role lets change all products, and another one set the prices of one's own brands."""
    own = {"module_slug": "products", "actions": ["set-price"], "scope": "brands"}
    await c.act(await give_two_roles(c, "porter", "storage", [own]), "PATCH", c.goods["/products"], {"price": "1.00"})


async def sort_by_personal_data(c: Company) -> None:
    await c.act(c.people["porter"], "GET", "/customers", sort="email")


async def act_without_the_second_factor(c: Company) -> None:
    await c.root.patch(f"/roles/{c.roles['policy']}", {"requires_second_factor": True})
    await c.act(c.people["lawyer"], "GET", "/roles")


async def act_from_another_network(c: Company) -> None:
    await c.root.patch(f"/roles/{c.roles['policy']}", {"allowed_networks": ["198.51.100.0/24"]})
    await c.act(c.people["lawyer"], "GET", "/roles")


async def make_a_key_for_all_rows(c: Company) -> None:
    await c.act(c.people["dispatcher"], "POST", "/auth/api-keys", {"name": "mine", "scopes": ["tasks:read"]})


async def make_a_key_for_an_action(c: Company) -> None:
    body = {"name": "mine", "scopes": ["products:read", "products:set-price"]}
    await c.act(c.people["dispatcher"], "POST", "/auth/api-keys", body)


async def use_more_than_the_scopes_of_a_key(c: Company) -> None:
    robot = await key_of(c.people["director"], "roles:read", "roles:update")
    await fill_empty(c, robot, everything("tasks"))


async def let_a_key_act_on_its_owner(c: Company) -> None:
    robot = await key_of(c.people["lawyer"], "users:read", "users:update")
    await c.act(robot, "PATCH", f"/users/{robot.id}", {"username": fresh_name()})


async def accept_an_invitation_twice(c: Company) -> None:
    user_id, token = await invited(c)
    await c.accept(user_id, token, is_open=True)
    await c.accept(user_id, token, is_open=False)


async def accept_an_invitation_after_a_deactivation(c: Company) -> None:
    user_id, token = await invited(c)
    for is_active in (False, True):
        await c.root.patch(f"/users/{user_id}", {"is_active": is_active})
    await c.accept(user_id, token, is_open=False)


async def preview_and_keep(c: Company) -> None:
    await fill_empty(c, "director", everything("tasks"), dry_run="true")


async def grant_alone(c: Company) -> None:
    await ask(c, "director", PRICES)


async def grant_own_rows_alone(c: Company) -> None:
    personal = {"module_slug": "customers", "actions": ["read-personal"], "scope": "own"}
    await fill_empty(c, "dispatcher", personal)


async def crown_alone(c: Company) -> None:
    await c.act(c.root, "PATCH", f"/users/{c.people['nobody'].id}", {"is_superuser": True})


async def roll_back_alone(c: Company) -> None:
    await c.root.put(f"/roles/{c.roles['empty']}/modules", {"modules": []})
    version = await newest_version(c)
    await c.root.put(f"/roles/{c.roles['empty']}/modules", {"modules": [everything("tasks")]})
    await c.act(c.people["director"], "POST", f"/rbac/versions/{version}/rollback")


async def approve_ones_own(c: Company) -> None:
    await decide(c, "director", await ask(c, "director", PRICES))


async def reject_ones_own(c: Company) -> None:
    await decide(c, "director", await ask(c, "director", PRICES), "reject")


async def withdraw_that_of_another(c: Company) -> None:
    await decide(c, "examiner", await ask(c, "director", PRICES), "withdraw")


async def approve_what_has_expired(c: Company) -> None:
    asked = await ask(c, "director", PRICES)
    await c.expire(asked)
    await decide(c, c.root, asked)


async def approve_beyond_oneself(c: Company) -> None:
    """The examiner may decide and edit roles, and holds nothing of products."""
    await decide(c, "examiner", await ask(c, "director", PRICES))


async def approve_without_editing_roles(c: Company) -> None:
    await decide(c, "deputy", await ask(c, "director", PRICES))


async def approve_twice(c: Company) -> None:
    asked = await ask(c, "director", PRICES)
    await decide(c, c.root, asked)
    await c.root.put(f"/roles/{c.roles['empty']}/modules", {"modules": []})
    await decide(c, c.root, asked)


async def approve_for_a_requester_who_lost_it(c: Company) -> None:
    """The director may not edit roles any more when the request is approved."""
    path, kept = f"/users/{c.people['director'].id}/roles", ("people", "work", "goods", "eyes")
    asked = await ask(c, "director", PRICES)
    await c.root.put(path, {"role_ids": [c.roles[name] for name in kept]})
    await decide(c, c.root, asked)
    await c.root.put(path, {"role_ids": [c.roles[name] for name in (*kept, "policy")]})


async def approve_by_a_key(c: Company) -> None:
    held = ("approvals:read", "approvals:update", "roles:read", "roles:update", "products:read", "products:set-price")
    robot = await key_of(c.root, *held)
    await decide(c, robot, await ask(c, "director", PRICES))


SELLING = {"module_slug": "products", "can_create": True, "can_update": True}
PRICES = {"module_slug": "products", "actions": ["set-price"]}


async def newest_version(c: Company) -> int:
    version: int = (await c.root.get("/rbac/versions")).json()["items"][0]["id"]
    return version


async def fill_empty(c: Company, actor: str | Person, grant: dict[str, Any], **params: Any) -> Any:
    """Let a role without grants and users have one."""
    await c.root.put(f"/roles/{c.roles['empty']}/modules", {"modules": []})
    caller = c.people[actor] if isinstance(actor, str) else actor
    return await c.act(caller, "PUT", f"/roles/{c.roles['empty']}/modules", {"modules": [grant]}, **params)


async def ask(c: Company, actor: str, grant: dict[str, Any]) -> str:
    """Ask for a grant that waits for a second person; returns the id of the request."""
    answer = await fill_empty(c, actor, grant)
    assert answer.status_code == 202, answer.text
    asked: str = answer.json()["id"]
    return asked


async def decide(c: Company, actor: str | Person, asked: str, word: str = "approve") -> None:
    caller = c.people[actor] if isinstance(actor, str) else actor
    await c.act(caller, "POST", f"/approvals/{asked}/{word}")


async def key_of(owner: Person, *scopes: str) -> Robot:
    answer = await owner.post("/auth/api-keys", {"name": "robot", "scopes": list(scopes)})
    assert answer.status_code == 201, answer.text
    return robot_of(owner, answer.json())


async def invited(c: Company) -> tuple[str, str]:
    """A user and the token of a new invitation."""
    user_id = str(c.people["nobody"].id)
    answer = await c.root.post(f"/users/{user_id}/invitation")
    token: str = answer.json()["token"]
    return user_id, token
