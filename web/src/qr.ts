/** QR codes as one SVG path. */

import { encode } from 'uqr';

export interface Picture {
  /** Modules on a side, with the quiet zone: the view box. */
  readonly size: number;
  /** The dark modules. */
  readonly path: string;
}

/** ISO/IEC 18004 asks for four light modules on each side. */
const QUIET = 4;

/** Draws `text` with error correction level M, as the server's own pictures have it. */
export function picture(text: string): Picture {
  const { data } = encode(text, { ecc: 'M', boostEcc: false, border: 0 });
  const path = data
    .map((row, y) =>
      runs(row)
        .map(([x, length]) => bar(x + QUIET, y + QUIET, length))
        .join(''),
    )
    .join('');
  return { size: data.length + 2 * QUIET, path };
}

const bar = (x: number, y: number, length: number) => `M${x} ${y}h${length}v1h-${length}z`;

/** The dark stretches of a row: where each begins, and how long it is. */
function runs(row: readonly boolean[]): [number, number][] {
  const found: [number, number][] = [];
  for (let x = 0; x < row.length; x++) {
    if (!row[x]) continue;
    const start = x;
    while (row[x + 1]) x++;
    found.push([start, x - start + 1]);
  }
  return found;
}
