// Sentences, the pseudo-language, and values in words.
import { i18n } from "@lingui/core";
import { expect, test } from "vitest";
import en from "virtual:words";
import { parseSearch, stringifySearch } from "../src/parts/address.ts";
import { formatAgo, formatAmount, formatMoney } from "../src/words/format.ts";
import { pseudo } from "../src/words/pseudo.ts";

test("a sentence counts", () => {
  i18n.loadAndActivate({ locale: "en", messages: en });
  expect(i18n._("list.deleted-done", { count: 1 })).toBe("One item was deleted.");
  expect(i18n._("list.deleted-done", { count: 3 })).toBe("3 items were deleted.");
});

test("the pseudo-language has every sentence in brackets, with its values", () => {
  i18n.loadAndActivate({ locale: "en", messages: pseudo(en) });
  for (const key of Object.keys(en)) expect(i18n._(key, { count: 2 })).toMatch(/^\[.*\]$/s);
  expect(i18n._("form.created", { name: "Lamp" })).toContain("Lamp");
  expect(i18n._("list.deleted-done", { count: 3 })).toContain("3 ítémš");
});

test("money has the places of its currency", () => {
  expect(formatMoney("898.5000", "EUR")).toContain("898.50");
  expect(formatMoney("898.5075", "EUR")).toContain("898.5075");
  expect(formatMoney("12345678901.99", "EUR")).toContain("12,345,678,901.99");
  expect(formatMoney("1", "not a currency")).toBe("1 not a currency");
});

test("an amount without its currency is written as an item has it", () => {
  expect(formatAmount("524.9500", "EUR")).toBe("524.95");
  expect(formatAmount("524.9575", "EUR")).toBe("524.9575");
  expect(formatAmount("500.0000", "JPY")).toBe("500");
  expect(formatAmount("a lot", "EUR")).toBe("a lot");
});

test("a time is near or exact, and never invalid", () => {
  const now = Date.parse("2030-01-02T12:00:00Z");
  expect(formatAgo("2030-01-02T11:55:00Z", now)).toContain("5");
  expect(formatAgo("no time", now)).toBe("no time");
});

test("an address keeps its parameters", () => {
  const search = parseSearch("?status=todo&status=done&q=a+b%26c");
  expect(search).toEqual({ status: ["todo", "done"], q: "a b&c" });
  expect(parseSearch(stringifySearch(search))).toEqual(search);
});
