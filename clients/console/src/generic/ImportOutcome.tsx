// What the server says of a file: what it would do or did, or which cells are wrong; and that as a file.
import { useEffect, useRef, type ReactNode } from "react";
import type { Resource } from "../document/read.ts";
import { humanize } from "../document/labels.ts";
import { Icon } from "../parts/Icon.tsx";
import { Table } from "../parts/Table.tsx";
import { formatNumber } from "../words/format.ts";
import { say, type Sentence } from "../words/say.ts";
import { placeOf, toCsv, type Preview, type Report } from "./importing.ts";
import type { Refusal } from "./useImport.ts";

const MOST_ERRORS = 100;

/** Gives the browser a text as a file. */
function saveFile(name: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function ReportButton({ name, rows }: { name: string; rows: () => (string | number)[][] }) {
  return <button type="button" onClick={() => saveFile(name, toCsv(rows()))}><Icon name="download" />{say("import.report")}</button>;
}

/** What became of a file. It takes the focus, which the button that asked for it had. */
function Notice({ isGood = false, children }: { isGood?: boolean; children: ReactNode }) {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => ref.current?.focus(), []);
  return <div ref={ref} tabIndex={-1} className={isGood ? "notice good" : "notice"} role={isGood ? "status" : "alert"}>{children}</div>;
}

const counts = ({ created, updated, unchanged }: Report) => ({ created: formatNumber(created), updated: formatNumber(updated), unchanged: formatNumber(unchanged) });

export function Success({ resource, report, sentence }: { resource: Resource; report: Report; sentence: Sentence }) {
  const rows = () => [
    [say("import.line"), say("import.result"), "id", say("import.field")],
    ...report.lines.map(({ line, result, id, fields }) => [line, result, id ?? "", fields.join(" ")]),
  ];
  return (
    <Notice isGood>
      <Icon name="circle-check" /><span>{say(sentence, counts(report))}</span>
      {!report.dry_run && <ReportButton name={`${resource.slug}-import.csv`} rows={rows} />}
    </Notice>
  );
}

type WrongCellsProps = { resource: Resource; refusal: Refusal; preview: Preview; onGoOn: (line: number) => void };

/** Why a file was refused, line by line. */
export function WrongCells({ resource, refusal: { errors, kept }, preview, onGoOn }: WrongCellsProps) {
  const count = errors.length;
  const text = kept ? say("import.partly", kept) : say(count < MOST_ERRORS ? "import.refused" : "import.refused-more", { count });
  return (
    <>
      <Notice>
        <Icon name="circle-alert" /><span>{text}</span>
        {kept && <button type="button" onClick={() => onGoOn(kept.line)}>{say("import.go-on", { line: kept.line })}</button>}
        <ErrorsButton {...{ resource, errors, preview }} />
      </Notice>
      <Errors {...{ resource, errors, preview }} />
    </>
  );
}

type ErrorsProps = { resource: Resource; errors: Refusal["errors"]; preview: Preview };

const labelOf = ({ create }: Resource, name: string) => create?.find((field) => field.name === name)?.label ?? humanize(name.replaceAll(".", " "));

function located({ resource, errors, preview }: ErrorsProps) {
  return errors.map((error, index) => {
    const place = placeOf(error, preview);
    return { ...place, label: place.field && labelOf(resource, place.field), detail: error.detail, key: String(index) };
  });
}

function ErrorsButton(props: ErrorsProps) {
  const rows = () => [
    [say("import.line"), say("import.field"), say("import.cell"), say("import.problem")],
    ...located(props).map(({ line, label, cell, detail }) => [line ?? "", label, cell, detail]),
  ];
  return <ReportButton name={`${props.resource.slug}-errors.csv`} rows={rows} />;
}

function Errors(props: ErrorsProps) {
  return (
    <Table label={say("import.errors")} rows={located(props)} id={({ key }) => key} columns={[
      { name: "line", label: say("import.line"), numeric: true, cell: ({ line }) => line },
      { name: "field", label: say("import.field"), cell: ({ label }) => label },
      { name: "cell", label: say("import.cell"), cell: ({ cell }) => cell && <code>{cell}</code> },
      { name: "problem", label: say("import.problem"), cell: ({ detail }) => detail },
    ]} />
  );
}
