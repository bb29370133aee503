import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { oneLocale } from "./vite/locales.ts";
import { packed } from "./vite/pack.ts";
import { virtualModules } from "./vite/virtual.ts";

const API = process.env.ATTEST_API ?? "http://127.0.0.1:8000";

/** Few files for the first load: libraries, what all screens share, what the generic screens share, and those of the policy. */
const CHUNKS = [
  { name: "libraries", test: /node_modules\/(?!d3-|internmap|lucide|uqr|react-aria|react-stately|@internationalized|@react-)|preload-helper/ },
  { name: "shared", test: /src\/(api|document|words|parts\/(?!Pal|Combo|Chart|KeyHelp)|root)|typescript\/src\/operations|virtual:(words|icons)/ },
  { name: "generic", test: /src\/generic\/(?!\w+Screen)/ },
  { name: "record", test: /src\/record\/(?!Summary|period|Home|PersonScreen|Erase|LegalHold)/ },
  { name: "policy", test: /src\/policy\//, minShareCount: 2 },
];

export default defineConfig(({ command }) => ({
  base: command === "build" ? "./" : "/console/",
  plugins: [react(), oneLocale(), virtualModules(), packed()],
  build: {
    outDir: fileURLToPath(new URL("../../app/static/console", import.meta.url)),
    emptyOutDir: true,
    target: "es2023",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rolldownOptions: { output: { codeSplitting: { groups: CHUNKS, includeDependenciesRecursively: false } } },
  },
  experimental: {
    // The page is served at any depth below /console, the server puts its root path before the address.
    renderBuiltUrl: (file: string, { hostType }: { hostType: string }) =>
      hostType === "html" ? `/console/${file}` : { relative: true },
  },
  server: { proxy: { "/api": API } },
  test: { include: ["test/**/*.test.ts"], testTimeout: 60_000 },
}));
