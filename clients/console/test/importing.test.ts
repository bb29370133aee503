// Files to import: what the browser reads of them, beside what the server says.
import { expect, test } from "vitest";
import { readDocument, type Resource } from "../src/document/read.ts";
import { csvRows, matchColumns, missingFields, placeOf, readPreview, toCsv } from "../src/generic/importing.ts";
import { committedDocument } from "./fixture.ts";

const resources = readDocument(committedDocument());
const resource = (slug: string) => resources.find((one) => one.slug === slug) as Resource;
const error = (pointer: string) => ({ pointer, detail: "", code: "", params: {} });

test("rows know the lines on which they begin, also after a cell of several lines", () => {
  const text = 'a,b\r\n"one\ntwo","say ""hi"""\n\nlast,\n';
  expect([...csvRows(text, ",")]).toEqual([
    { line: 1, cells: ["a", "b"] },
    { line: 2, cells: ["one\ntwo", 'say "hi"'] },
    { line: 5, cells: ["last", ""] },
  ]);
});

test("a cell is found by the pointer of an error, whatever separates the cells", () => {
  for (const text of ["Title;Due_date\nSweep;soon\n", "title\tdue_date\nSweep\tsoon", "title|due_date\nSweep|soon", "sep=;\ntitle;due_date\nSweep;soon"]) {
    const line = text.startsWith("sep") ? 3 : 2;
    expect(placeOf(error(`/body/${line}/due_date`), readPreview("tasks.csv", text))).toEqual({ line, field: "due_date", cell: "soon" });
  }
  expect(placeOf(error("/body/2/due_date"), readPreview("tasks.ndjson", '{"title": "Sweep"}\n{"due_date": 7}'))).toEqual({ line: 2, field: "due_date", cell: "7" });
  expect(placeOf(error("/body/9/due_date"), readPreview("tasks.csv", ""))).toMatchObject({ cell: "" });
});

test("columns are fields that a row writes, fields that are only compared, or unknown", () => {
  const preview = readPreview("products.csv", "SKU,tags,stock,brand.name,colour\nLAMP-1,oak,3,Lumen,red");
  expect(matchColumns(resource("products"), preview).map(({ name, label, isWritten }) => [name, label !== null, isWritten])).toEqual([
    ["sku", true, true], ["tags", true, true], ["stock", true, false], ["brand.name", true, false], ["colour", false, false],
  ]);
  expect(missingFields(resource("products"), preview)).toEqual(["Name", "Price", "Currency"]);
});

test("the parts of a group are columns with a dot", () => {
  const names = (resource("customers").create ?? []).find(({ name }) => name === "address")?.fields?.map(({ name }) => `address.${name}`) ?? [];
  const preview = readPreview("customers.csv", `${names.join(",")}\n`);
  expect(matchColumns(resource("customers"), preview).every(({ isWritten }) => isWritten)).toBe(true);
});

test("a report runs nothing in a spreadsheet", () => {
  expect(toCsv([["a", 1], ["=1+1", 'say "hi"']])).toBe('"a","1"\r\n"\'=1+1","say ""hi"""');
});
