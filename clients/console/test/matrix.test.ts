import { expect, test } from "vitest";
import { countEdits, edit, grantOf, isEdited, NO_EDITS, toBody, toggleFlag, toggleModule, type Grant, type Row } from "../src/policy/matrix.ts";

const tasks: Grant = { module_slug: "tasks", can_create: true, can_update: false, can_delete: false, can_audit: false, actions: ["close"], scope: "own" };
const row: Row = { role_id: "r1", role_name: "Doers", is_active: true, version: 4, modules: [tasks] };

test("an edit is shown in place of what is stored, and one that is taken back is none", () => {
  const edited = edit(NO_EDITS, row, "tasks", toggleFlag(tasks, "tasks", "update"));

  expect(grantOf(row, "tasks", edited)).toEqual({ ...tasks, can_update: true });
  expect([isEdited(edited, row, "tasks"), countEdits(edited)]).toEqual([true, 1]);
  expect(countEdits(edit(edited, row, "tasks", tasks))).toBe(0);
});

test("a flag of a module that was not granted grants it, for all rows", () => {
  expect(toggleFlag(null, "brands", "create")).toMatchObject({ module_slug: "brands", can_create: true, scope: "all" });
  expect(toggleModule(tasks, "tasks")).toBeNull();
});

test("what is sent names all grants of the edited roles, and the version that was seen", () => {
  const other: Row = { ...row, role_id: "r2" };
  const draft = edit(NO_EDITS, row, "brands", toggleModule(null, "brands"));

  const { roles } = toBody([row, other], draft);

  expect(roles).toHaveLength(1);
  expect(roles[0]).toMatchObject({ role_id: "r1", version: 4 });
  expect(roles[0]?.modules.map(({ module_slug }) => module_slug)).toEqual(["tasks", "brands"]);
});

test("a module that is taken from a role is not sent", () => {
  expect(toBody([row], edit(NO_EDITS, row, "tasks", null)).roles[0]?.modules).toEqual([]);
});
