// Addresses → screens, each loaded when it is first shown.
import "./public/token.ts"; // first: it takes the token out of the address before the router reads that
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, type AnyRoute, type RouteComponent } from "@tanstack/react-router";
import { parseSearch, stringifySearch } from "./parts/address.ts";
import { Loading, Problem } from "./parts/states.tsx";
import { CONSOLE } from "./root.ts";
import { PUBLIC, SCREENS, type Screen } from "./screens.ts";
import { App } from "./shell/App.tsx";
import { guarded } from "./shell/guarded.tsx";
import { say } from "./words/say.ts";

const NotFound = () => <p className="state">{say("shell.missing")}</p>;
const root = createRootRoute();
const signedIn = createRoute({ getParentRoute: () => root, id: "signed-in", component: App });
const missing = createRoute({ getParentRoute: () => signedIn, path: "$", component: NotFound });

const GENERIC = [
  { path: "/$slug", load: () => import("./generic/ListScreen.tsx") },
  { path: "/$slug/new", load: () => import("./generic/NewScreen.tsx") },
  { path: "/$slug/import", load: () => import("./generic/ImportScreen.tsx") },
  { path: "/$slug/$id", load: () => import("./generic/ItemScreen.tsx") },
];

function toRoute(parent: AnyRoute, screen: Screen | (typeof PUBLIC | typeof GENERIC)[number]): AnyRoute {
  const content = lazyRouteComponent(screen.load);
  const component = ("title" in screen ? guarded(content, screen) : content) as RouteComponent;
  return createRoute({ getParentRoute: () => parent, path: screen.path, component });
}

export const router = createRouter({
  routeTree: root.addChildren([
    ...PUBLIC.map((screen) => toRoute(root, screen)),
    signedIn.addChildren([...[...SCREENS, ...GENERIC].map((screen) => toRoute(signedIn, screen)), missing]),
  ]),
  basepath: CONSOLE,
  parseSearch,
  stringifySearch,
  scrollRestoration: true,
  defaultPreload: "intent",
  defaultPendingComponent: Loading,
  defaultErrorComponent: ({ error, reset }) => <Problem error={error} retry={reset} />,
});
