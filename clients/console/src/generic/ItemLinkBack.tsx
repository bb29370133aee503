// The way back to the list.
import { Link } from "@tanstack/react-router";
import type { Resource } from "../document/read.ts";
import { Icon } from "../parts/Icon.tsx";

export const ItemLinkBack = ({ resource }: { resource: Resource }) => (
  <Link to={`/${resource.slug}` as string} className="back"><Icon name="arrow-left" />{resource.name}</Link>
);
