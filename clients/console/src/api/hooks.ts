// What the shell does for requests: asks for a code, leads to the screen of a restriction, renews the menu.
export type Hooks = {
  /** Asks for the second factor or password; whether it was given. */
  stepUp: () => Promise<boolean>;
  /** A restriction of the account must be lifted first: `password-change-required`, `second-factor-required`. */
  restricted: (code: string) => void;
  /** The policy has a newer version than the menu and the permissions on the screen. */
  policyChanged: () => void;
};

export const hooks: Hooks = {
  stepUp: () => Promise.resolve(false),
  restricted: () => undefined,
  policyChanged: () => undefined,
};
