// Who is she? Profile, roles, what she may do and why, how she comes in, and what she did.
import { useParams } from "@tanstack/react-router";
import { useMay, useRead, type Schemas } from "../api/queries.ts";
import type { Resource } from "../document/read.ts";
import { Deleted, ItemBody, ItemHeading } from "../generic/ItemScreen.tsx";
import { WithResource } from "../generic/WithResource.tsx";
import type { Item } from "../generic/item.ts";
import { stringifySearch, useAddress, useGo, valueOf } from "../parts/address.ts";
import { Chip } from "../parts/Chip.tsx";
import { Answered, Missing } from "../parts/states.tsx";
import { Tabs } from "../parts/Tabs.tsx";
import { Moment } from "../parts/Time.tsx";
import { say } from "../words/say.ts";
import { HeldTable } from "./HeldTable.tsx";
import { UserActions } from "./UserActions.tsx";
import { UserActivity } from "./UserActivity.tsx";
import { UserKeys, UserLogins, UserSessions } from "./UserAccess.tsx";
import { UserRoles } from "./UserRoles.tsx";

export type Overview = Schemas["UserOverview"];

export default function User() {
  const { id } = useParams({ strict: false }) as { id: string };
  return <WithResource slug="users">{(resource) => <Loaded key={id} resource={resource} id={id} />}</WithResource>;
}

function Loaded({ resource, id }: { resource: Resource; id: string }) {
  const [{ deleted }] = useAddress();
  const overview = useRead<Overview>(deleted ? null : `/api/v1/users/${encodeURIComponent(id)}/overview`);
  const reload = async () => ({ data: (await overview.refetch()).data?.user as Item | undefined });
  if (deleted) return <Deleted resource={resource} id={id} />;
  return <Answered to={overview}>{(found) => <Found resource={resource} overview={found} reload={reload} />}</Answered>;
}

type FoundProps = { resource: Resource; overview: Overview; reload: () => Promise<{ data?: Item | undefined }> };

function Found({ resource, overview, reload }: FoundProps) {
  const [search] = useAddress();
  const may = useMay();
  const current = valueOf(search, "tab") || "profile";
  const item = overview.user as Item;
  const tabs = [
    { key: "profile", label: say("user.profile") },
    { key: "roles", label: say("user.roles", { count: overview.assignments.length }) },
    { key: "permissions", label: say("user.permissions") },
    { key: "sessions", label: say("user.sessions") },
    { key: "keys", label: say("user.keys") },
    { key: "sign-ins", label: say("user.sign-ins") },
    ...(may("audit:read") ? [{ key: "activity", label: say("user.activity") }] : []),
  ];
  return (
    <>
      <ItemHeading resource={resource} item={item} reload={reload}><UserActions overview={overview} /></ItemHeading>
      <State overview={overview} />
      <Tabs label={say("user.parts")} tabs={tabs} current={current} />
      {current === "profile" ? <ItemBody resource={resource} item={item} reload={reload} /> : <Part tab={current} overview={overview} />}
    </>
  );
}

/** What an administrator looks at first. */
function State({ overview: { user, is_locked, has_second_factor, last_sign_in_at } }: { overview: Overview }) {
  return (
    <p className="facts-line">
      <Chip tone={user.is_active ? "good" : "bad"}>{say(user.is_active ? "user.active" : "user.inactive")}</Chip>
      {is_locked && <Chip tone="bad">{say("user.locked")}</Chip>}
      {user.is_superuser && <Chip tone="warn">{say("user.superuser")}</Chip>}
      {user.is_service ? <Chip>{say("user.service")}</Chip> : <Chip tone={has_second_factor ? "good" : "plain"}>{say(has_second_factor ? "user.second-factor" : "user.no-second-factor")}</Chip>}
      {user.must_change_password && <Chip tone="warn">{say("user.one-time-password")}</Chip>}
      <span>{last_sign_in_at ? <>{say("user.last-sign-in")} <Moment at={last_sign_in_at} ago /></> : say("user.never-signed-in")}</span>
    </p>
  );
}

function Part({ tab, overview }: { tab: string; overview: Overview }) {
  const { user } = overview;
  switch (tab) {
    case "roles": return <UserRoles overview={overview} />;
    case "permissions": return <Permissions overview={overview} />;
    case "sessions": return <UserSessions user={user} />;
    case "keys": return <UserKeys overview={overview} />;
    case "sign-ins": return <UserLogins user={user} />;
    default: return <UserActivity user={user} />;
  }
}

function Permissions({ overview: { user, permissions, left_out } }: { overview: Overview }) {
  const go = useGo();
  if (!permissions) return <Missing permission={left_out[0]?.permission ?? "roles:read"} />;
  return <HeldTable held={permissions} onOpen={(permission) => go(`/roles/explain${stringifySearch({ username: user.username, permission })}`)} />;
}
