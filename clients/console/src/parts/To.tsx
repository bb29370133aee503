// A link to a screen with a state: its path, and the parameters of its address.
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

export type Place = { to: string; search?: Record<string, string | undefined> };
type ToProps = { place: Place; label?: string; className?: string; children: ReactNode };

/** `label` says where it leads, where its content does not. */
export const To = ({ place: { to, search = {} }, label, className, children }: ToProps) => (
  <Link to={to} search={search as never} aria-label={label} className={className}>{children}</Link>
);
