import { expect, it } from "vitest";
import { beginOf, endOf, fill } from "../src/record/period.ts";

const NOW = Date.parse("2026-03-01T10:20:00Z");

it("a day has 24 hours, the present one with them, and a week 7 days", () => {
  const day = fill([], "day", NOW);
  expect(day).toHaveLength(24);
  expect(day[0]?.at).toBe(beginOf("day", NOW));
  expect(day.at(-1)?.at).toBe("2026-03-01T10:00:00.000Z");
  expect(fill([], "week", NOW).map(({ at }) => at.slice(0, 10))).toEqual(["2026-02-23", "2026-02-24", "2026-02-25", "2026-02-26", "2026-02-27", "2026-02-28", "2026-03-01"]);
});

it("counts add up, and those of another period are left out", () => {
  const groups = [
    { at: "2026-03-01T09:00:00Z", key: "2", count: 5 }, { at: "2026-03-01T09:00:00Z", key: "2", count: 2 },
    { at: "2026-03-01T09:00:00Z", key: "4", count: 1 }, { at: "2026-01-01T09:00:00Z", key: "2", count: 9 },
  ];
  const counted = fill(groups, "day", NOW).filter(({ values }) => Object.keys(values).length);
  expect(counted).toEqual([{ at: "2026-03-01T09:00:00.000Z", values: { 2: 7, 4: 1 } }]);
});

it("a bar ends where the next one begins", () => {
  expect(endOf("2026-03-01T09:00:00.000Z", "hour")).toBe("2026-03-01T10:00:00.000Z");
  expect(endOf("2026-02-28T00:00:00.000Z", "day")).toBe("2026-03-01T00:00:00.000Z");
});
