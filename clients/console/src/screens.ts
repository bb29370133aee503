// The table of screens. One file per screen, one line here; the generic screens serve every other address.
import type { ComponentType } from "react";
import type { IconName } from "./parts/icon-names.ts";
import type { Sentence } from "./words/say.ts";

export type Screen = {
  /** Below the console, `$name` for a parameter: `/roles/versions/$id`. */
  path: string;
  title: Sentence;
  icon: IconName;
  /** What it takes to see it, any of several: `roles:read`. Without it, whoever is signed in. */
  permission?: readonly string[];
  /** The module of the menu under which it stands; without it, it is not in the menu. */
  under?: string;
  /** The chunk of the screen, whose default export is shown. */
  load: () => Promise<{ default: ComponentType }>;
};

export const SCREENS: readonly Screen[] = [
  { path: "/", title: "home.title", icon: "house", load: () => import("./shell/Home.tsx") },
  { path: "/me", title: "account.title", icon: "user", load: () => import("./account/Me.tsx") },
  { path: "/me/password", title: "password.title", icon: "key-round", load: () => import("./shell/Password.tsx") },
  { path: "/me/second-factor", title: "second-factor.title", icon: "fingerprint-pattern", load: () => import("./shell/SecondFactor.tsx") },
];
