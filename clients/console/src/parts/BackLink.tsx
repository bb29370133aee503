// The way back to the list of what a screen shows one of.
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Icon } from "./Icon.tsx";

export const BackLink = ({ to, children }: { to: string; children: ReactNode }) => (
  <Link to={to} className="back"><Icon name="arrow-left" />{children}</Link>
);
