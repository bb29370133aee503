// The most frequent first: a table whose bars are drawn beside the numbers, each row a link to what it counts.
import { formatNumber } from "../words/format.ts";
import { say } from "../words/say.ts";
import type { Tone } from "./Chip.tsx";
import { Empty } from "./states.tsx";
import { To, type Place } from "./To.tsx";

export type Rank = { key: string; label: string; count: number; place: Place };
type RankingProps = { label: string; of: string; ranks: Rank[]; tone?: Tone };

const WIDTH = 100;

export function Ranking({ label, of, ranks, tone = "info" }: RankingProps) {
  const most = Math.max(1, ...ranks.map(({ count }) => count));
  return (
    <section className="chart ranking" aria-label={label}>
      <h2>{label}</h2>
      {!ranks.length && <Empty>{say("ranking.empty")}</Empty>}
      {ranks.length > 0 && (
        <table aria-label={label}>
          <thead className="visually-hidden"><tr><th scope="col">{of}</th><th scope="col">{say("ranking.count")}</th></tr></thead>
          <tbody>
            {ranks.map(({ key, label: name, count, place }) => (
              <tr key={key}>
                <th scope="row"><To place={place}>{name}</To></th>
                <td>
                  <svg viewBox={`0 0 ${WIDTH} 8`} preserveAspectRatio="none" aria-hidden="true"><rect className={tone} width={(count / most) * WIDTH} height={8} /></svg>
                  {formatNumber(count)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
