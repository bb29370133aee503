// A new role, which grants nothing yet.
import { NewItem } from "../generic/NewScreen.tsx";

export default function NewRole() {
  return <NewItem slug="roles" />;
}
