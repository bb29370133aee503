// A labelled input with its help and what is wrong with it.
import { useId, type InputHTMLAttributes, type ReactNode } from "react";

type LabelledProps = { label: string; help?: string; error?: string; required?: boolean; children: (ids: Ids) => ReactNode };
export type Ids = { id: string; "aria-describedby"?: string; "aria-invalid"?: true };

/** A label, any control, its help and its error, tied together. */
export function Labelled({ label, help, error, required, children }: LabelledProps) {
  const id = useId();
  const described = [help && `${id}-help`, error && `${id}-error`].filter(Boolean).join(" ");
  const ids: Ids = { id, ...(described && { "aria-describedby": described }), ...(error && { "aria-invalid": true }) };
  return (
    <div className="field">
      <label htmlFor={id} className={required ? "required" : undefined}>{label}</label>
      {children(ids)}
      {error && <p className="error" id={`${id}-error`}>{error}</p>}
      {help && <p className="help" id={`${id}-help`}>{help}</p>}
    </div>
  );
}

type InputProps = Omit<InputHTMLAttributes<HTMLInputElement>, "onChange" | "value"> & {
  label: string;
  help?: string;
  error?: string;
  value: string;
  onChange: (value: string) => void;
};

export function Input({ label, help = "", error = "", value, onChange, ...rest }: InputProps) {
  return (
    <Labelled label={label} help={help} error={error} required={rest.required ?? false}>
      {(ids) => <input {...rest} {...ids} value={value} onChange={(event) => onChange(event.target.value)} />}
    </Labelled>
  );
}
