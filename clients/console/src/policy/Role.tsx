// One role: what it is called and asks of its users, what it grants, who has it.
import { Link, useParams } from "@tanstack/react-router";
import { useMay, useRead, type Page } from "../api/queries.ts";
import type { Resource } from "../document/read.ts";
import { Deleted, ItemBody, ItemHeading } from "../generic/ItemScreen.tsx";
import { WithResource } from "../generic/WithResource.tsx";
import type { Item } from "../generic/item.ts";
import { useAddress, valueOf } from "../parts/address.ts";
import { Answered, Empty } from "../parts/states.tsx";
import { Table, type Column } from "../parts/Table.tsx";
import { Tabs } from "../parts/Tabs.tsx";
import { Toolbar } from "../parts/Toolbar.tsx";
import { say } from "../words/say.ts";
import { RoleUsers } from "./RoleUsers.tsx";
import type { Grant, Row } from "./matrix.ts";
import { FLAGS, useTitles } from "./permissions.ts";

export default function Role() {
  const { id } = useParams({ strict: false }) as { id: string };
  return <WithResource slug="roles">{(resource) => <Loaded key={id} resource={resource} id={id} />}</WithResource>;
}

function Loaded({ resource, id }: { resource: Resource; id: string }) {
  const [{ deleted }] = useAddress();
  const role = useRead<Item>(deleted ? null : `/api/v1/roles/${encodeURIComponent(id)}`);
  if (deleted) return <Deleted resource={resource} id={id} />;
  return <Answered to={role}>{(found) => <Found resource={resource} item={found} reload={role.refetch} />}</Answered>;
}

type FoundProps = { resource: Resource; item: Item; reload: () => Promise<{ data?: Item | undefined }> };

function Found(props: FoundProps) {
  const { item } = props;
  const [search] = useAddress();
  const current = valueOf(search, "tab") || "role";
  const tabs = [{ key: "role", label: say("roles.role") }, { key: "grants", label: say("roles.grants") }, { key: "users", label: say("roles.users") }];
  return (
    <>
      <ItemHeading {...props} />
      <Tabs label={say("user.parts")} tabs={tabs} current={current} />
      {current === "role" && <ItemBody {...props} />}
      {current === "grants" && <Grants role={item} />}
      {current === "users" && <RoleUsers role={{ id: item.id, name: String(item.name), version: Number(item.version) }} isDeleted={Boolean(item.deleted_at)} />}
    </>
  );
}

function Grants({ role }: { role: Item }) {
  const may = useMay();
  const rows = useRead<Page<Row>>("/api/v1/roles/matrix", { id: role.id });
  return (
    <>
      {may("roles:update") && !role.deleted_at && <Toolbar label={say("roles.grants")}><Link to={`/roles/matrix?role=${role.id}` as string} className="fix">{say("roles.edit-grants")}</Link></Toolbar>}
      <Answered to={rows}>{({ items }) => <GrantTable grants={(items[0]?.modules ?? []) as Grant[]} />}</Answered>
    </>
  );
}

function GrantTable({ grants }: { grants: Grant[] }) {
  const titles = useTitles();
  const flagsOf = (grant: Grant) => [say("permission.read"), ...FLAGS.filter((flag) => grant[`can_${flag}`]).map((flag) => say(`permission.${flag}`))];
  const columns: Column<Grant>[] = [
    { name: "module", label: say("matrix.module"), cell: ({ module_slug }) => <strong>{titles.module(module_slug)}</strong> },
    { name: "flags", label: say("roles.may"), cell: (grant) => flagsOf(grant).join(", ") },
    { name: "actions", label: say("matrix.own-actions"), cell: ({ module_slug, actions }) => actions.map((action) => titles.action(module_slug, action)).join(", ") },
    { name: "scope", label: say("matrix.scope"), cell: ({ module_slug, scope }) => titles.scope(module_slug, scope) },
  ];
  return grants.length ? <Table label={say("roles.grants")} columns={columns} rows={grants} id={({ module_slug }) => module_slug} /> : <Empty>{say("roles.grants-nothing")}</Empty>;
}
