// Times and money as people read them, with the exact value at hand.
import { formatAgo, formatDay, formatExactly, formatInstant, formatMoment, formatMoney } from "../words/format.ts";

/** An instant; `ago` says how long ago it was. */
export function Moment({ at, ago = false }: { at: string; ago?: boolean }) {
  return <time dateTime={at} title={formatExactly(at)}>{ago ? formatAgo(at) : formatMoment(at)}</time>;
}

/** An instant to the second, as logs need it. */
export const Instant = ({ at }: { at: string }) => <time dateTime={at} title={formatExactly(at)}>{formatInstant(at)}</time>;

export const Day = ({ on }: { on: string }) => <time dateTime={on}>{formatDay(on)}</time>;

export const Money = ({ amount, currency }: { amount: string; currency: string }) => <data value={amount}>{formatMoney(amount, currency)}</data>;
