// A Lucide icon, made of elements: no markup is parsed in the browser.
import { useQuery } from "@tanstack/react-query";
import { createElement } from "react";
import shapes from "virtual:icons";
import type { IconName } from "./icon-names.ts";

/** An icon beside words, or of a button that says its name otherwise. All of Lucide is loaded for a module that names a rare one. */
export function Icon({ name }: { name: IconName | (string & {}) }) {
  const { data: rare } = useQuery({
    queryKey: ["icons"],
    queryFn: async () => (await import("virtual:all-icons")).default,
    enabled: !(name in shapes),
    staleTime: Infinity,
  });
  const shape = shapes[name] ?? rare?.[name] ?? shapes.box ?? [];
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true">
      {shape.map(([tag, attributes], index) => createElement(tag, { ...attributes, key: index }))}
    </svg>
  );
}
