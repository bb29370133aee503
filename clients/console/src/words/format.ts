// Numbers, money and times in the manner of the browser's languages, by Intl alone.

const languages = typeof navigator === "undefined" ? ["en"] : [...navigator.languages];
const whole = new Intl.NumberFormat(languages);
const day = new Intl.DateTimeFormat(languages, { dateStyle: "medium", timeZone: "UTC" });
const moment = new Intl.DateTimeFormat(languages, { dateStyle: "medium", timeStyle: "short" });
const hour = new Intl.DateTimeFormat(languages, { hour: "numeric", minute: "2-digit" });
const instant = new Intl.DateTimeFormat(languages, { dateStyle: "medium", timeStyle: "medium" });
const exact = new Intl.DateTimeFormat(languages, { dateStyle: "full", timeStyle: "long" });
const list = new Intl.ListFormat("en", { type: "conjunction" });
const ago = new Intl.RelativeTimeFormat(languages, { numeric: "auto", style: "short" });

const isDate = (date: Date) => !Number.isNaN(date.getTime());
const inWords = (format: Intl.DateTimeFormat) => (text: string) => {
  const date = new Date(text);
  return isDate(date) ? format.format(date) : text;
};

export const formatNumber = (value: number) => whole.format(value);
export const formatList = (items: readonly string[]) => list.format(items);
export const formatDay = inWords(day);
export const formatMoment = inWords(moment);
export const formatHour = inWords(hour);
export const formatInstant = inWords(instant);
export const formatExactly = inWords(exact);

const usualPlaces = (currency: string) => new Intl.NumberFormat(languages, { style: "currency", currency }).resolvedOptions().minimumFractionDigits ?? 2;
const placesOf = (amount: string, currency: string) => Math.max(usualPlaces(currency), amount.replace(/0+$/, "").split(".")[1]?.length ?? 0);

/** An amount as an item has it, with the decimal places of its currency, and more only where they say something: `898.50`, not `898.5000`. */
export function formatAmount(amount: string, currency: string): string {
  if (!/^[A-Z]{3}$/.test(currency) || !/^-?\d+(\.\d+)?$/.test(amount)) return amount;
  const places = placesOf(amount, currency);
  const [whole = "", part = ""] = amount.split(".");
  return places ? `${whole}.${part.slice(0, places).padEnd(places, "0")}` : whole;
}

/** The amount with its currency, in the manner of the language. */
export function formatMoney(amount: string, currency: string): string {
  try {
    const [minimumFractionDigits, maximumFractionDigits] = [usualPlaces(currency), placesOf(amount, currency)];
    return new Intl.NumberFormat(languages, { style: "currency", currency, minimumFractionDigits, maximumFractionDigits }).format(amount as Intl.StringNumericLiteral);
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
