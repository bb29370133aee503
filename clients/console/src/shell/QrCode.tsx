// A text as a QR code, drawn here as one path: nothing is fetched for it, and the policy of the page needs no exception.
import { pathOf } from "./qr.ts";

export function QrCode({ text, label }: { text: string; label: string }) {
  const { size, path } = pathOf(text);
  return (
    <svg className="qr" role="img" aria-label={label} viewBox={`0 0 ${size} ${size}`} shapeRendering="crispEdges">
      <path d={path} />
    </svg>
  );
}
