// Drafts: a form sends what was changed, and nothing else.
import { expect, test } from "vitest";
import type { Field } from "../src/document/read.ts";
import { conflictsOf, put, valueIn } from "../src/generic/item.ts";

const field = (name: string, kind: Field["kind"] = "text"): Field => ({ name, kind, label: name, help: "", required: false, nullable: true });
const item = { id: "1", version: 1, title: "a", odd: { deep: [1] }, tags: [{ id: "t", name: "new" }] };

test("a value that is put back is no change", () => {
  const draft = put({}, field("title"), "b", "a");
  expect(draft).toEqual({ title: "b" });
  expect(put(draft, field("title"), "a", "a")).toEqual({});
});

test("a value of an unknown kind is sent only when it was changed", () => {
  expect(put({}, field("odd", "unknown"), { deep: [1] }, valueIn(item, field("odd", "unknown")))).toEqual({});
});

test("the ids of references come from the names beside them", () => {
  expect(valueIn(item, field("tag_ids", "references"))).toEqual(["t"]);
});

test("a conflict names the fields where both differ, and no other", () => {
  const theirs = { ...item, title: "theirs", note: "same" };
  const conflicts = conflictsOf([field("title"), field("note"), field("odd")], theirs, { title: "mine", note: "same" });
  expect(conflicts.map(({ field: { name }, theirs: a, mine: b }) => [name, a, b])).toEqual([["title", "theirs", "mine"]]);
});
