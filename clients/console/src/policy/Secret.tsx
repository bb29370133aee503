// What is shown once: an invitation, a one-time password.
import { Dialog } from "../parts/Dialog.tsx";
import { Icon } from "../parts/Icon.tsx";
import { toast } from "../parts/toast.tsx";
import { formatMoment } from "../words/format.ts";
import { say } from "../words/say.ts";

type SecretProps = { title: string; value: string; expires: string; onClose: () => void };

export function Secret({ title, value, expires, onClose }: SecretProps) {
  const copy = () => void navigator.clipboard.writeText(value).then(() => toast(say("secret.copied")), () => undefined);
  const actions = (
    <>
      <button type="button" onClick={copy}><Icon name="copy" />{say("secret.copy")}</button>
      <button type="button" className="primary" data-autofocus onClick={onClose}>{say("action.close")}</button>
    </>
  );
  return (
    <Dialog title={title} onClose={onClose} actions={actions}>
      <p>{say("secret.once", { end: formatMoment(expires) })}</p>
      <p className="secret"><code>{value}</code></p>
    </Dialog>
  );
}
