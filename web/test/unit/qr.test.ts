import jsQR from 'jsqr';
import { expect, it } from 'vitest';

import { picture, type Picture } from '../../src/qr';

/** The path as pixels, by a reading of its own. */
function drawn({ size, path }: Picture, scale: number) {
  const side = size * scale;
  const pixels = new Uint8ClampedArray(side * side * 4).fill(255);
  for (const [, x, y, length] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)) {
    for (let dy = 0; dy < scale; dy++) {
      for (let dx = 0; dx < Number(length) * scale; dx++) {
        const at = ((Number(y) * scale + dy) * side + Number(x) * scale + dx) * 4;
        pixels.fill(0, at, at + 3);
      }
    }
  }
  return { side, pixels };
}

it('P-04: draws what another program reads', () => {
  const uri =
    'otpauth://totp/Shop:ana%40example.org?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Shop&algorithm=SHA1&digits=6&period=30';
  const { side, pixels } = drawn(picture(uri), 4);
  expect(jsQR(pixels, side, side, { inversionAttempts: 'dontInvert' })?.data).toBe(uri);
});

it('leaves four light modules on each side', () => {
  const { size, path } = picture('otpauth://totp/a?secret=JBSWY3DP');
  const bars = [...path.matchAll(/M(\d+) (\d+)h(\d+)/g)].map(([, x, y, length]) => [
    Number(x),
    Number(y),
    Number(length),
  ]);
  expect(Math.min(...bars.map(([x = 0]) => x))).toBe(4);
  expect(Math.min(...bars.map(([, y = 0]) => y))).toBe(4);
  expect(Math.max(...bars.map(([x = 0, , length = 0]) => x + length))).toBe(size - 4);
});
