import { createHash } from "node:crypto";
import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { defineConfig } from "vite";

// What the built files are made of, in the order in which Go walks them: console_test.go holds dist/sources against it.
function sources(): string[] {
  const walk = (name: string): string[] =>
    statSync(name).isDirectory() ? readdirSync(name).sort().flatMap((inner) => walk(`${name}/${inner}`)) : [name];
  return ["index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", "src"].flatMap(walk);
}

// The page, or, with --mode widget after it, the script for other pages: one file, without a name of its own among theirs.
export default defineConfig(({ mode }) => ({
  base: "/console/",
  build: {
    target: "es2023",
    ...(mode === "widget" && { emptyOutDir: false, lib: { entry: "src/widget/widget.ts", name: "parley", formats: ["iife"], fileName: () => "widget.js" } }),
    assetsInlineLimit: 0, // the page's policy takes no data: URLs
    modulePreload: { polyfill: false },
  },
  plugins: [
    {
      name: "sources",
      closeBundle() {
        const line = (name: string) => `${createHash("sha256").update(readFileSync(name)).digest("hex")}  ${name}\n`;
        writeFileSync("dist/sources", sources().filter((name) => !name.endsWith(".test.ts")).map(line).join(""));
      },
    },
  ],
}));
