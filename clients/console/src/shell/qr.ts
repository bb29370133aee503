// QR codes as paths of SVG. Pure functions.
import { encode } from "uqr";

/** The light margin that readers need (ISO/IEC 18004), in modules. */
const QUIET_ZONE = 4;

/** The dark squares of the code, and how many squares it is wide. */
export function pathOf(text: string): { size: number; path: string } {
  const { size, data } = encode(text, { ecc: "M", border: QUIET_ZONE });
  const squares = data.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])));
  return { size, path: squares.join("") };
}
