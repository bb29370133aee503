// Numbers, money and times in the manner of the browser's languages, by Intl alone.

const languages = typeof navigator === "undefined" ? ["en"] : [...navigator.languages];
const whole = new Intl.NumberFormat(languages);
const day = new Intl.DateTimeFormat(languages, { dateStyle: "medium", timeZone: "UTC" });
const moment = new Intl.DateTimeFormat(languages, { dateStyle: "medium", timeStyle: "short" });
const exact = new Intl.DateTimeFormat(languages, { dateStyle: "full", timeStyle: "long" });
const ago = new Intl.RelativeTimeFormat(languages, { numeric: "auto", style: "short" });

const isDate = (date: Date) => !Number.isNaN(date.getTime());
const inWords = (format: Intl.DateTimeFormat) => (text: string) => {
  const date = new Date(text);
  return isDate(date) ? format.format(date) : text;
};

export const formatNumber = (value: number) => whole.format(value);
export const formatDay = inWords(day);
export const formatMoment = inWords(moment);
export const formatExactly = inWords(exact);

/** Money has the decimal places of its currency, and more only where they say something: `898.50`, not `898.5000`. */
export function formatMoney(amount: string, currency: string): string {
  try {
    const options = { style: "currency", currency } as const;
    const usual = new Intl.NumberFormat(languages, options).resolvedOptions().minimumFractionDigits ?? 2;
    const places = Math.max(usual, amount.replace(/0+$/, "").split(".")[1]?.length ?? 0);
    const format = new Intl.NumberFormat(languages, { ...options, minimumFractionDigits: usual, maximumFractionDigits: places });
    return format.format(amount as Intl.StringNumericLiteral);
  } catch {
    return `${amount} ${currency}`;
  }
}

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];
const WEEK = 7 * 86_400;

/** "5 min ago" for the last week, else the day and time. */
export function formatAgo(text: string, now = Date.now()): string {
  const date = new Date(text);
  if (!isDate(date)) return text;
  const seconds = Math.round((date.getTime() - now) / 1000);
  if (Math.abs(seconds) > WEEK) return moment.format(date);
  const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  return ago.format(Math.trunc(seconds / size), unit);
}
