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
  /** The module of the menu under which it stands, the first of several that the person has; without it, it is not in the menu. */
  under?: string | readonly string[];
  /** The chunk of the screen, whose default export is shown. */
  load: () => Promise<{ default: ComponentType }>;
};

const POLICY = { permission: ["roles:read", "audit:read"], under: ["roles", "audit"] } as const;
/** The audit log is read as a whole, or what it has about a module. */
const AUDIT = ["audit:read", "*:audit"];

/** Where links of mails lead. A session is not needed, and changes nothing. */
export const PUBLIC: readonly Pick<Screen, "path" | "load">[] = [
  { path: "/invitation", load: () => import("./public/Invitation.tsx") },
  { path: "/password-reset", load: () => import("./public/PasswordReset.tsx") },
  { path: "/email-verification", load: () => import("./public/EmailVerification.tsx") },
];

export const SCREENS: readonly Screen[] = [
  { path: "/", title: "home.title", icon: "house", load: () => import("./shell/Home.tsx") },
  { path: "/me", title: "account.title", icon: "user", load: () => import("./account/Me.tsx") },
  { path: "/me/password", title: "password.title", icon: "key-round", load: () => import("./shell/Password.tsx") },
  { path: "/me/second-factor", title: "second-factor.title", icon: "fingerprint-pattern", load: () => import("./shell/SecondFactor.tsx") },
  { path: "/roles/matrix", title: "matrix.title", icon: "table", ...POLICY, load: () => import("./policy/Matrix.tsx") },
  { path: "/roles/explain", title: "explain.title", icon: "scale", ...POLICY, load: () => import("./policy/Explain.tsx") },
  { path: "/roles/versions", title: "versions.title", icon: "rotate-ccw-clock", ...POLICY, load: () => import("./policy/Versions.tsx") },
  { path: "/roles/versions/$id", title: "versions.title", icon: "rotate-ccw-clock", permission: POLICY.permission, load: () => import("./policy/Version.tsx") },
  { path: "/roles/new", title: "roles.new", icon: "key", permission: ["roles:create"], load: () => import("./policy/NewRole.tsx") },
  { path: "/roles/$id", title: "roles.role", icon: "key", permission: ["roles:read"], load: () => import("./policy/Role.tsx") },
  { path: "/users/new", title: "user.new", icon: "users", permission: ["users:create"], load: () => import("./policy/NewUser.tsx") },
  { path: "/users/$id", title: "user.title", icon: "user", permission: ["users:read"], load: () => import("./policy/User.tsx") },
  { path: "/approvals", title: "approvals.title", icon: "check-check", load: () => import("./policy/Approvals.tsx") },
  { path: "/approvals/$id", title: "approvals.title", icon: "check-check", load: () => import("./policy/Approval.tsx") },
  { path: "/audit", title: "record.audit", icon: "shield", permission: AUDIT, load: () => import("./record/Home.tsx") },
  { path: "/audit/summary", title: "record.summary", icon: "chart-column", permission: AUDIT, under: "audit", load: () => import("./record/Summary.tsx") },
  { path: "/audit/changes", title: "record.changes", icon: "rotate-ccw-clock", permission: AUDIT, under: "audit", load: () => import("./record/Changes.tsx") },
  { path: "/audit/access", title: "record.access", icon: "list", permission: AUDIT, under: "audit", load: () => import("./record/Access.tsx") },
  { path: "/audit/calls/$id", title: "record.request", icon: "file-text", permission: AUDIT, load: () => import("./record/CallScreen.tsx") },
  { path: "/audit/actors/$id", title: "record.timeline", icon: "user", permission: AUDIT, load: () => import("./record/ActorScreen.tsx") },
  { path: "/audit/logins", title: "record.logins", icon: "log-in", permission: ["audit:read", "users:read"], under: "audit", load: () => import("./record/Logins.tsx") },
  { path: "/audit/sessions", title: "record.sessions", icon: "monitor", permission: ["audit:read", "users:read"], under: "audit", load: () => import("./record/Sessions.tsx") },
  { path: "/audit/keys", title: "record.keys", icon: "key", permission: ["audit:read", "users:read"], under: "audit", load: () => import("./record/Keys.tsx") },
  { path: "/audit/proofs", title: "record.proofs", icon: "shield-check", permission: ["audit:read"], under: "audit", load: () => import("./record/Proofs.tsx") },
  { path: "/jobs", title: "jobs.title", icon: "list-checks", load: () => import("./jobs/Jobs.tsx") },
  { path: "/jobs/$id", title: "jobs.job", icon: "list-checks", load: () => import("./jobs/JobScreen.tsx") },
  { path: "/jobs/summary", title: "jobs.summary", icon: "chart-column", permission: ["jobs:read"], under: "jobs", load: () => import("./jobs/Summary.tsx") },
  { path: "/jobs/schedules", title: "schedules.title", icon: "calendar", permission: ["jobs:read"], under: "jobs", load: () => import("./jobs/Schedules.tsx") },
  { path: "/$slug/$id/person", title: "record.personal-data", icon: "fingerprint-pattern", load: () => import("./record/PersonScreen.tsx") },
];
