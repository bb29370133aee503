// Where a person can go: the modules of the menu, and the screens that they may see.
import { useQuery } from "@tanstack/react-query";
import { menu, useMay } from "../api/queries.ts";
import type { Destination } from "../parts/Palette.tsx";
import { SCREENS, type Screen } from "../screens.ts";
import { say } from "../words/say.ts";

/** The screens that the person may see. */
export function useScreens(): Screen[] {
  const may = useMay();
  return SCREENS.filter(({ permission, path }) => !path.includes("$") && !path.endsWith("/new") && (!permission || permission.some(may)));
}

export function useDestinations(): Destination[] {
  const { data: groups = [] } = useQuery(menu);
  const own = useScreens().map(({ path, title, icon }) => ({ path, name: say(title), icon }));
  const taken = new Set(own.map(({ path }) => path));
  const modules = groups.flatMap((group) => group.modules).map(({ route, name, icon }) => ({ path: route, name, icon }));
  return [...modules.filter(({ path }) => !taken.has(path)), ...own];
}
