// The way back to the list.
import type { Resource } from "../document/read.ts";
import { BackLink } from "../parts/BackLink.tsx";

export const ItemLinkBack = ({ resource }: { resource: Resource }) => <BackLink to={`/${resource.slug}`}>{resource.name}</BackLink>;
