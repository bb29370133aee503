// What an administrator does for a person: invite, a one-time password, lock and unlock, a lost second factor.
import { useState, type ReactNode } from "react";
import { api, data, ifMatch } from "../api/client.ts";
import { forget, useMay } from "../api/queries.ts";
import { Confirm } from "../parts/Confirm.tsx";
import { Icon } from "../parts/Icon.tsx";
import { toast } from "../parts/toast.tsx";
import { say } from "../words/say.ts";
import { Consequences } from "./Consequences.tsx";
import { Secret } from "./Secret.tsx";
import type { Overview } from "./User.tsx";

type Open = "activate" | "invite" | "password" | "factor" | "unlock" | null;
type Shown = { title: string; value: string; expires: string } | null;

export function UserActions({ overview }: { overview: Overview }) {
  const [open, setOpen] = useState<Open>(null);
  const [shown, setShown] = useState<Shown>(null);
  const may = useMay();
  const { user, has_second_factor, is_locked } = overview;
  if (!may("users:update") || user.deleted_at) return null;
  const button = (kind: Exclude<Open, null>, text: string, icon: string) => <button type="button" onClick={() => setOpen(kind)}><Icon name={icon} />{text}</button>;
  return (
    <>
      {!user.is_service && button("invite", say("user.invite"), "mail")}
      {!user.is_service && button("password", say("user.reset-password"), "key-round")}
      {has_second_factor && button("factor", say("user.reset-factor"), "fingerprint-pattern")}
      {is_locked && button("unlock", say("user.unlock"), "lock")}
      {button("activate", say(user.is_active ? "user.deactivate" : "user.activate"), user.is_active ? "lock" : "check")}
      {open && <Act open={open} overview={overview} onClose={() => setOpen(null)} onShow={setShown} />}
      {shown && <Secret {...shown} onClose={() => setShown(null)} />}
    </>
  );
}

type ActProps = { open: Exclude<Open, null>; overview: Overview; onClose: () => void; onShow: (shown: Shown) => void };

function Act({ open, overview: { user }, onClose, onShow }: ActProps) {
  const params = { path: { id: user.id } };
  const who = user.username;
  const isActive = user.is_active;
  if (open === "activate") {
    return (
      <Consequences title={say(isActive ? "user.deactivate-one" : "user.activate-one", { who })} action={say(isActive ? "user.deactivate" : "user.activate")} danger={isActive}
        change={{ method: "patch", path: `/api/v1/users/${user.id}`, body: { is_active: !isActive }, headers: ifMatch(user.version) }} onClose={onClose} />
    );
  }
  const ask = (title: string, action: string, help: string, run: (headers: Record<string, string>) => Promise<unknown>) => (
    <Ask title={title} action={action} onClose={onClose} onConfirm={run}><p>{help}</p></Ask>
  );
  const invite = async (headers: Record<string, string>) => {
    const { link, token, expires_at } = await data(api.POST("/api/v1/users/{id}/invitation", { params, headers }));
    onShow({ title: say("user.invite-one", { who }), value: link ?? token, expires: expires_at });
  };
  const reset = async (headers: Record<string, string>) => {
    const { password, expires_at } = await data(api.POST("/api/v1/users/{id}/password", { params, headers }));
    onShow({ title: say("user.reset-password-of", { who }), value: password, expires: expires_at });
  };
  const removeFactor = (headers: Record<string, string>) => data(api.DELETE("/api/v1/users/{id}/second-factor", { params, headers }));
  const unlock = (headers: Record<string, string>) => data(api.POST("/api/v1/users/{id}/unlock", { params, headers }));
  if (open === "invite") return ask(say("user.invite-one", { who }), say("user.invite"), say("user.invite-help"), invite);
  if (open === "password") return ask(say("user.reset-password-of", { who }), say("user.reset-password"), say("user.reset-password-help"), reset);
  if (open === "factor") return ask(say("user.reset-factor-of", { who }), say("user.reset-factor"), say("user.reset-factor-help"), removeFactor);
  return ask(say("user.unlock-one", { who }), say("user.unlock"), say("user.unlock-help"), unlock);
}

type AskProps = { title: string; action: string; onClose: () => void; onConfirm: (headers: Record<string, string>) => Promise<unknown>; children: ReactNode };

function Ask({ onConfirm, ...rest }: AskProps) {
  const run = async (headers: Record<string, string>) => {
    await onConfirm(headers);
    toast(say("effects.done"));
    void forget("/api/v1");
  };
  return <Confirm {...rest} withReason onConfirm={run} />;
}
