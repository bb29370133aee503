// A person shows by the link of a mail that an address is theirs. A button does it: programs that read mails follow links.
import { api, data } from "../api/client.ts";
import { Problem } from "../parts/states.tsx";
import { say } from "../words/say.ts";
import { Card, Done, isOver, Over } from "./Card.tsx";
import { useToken } from "./token.ts";
import { useSending } from "./useSending.ts";

export default function EmailVerification() {
  const token = useToken();
  return <Verify key={token} token={token} />;
}

function Verify({ token }: { token: string }) {
  const { busy, done, error, send } = useSending();
  const title = say("public.verification");
  if (!token) return <Over title={title} text={say("public.no-token")} />;
  if (isOver(error)) return <Over title={title} text={say("public.verification-over")} />;
  if (done) return <Done title={say("public.verified")} text={say("public.verified-help")} />;
  return (
    <Card title={title} onSubmit={() => send(() => data(api.POST("/api/v1/auth/email-verification", { body: { token } })))}>
      <p>{say("public.verification-help")}</p>
      {error !== null && <Problem error={error} />}
      <button type="submit" className="primary" autoFocus disabled={busy}>{say("public.verify")}</button>
    </Card>
  );
}
