const PATHS = {
  mark: 'M7.5 12.5l3 3 6-7',
  lock: 'M7 11V8a5 5 0 0 1 10 0v3M6 11h12v9H6z',
  clock: 'M12 7v5l3 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z',
  phone: 'M8 3h8a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1zM11 18h2',
  approve: 'M8 3h8a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1zM9.5 11.5l2 2 3.5-4',
  passkey:
    'M9.5 3.5a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM3 20v-1a5 5 0 0 1 5-5h2.5M17.5 11a3 3 0 0 0-1 5.8V21l1 1 1.5-1.5L18 19l1-1-.8-1.2a3 3 0 0 0-.7-5.8z',
  token: 'M5 6h14v12H5zM8 10h5v3H8zM16 11.5v.1',
  message: 'M4 5h16v11h-9l-4 4v-4H4zM8 9h8M8 12h5',
  mail: 'M3.5 6h17v12h-17zM4 6.5l8 6 8-6',
  codes: 'M5 4h14v16H5zM8 8h3M13 8h3M8 12h3M13 12h3M8 16h3M13 16h3',
  arrow: 'M9 6l6 6-6 6',
  good: 'M8 12.5l3 3 5.5-6.5M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z',
  bad: 'M12 8v5M12 16.2v.1M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z',
  strong: 'M12 3l7 3v5c0 4.5-3 8-7 10-4-2-7-5.5-7-10V6zM9 12l2.2 2.2L15.5 10',
  hidden:
    'M4 4l16 16M9.9 5.3A9.6 9.6 0 0 1 12 5c6 0 9 7 9 7a14 14 0 0 1-2.5 3.6M6.3 7A13 13 0 0 0 3 12s3 7 9 7a9 9 0 0 0 4.3-1.1M10 10a2.8 2.8 0 0 0 4 4',
  copy: 'M9 9h11v11H9zM15 9V4H4v11h5',
  download: 'M12 4v11M7.5 11L12 15.5 16.5 11M5 20h14',
  print: 'M7 9V4h10v5M7 17H4v-7h16v7h-3M7 14h10v6H7z',
  stop: 'M9 9l6 6M15 9l-6 6M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z',
} as const;

export type IconName = keyof typeof PATHS;

/** A picture beside words that say the same. */
export function Icon({ name, className = '' }: { name: IconName; className?: string }) {
  return (
    <svg className={`icon ${className}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {name === 'mark' && <rect className="icon-ground" width="24" height="24" rx="6" />}
      <path d={PATHS[name]} />
    </svg>
  );
}
