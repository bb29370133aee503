// A file into a module: choose it, see its columns, have it checked, then import it.
import { Link, useParams } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useMay } from "../api/queries.ts";
import type { Resource } from "../document/read.ts";
import { Labelled } from "../parts/Input.tsx";
import { MissingScreen, Problem } from "../parts/states.tsx";
import { Table } from "../parts/Table.tsx";
import { Heading } from "../parts/Toolbar.tsx";
import { say } from "../words/say.ts";
import { Success, WrongCells } from "./ImportOutcome.tsx";
import { ItemLinkBack } from "./ItemLinkBack.tsx";
import { WithResource } from "./WithResource.tsx";
import { matchColumns, missingFields, type Preview } from "./importing.ts";
import { useImport, type Choices, type Import } from "./useImport.ts";

export default function ImportScreen() {
  const { slug } = useParams({ strict: false }) as { slug: string };
  return <WithResource slug={slug}>{(resource) => <Guarded key={slug} resource={resource} />}</WithResource>;
}

const NEEDS: Record<string, readonly string[]> = { create: ["create"], update: ["update"], upsert: ["create", "update"] };

function Guarded({ resource }: { resource: Resource }) {
  const may = useMay();
  const needed = (mode: string) => [...(NEEDS[mode] ?? ["create"]), "read"].map((action) => `${resource.slug}:${action}`);
  const modes = resource.imports.filter((mode) => needed(mode).every(may));
  return modes.length ? <ImportFile resource={resource} modes={modes} /> : <MissingScreen title={say("import.title", { name: resource.name })} permission={`${resource.slug}:create`} />;
}

function ImportFile({ resource, modes }: { resource: Resource; modes: string[] }) {
  const [choices, setChoices] = useState<Choices>({ mode: modes[0] ?? "create", decimal: "", fromLine: 1 });
  const work = useImport(resource, choices);
  const change = (next: Partial<Choices>) => {
    setChoices({ ...choices, ...next });
    work.reconsider();
  };
  const { file, preview, state } = work;
  return (
    <>
      <ItemLinkBack resource={resource} />
      <Heading title={say("import.title", { name: resource.name })} />
      <div className="import">
        <section className="panel">
          <Choose modes={modes} choices={choices} onChange={change} onFile={(chosen) => (setChoices({ ...choices, fromLine: 1 }), work.choose(chosen))} />
          {file && <Actions work={work} />}
        </section>
        <Outcome resource={resource} work={work} onGoOn={(fromLine) => change({ fromLine })} />
        {file && preview && state.kind !== "done" && <Columns resource={resource} preview={preview} isNew={choices.mode === "create"} />}
      </div>
    </>
  );
}

type ChooseProps = { modes: string[]; choices: Choices; onChange: (next: Partial<Choices>) => void; onFile: (file: File | null) => void };

function Choose({ modes, choices: { mode, decimal }, onChange, onFile }: ChooseProps) {
  const startAnew = (input: HTMLInputElement) => {
    if (input.value) input.value = ""; // else a file that was mended under the same name would be no change
    onFile(null);
  };
  const decimals = [["", say("import.decimal.any")], ["point", say("import.decimal.point")], ["comma", say("import.decimal.comma")]];
  return (
    <div className="import-choices">
      <Labelled label={say("import.file")} help={say("import.file-help")}>
        {(ids) => <input {...ids} type="file" accept=".csv,.tsv,.txt,.ndjson,.jsonl" onClick={({ currentTarget }) => startAnew(currentTarget)} onChange={({ target }) => target.files?.[0] && onFile(target.files[0])} />}
      </Labelled>
      <Labelled label={say("import.mode")} help={say("import.at-once")}>
        {(ids) => (
          <select {...ids} value={mode} onChange={({ target }) => onChange({ mode: target.value })}>
            {modes.map((one) => <option key={one} value={one}>{say(`import.mode.${one}` as "import.mode.create")}</option>)}
          </select>
        )}
      </Labelled>
      <Labelled label={say("import.decimal")}>
        {(ids) => (
          <select {...ids} value={decimal} onChange={({ target }) => onChange({ decimal: target.value })}>
            {decimals.map(([value, label]) => <option key={value} value={value}>{label}</option>)}
          </select>
        )}
      </Labelled>
    </div>
  );
}

/** The next step: to check the file, and only then to import it. */
function Actions({ work: { state, run } }: { work: Import }) {
  if (state.kind === "working") return <Working isDryRun={state.isDryRun} />;
  if (state.kind === "done") return null;
  return (
    <footer className="form-actions">
      <button type="button" className={state.kind === "checked" ? "" : "primary"} onClick={() => run(true)}>{say("import.check")}</button>
      {state.kind === "checked" && <button type="button" className="primary" onClick={() => run(false)}>{say("import.start")}</button>}
    </footer>
  );
}

/** How long it takes already: how much is left, only the server knows. */
function Working({ isDryRun }: { isDryRun: boolean }) {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setSeconds((now) => now + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  const text = say(isDryRun ? "import.checking" : "import.working", { seconds });
  return <div className="working"><progress aria-label={text} /><span>{text}</span></div>;
}

type OutcomeProps = { resource: Resource; work: Import; onGoOn: (line: number) => void };

function Outcome({ resource, work: { state, preview }, onGoOn }: OutcomeProps) {
  if (state.kind === "checked") return <Success resource={resource} report={state.report} sentence="import.checked" />;
  if (state.kind === "refused") return <WrongCells resource={resource} refusal={state.refusal} preview={preview ?? { header: [], rows: [] }} onGoOn={onGoOn} />;
  if (state.kind === "failed") return <Problem error={state.error} />;
  if (state.kind !== "done") return null;
  return (
    <>
      <Success resource={resource} report={state.report} sentence="import.done" />
      <p><Link to={`/${resource.slug}` as string}>{say("import.list")}</Link></p>
    </>
  );
}

function Columns({ resource, preview, isNew }: { resource: Resource; preview: Preview; isNew: boolean }) {
  const missing = isNew ? missingFields(resource, preview) : [];
  return (
    <section>
      <h2>{say("import.columns")}</h2>
      {missing.length > 0 && <p className="error">{say("import.missing", { fields: missing.join(", ") })}</p>}
      <Table label={say("import.columns")} rows={matchColumns(resource, preview)} id={({ name }) => name} columns={[
        { name: "column", label: say("import.column"), cell: ({ name }) => <code>{name}</code> },
        { name: "field", label: say("import.field"), cell: ({ label, isWritten }) => (
          label === null ? <span className="error">{say("import.unknown")}</span> : <>{label}{!isWritten && <small> {say("import.compared")}</small>}</>
        ) },
        { name: "sample", label: say("import.sample"), cell: ({ sample }) => sample },
      ]} />
    </section>
  );
}
