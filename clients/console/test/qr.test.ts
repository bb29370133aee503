// A reader of QR codes reads what was drawn.
import jsQR from "jsqr";
import { expect, test } from "vitest";
import { pathOf } from "../src/shell/qr.ts";

const SCALE = 4;
const URI = "otpauth://totp/Attest:ines.costa%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Attest";

/** The pixels of a path of squares, dark on white. */
function paint({ size, path }: ReturnType<typeof pathOf>): { pixels: Uint8ClampedArray; width: number } {
  const width = size * SCALE;
  const pixels = new Uint8ClampedArray(width * width * 4).fill(255);
  for (const [, x, y] of path.matchAll(/M(\d+) (\d+)h1v1h-1z/g)) {
    for (let row = 0; row < SCALE; row += 1) {
      const start = ((Number(y) * SCALE + row) * width + Number(x) * SCALE) * 4;
      for (let pixel = 0; pixel < SCALE; pixel += 1) pixels.fill(0, start + pixel * 4, start + pixel * 4 + 3);
    }
  }
  return { pixels, width };
}

test("a reader finds the address of the second factor", () => {
  const { pixels, width } = paint(pathOf(URI));

  expect(jsQR(pixels, width, width)?.data).toBe(URI);
});
