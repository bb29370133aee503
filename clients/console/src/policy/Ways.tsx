// Grants that give a permission, and those that almost do: what is in the way, and where it is mended.
import { Link } from "@tanstack/react-router";
import { useMay, type Schemas } from "../api/queries.ts";
import { Icon } from "../parts/Icon.tsx";
import { stringifySearch } from "../parts/address.ts";
import { Chip } from "../parts/Chip.tsx";
import { say, type Sentence } from "../words/say.ts";
import { ALL_ROWS, useTitles } from "./permissions.ts";
import { sentenceOfWay } from "./sentences.ts";

type Ground = Schemas["Ground"];
type Explanation = Schemas["Explanation"];
type Fix = { to: string; text: Sentence; needs: string };

const moduleOf = ({ permission }: Pick<Explanation, "permission">) => permission.split(":")[0] ?? "";

export function OpenWay({ way, found }: { way: Ground; found: Explanation }) {
  const titles = useTitles();
  return <li><Icon name="check" /><span>{sentenceOfWay(way, titles.module(moduleOf(found)))}</span><Scope way={way} /><RoleLink way={way} /></li>;
}

type NearMissProps = { way: Ground; found: Explanation; fixable: boolean };

export function NearMiss({ way, found, fixable }: NearMissProps) {
  const may = useMay();
  const titles = useTitles();
  const fixes = way.obstacles.map((obstacle) => fixOf(obstacle, way, found)).filter((fix, index, all) => may(fix.needs) && all.findIndex(({ to }) => to === fix.to) === index);
  return (
    <li>
      <Icon name="x" />
      <span>{way.obstacles.map((obstacle) => sentenceOfWay(way, titles.module(moduleOf(found)), obstacle)).join(" ")}</span>
      <RoleLink way={way} />
      {fixable && fixes.map(({ to, text }) => <Link key={to} to={to as string} className="fix">{say(text)}<Icon name="arrow-right" /></Link>)}
    </li>
  );
}

/** Where an obstacle is taken out of the way. */
function fixOf(obstacle: string, { role_id }: Ground, { user_id, permission }: Explanation): Fix {
  if (obstacle.startsWith("user-")) return { to: `/users/${user_id}`, text: "explain.fix.user", needs: "users:update" };
  if (obstacle.startsWith("assignment-")) return { to: `/users/${user_id}?tab=roles`, text: "explain.fix.assignment", needs: "users:update" };
  if (obstacle.startsWith("role-")) return { to: `/roles/${String(role_id)}`, text: "explain.fix.role", needs: "roles:update" };
  const place = stringifySearch({ role: role_id ?? "", module: moduleOf({ permission }) });
  const isModule = obstacle.startsWith("module-") || obstacle.startsWith("group-");
  return { to: `/roles/matrix${place}`, text: isModule ? "explain.fix.module" : "explain.fix.grant", needs: "roles:update" };
}

function Scope({ way }: { way: Ground }) {
  const titles = useTitles();
  const slug = way.grant[0]?.split(":")[0] ?? "";
  return way.scope === ALL_ROWS ? null : <Chip tone="info">{titles.scope(slug, way.scope)}</Chip>;
}

function RoleLink({ way: { role_id, role } }: { way: Ground }) {
  const may = useMay();
  return role_id && role && may("roles:read") ? <Link to={`/roles/${role_id}` as string}>{say("explain.role", { role })}</Link> : null;
}
