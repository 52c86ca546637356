import { useMemo } from 'react';

import { picture } from '../qr';

/** A QR code. Cameras want dark on light, in either theme. */
export function Qr({ text, label }: { text: string; label: string }) {
  const { size, path } = useMemo(() => picture(text), [text]);
  return (
    <svg
      className="qr"
      viewBox={`0 0 ${size} ${size}`}
      role="img"
      aria-label={label}
      shapeRendering="crispEdges"
    >
      <rect className="qr-light" width={size} height={size} />
      <path className="qr-dark" d={path} />
    </svg>
  );
}
