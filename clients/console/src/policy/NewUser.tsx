// A new user. Without a password, the person is invited to choose one on the next screen.
import { NewItem } from "../generic/NewScreen.tsx";

export default function NewUser() {
  return <NewItem slug="users" />;
}
