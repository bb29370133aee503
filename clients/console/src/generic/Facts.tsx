// What an item says beside its form: the fields that the server alone writes.
import type { Resource } from "../document/read.ts";
import { say } from "../words/say.ts";
import { Value } from "./Value.tsx";
import type { Item } from "./item.ts";

export function Facts({ resource, item }: { resource: Resource; item: Item }) {
  const inForm = new Set((resource.update ?? resource.columns).flatMap(({ name }) => [name, name.replace(/_ids$/, "s").replace(/_id$/, "")]));
  const facts = resource.columns.filter(({ name }) => !inForm.has(name) && name !== "version" && item[name] !== null && item[name] !== undefined);
  return (
    <details className="facts" open>
      <summary>{say("item.facts")}</summary>
      <dl>
        {facts.map((field) => (
          <div key={field.name}><dt>{field.label}</dt><dd><Value field={field} value={item[field.name]} item={item} /></dd></div>
        ))}
      </dl>
    </details>
  );
}
