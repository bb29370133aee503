// The period of a summary: its beginning, and whether it is counted by hours or days.
export const PERIODS = ["day", "week", "month"] as const;
export type Period = (typeof PERIODS)[number];
export type Unit = "hour" | "day";
export type Count = { at: string; values: Record<string, number> };

const HOURS: Record<Period, number> = { day: 24, week: 7 * 24, month: 31 * 24 };
const HOUR_MS = 3_600_000;
const LENGTH: Record<Unit, number> = { hour: HOUR_MS, day: 24 * HOUR_MS };

export const unitOf = (period: Period): Unit => (period === "day" ? "hour" : "day");
const floor = (at: number, unit: Unit) => Math.floor(at / LENGTH[unit]) * LENGTH[unit];
const text = (at: number) => new Date(at).toISOString();

/** The first instant of a period that ends now, at the beginning of an hour or day (UTC). */
export const beginOf = (period: Period, now: number): string => text(floor(now - HOURS[period] * HOUR_MS, unitOf(period)) + LENGTH[unitOf(period)]);

/** Counts for each hour or day of a period, also for those in which nothing happened. */
export function fill(groups: readonly { at: string; key: string; count: number }[], period: Period, now: number): Count[] {
  const unit = unitOf(period);
  const counts = new Map<number, Record<string, number>>();
  for (let at = Date.parse(beginOf(period, now)); at <= now; at += LENGTH[unit]) counts.set(at, {});
  for (const { at, key, count } of groups) {
    const values = counts.get(floor(Date.parse(at), unit));
    if (values) values[key] = (values[key] ?? 0) + count;
  }
  return [...counts].map(([at, values]) => ({ at: text(at), values }));
}

/** The end of the hour or day that begins then. */
export const endOf = (at: string, unit: Unit): string => text(Date.parse(at) + LENGTH[unit]);
