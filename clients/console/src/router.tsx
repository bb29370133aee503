// Addresses → screens, each loaded when it is first shown.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, type AnyRoute, type RouteComponent } from "@tanstack/react-router";
import { parseSearch, stringifySearch } from "./parts/address.ts";
import { Loading, Problem } from "./parts/states.tsx";
import { CONSOLE } from "./root.ts";
import { SCREENS, type Screen } from "./screens.ts";
import { App } from "./shell/App.tsx";
import { guarded } from "./shell/guarded.tsx";
import { say } from "./words/say.ts";

const NotFound = () => <p className="state">{say("shell.missing")}</p>;
const root = createRootRoute({ component: App, notFoundComponent: NotFound });

const GENERIC = [
  { path: "/$slug", load: () => import("./generic/ListScreen.tsx") },
  { path: "/$slug/new", load: () => import("./generic/NewScreen.tsx") },
  { path: "/$slug/import", load: () => import("./generic/ImportScreen.tsx") },
  { path: "/$slug/$id", load: () => import("./generic/ItemScreen.tsx") },
];

function toRoute(screen: Screen | (typeof GENERIC)[number]): AnyRoute {
  const content = lazyRouteComponent(screen.load);
  const component = ("title" in screen ? guarded(content, screen) : content) as RouteComponent;
  return createRoute({ getParentRoute: () => root, path: screen.path, component });
}

export const router = createRouter({
  routeTree: root.addChildren([...SCREENS, ...GENERIC].map(toRoute)),
  basepath: CONSOLE,
  parseSearch,
  stringifySearch,
  scrollRestoration: true,
  defaultPreload: "intent",
  defaultPendingComponent: Loading,
  defaultErrorComponent: ({ error, reset }) => <Problem error={error} retry={reset} />,
});
