// The frame of a page without a session, and how such a page ends.
import type { FormEvent, ReactNode } from "react";
import { Refused } from "../api/problems.ts";
import { useGo } from "../parts/address.ts";
import { Icon } from "../parts/Icon.tsx";
import { say } from "../words/say.ts";

type CardProps = { title: string; onSubmit?: () => void; children: ReactNode };

/** A card in the middle of the page, as a form where it submits something. */
export function Card({ title, onSubmit, children }: CardProps) {
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit?.();
  };
  const content = (
    <>
      <p className="brand"><Icon name="shield-check" />{"Attest"}</p>
      <h1>{title}</h1>
      {children}
    </>
  );
  return <main className="sign-in">{onSubmit ? <form onSubmit={submit}>{content}</form> : <section>{content}</section>}</main>;
}

/** Whether the server refuses a token. It does not tell whether that was used, is over, was replaced, or never was. */
export const isOver = (error: unknown) => error instanceof Refused && error.status === 401;

/** A link that does nothing: why that may be, and what helps. */
export function Over({ title, text, children }: { title: string; text: string; children?: ReactNode }) {
  return (
    <Card title={title}>
      <p role="alert">{text}</p>
      {children}
    </Card>
  );
}

/** What was done, and where the person goes on. */
export function Done({ title, text }: { title: string; text: string }) {
  const go = useGo();
  return (
    <Card title={title}>
      <p>{text}</p>
      <button type="button" className="primary" autoFocus onClick={() => go("/")}>{say("public.go-on")}</button>
    </Card>
  );
}
