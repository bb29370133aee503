// Goes anywhere by typing: screens of the menu, and items of the lists that may be read.
import { useQueries, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Autocomplete, Header, Input, Menu, MenuItem, MenuSection, SearchField, useFilter } from "react-aria-components";
import { call } from "../api/client.ts";
import { menu, resources, useMayWhereRead, type Page } from "../api/queries.ts";
import { maySearch, type Resource } from "../document/read.ts";
import { say } from "../words/say.ts";
import { Dialog } from "./Dialog.tsx";
import { Icon } from "./Icon.tsx";

export type Destination = { path: string; name: string; icon: string; note?: string };
type Item = Record<string, unknown> & { id: string };

const MATCHES = 4;

/** The items whose words begin like what was typed, of every list in the menu that the person may search. */
function useItems(text: string): Destination[] {
  const { data: all = [] } = useQuery(resources);
  const { data: groups = [] } = useQuery(menu);
  const may = useMayWhereRead();
  const modules = groups.flatMap((group) => group.modules);
  const isOffered = (resource: Resource) => modules.some(({ slug }) => slug === resource.slug) && maySearch(resource, may);
  const searched = text.length < 2 ? [] : all.filter(isOffered);
  return useQueries({
    queries: searched.map(({ path }) => ({
      queryKey: ["read", path, { q: text, limit: MATCHES }],
      queryFn: () => call<Page<Item>>("get", path, { query: { q: text, limit: MATCHES } }),
    })),
    combine: (answers) => answers.flatMap(({ data }, index) => {
      const { slug, title, name } = searched[index] ?? { slug: "", title: "", name: "" };
      const icon = modules.find((module) => module.slug === slug)?.icon ?? "box";
      return (data?.items ?? []).map((item) => ({ path: `/${slug}/${item.id}`, name: String(item[title] ?? item.id), icon, note: name }));
    }),
  });
}

type PaletteProps = { screens: Destination[]; onGo: (path: string) => void; onClose: () => void };

export default function Palette({ screens, onGo, onClose }: PaletteProps) {
  const [text, setText] = useState("");
  const { contains } = useFilter({ sensitivity: "base" });
  const items = useItems(text.trim());
  const sections = [
    { name: say("palette.screens"), found: screens.filter(({ name }) => contains(name, text)) },
    { name: say("palette.items"), found: items },
  ].filter(({ found }) => found.length);
  const go = (path: string) => (onClose(), onGo(path));
  return (
    <Dialog title={say("palette.title")} onClose={onClose}>
      <Autocomplete inputValue={text} onInputChange={setText}>
        <SearchField aria-label={say("palette.title")} className="palette-field"><Input placeholder={say("palette.placeholder")} data-autofocus /></SearchField>
        <Menu className="palette" aria-label={say("palette.title")} onAction={(key) => go(String(key))} renderEmptyState={() => <p className="state">{say("palette.empty")}</p>}>
          {sections.map(({ name, found }) => (
            <MenuSection key={name} aria-label={name}>
              <Header>{name}</Header>
              {found.map(({ path, name: label, icon, note }) => (
                <MenuItem key={path} id={path} textValue={label} className="option"><Icon name={icon} />{label}{note && <small>{note}</small>}</MenuItem>
              ))}
            </MenuSection>
          ))}
        </Menu>
      </Autocomplete>
    </Dialog>
  );
}
