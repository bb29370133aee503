// An invited person chooses a password.
import { api, data } from "../api/client.ts";
import { say } from "../words/say.ts";
import { Over } from "./Card.tsx";
import { ChoosePassword } from "./ChoosePassword.tsx";
import { useToken } from "./token.ts";

export default function Invitation() {
  const token = useToken();
  const title = say("public.invitation");
  const accept = (new_password: string) => data(api.POST("/api/v1/auth/invitation", { body: { token, new_password } }));
  if (!token) return <Over title={title} text={say("public.no-token")} />;
  return <ChoosePassword key={token} title={title} accept={accept} over={<Over title={title} text={say("public.invitation-over")} />} />;
}
