// Where the console is served: its own address, and the root path that a proxy may put before it.
// This file lies one folder below the console, in the sources and (as a part of a chunk) in the build.
const home = new URL(/* @vite-ignore */ "..", import.meta.url);

/** The path of the console, without a slash at its end: `/console`, or `/root/console`. */
export const CONSOLE = home.pathname.replace(/\/$/, "");
/** The origin and root path, before `/api/v1`. */
export const ROOT = new URL("..", home).href.replace(/\/$/, "");
