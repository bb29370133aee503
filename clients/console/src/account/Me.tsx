// My account: names and e-mail, password and second factor, sessions, API keys, theme and language.
import { useQuery } from "@tanstack/react-query";
import { me } from "../api/queries.ts";
import { Answered } from "../parts/states.tsx";
import { Heading } from "../parts/Toolbar.tsx";
import { say } from "../words/say.ts";
import { Appearance } from "./Appearance.tsx";
import { Keys } from "./Keys.tsx";
import { Profile } from "./Profile.tsx";
import { Sessions } from "./Sessions.tsx";
import { SigningIn } from "./SigningIn.tsx";

export default function Me() {
  const person = useQuery(me);
  return (
    <>
      <Heading title={say("account.title")} note={person.data?.username} />
      <div className="account">
        <Answered to={person}>{(found) => <Profile key={found.version} person={found} />}</Answered>
        <SigningIn />
        <Appearance />
        <Sessions />
        <Keys />
      </div>
    </>
  );
}
