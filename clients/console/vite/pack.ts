// Packs what Vite wrote: level 9 and no time in the header, so that a rebuild is byte-identical.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const PACKED = /\.(js|css|html|svg|json)$/;
const UNIX = 3;

function pack(path: string): void {
  const packed = gzipSync(readFileSync(path), { level: 9 });
  packed[9] = UNIX; // the byte of the operating system differs between builds of zlib
  writeFileSync(`${path}.gz`, packed);
}

/** After Vite has finished: before, the chunks still hold the placeholders of its preloading. */
export function packed(): Plugin {
  return {
    name: "attest-pack",
    apply: "build",
    writeBundle({ dir = "" }) {
      for (const file of readdirSync(dir, { recursive: true, encoding: "utf8" })) {
        if (PACKED.test(file)) pack(join(dir, file));
      }
    },
  };
}
