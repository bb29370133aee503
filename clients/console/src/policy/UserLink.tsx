// The name of a person, as a link to the page of that person where it may be read.
import { Link } from "@tanstack/react-router";
import { say } from "../words/say.ts";

export function UserLink({ id, name, link = true }: { id: string | null; name: string | null; link?: boolean }) {
  const text = name ?? say("user.erased");
  return id && link ? <Link to={`/users/${id}` as string}>{text}</Link> : <>{text}</>;
}
