/** The operator's name, logo and colour. All are optional, and none may make the page unreadable or fetch from elsewhere. */

export interface Brand {
  readonly name: string;
  /** A data: URL, or one of this origin. */
  readonly logo: string | null;
  /** `#rrggbb` */
  readonly colour: string | null;
}

export const COUNTERSIGN: Brand = { name: 'Countersign', logo: null, colour: null };

/** What the page state says of the operator, with what cannot be used left out. */
export function brandOf(value: unknown, origin: string): Brand {
  if (typeof value !== 'object' || value === null) return COUNTERSIGN;
  const { name, logo, colour } = value as Partial<Record<keyof Brand, unknown>>;
  return {
    name: typeof name === 'string' && name.trim() !== '' ? name.trim() : COUNTERSIGN.name,
    logo: typeof logo === 'string' && isOurs(logo, origin) ? logo : null,
    colour: typeof colour === 'string' ? hex(colour) : null,
  };
}

/** The colours of a theme that follow from the brand's. */
export interface Accent {
  /** For links, lines and the ground of buttons. */
  readonly accent: string;
  /** For words on that ground. */
  readonly onAccent: string;
}

/** The grounds of the two themes on which words are hardest to read, as in looks/base.css: what is read there is read on all. */
const GROUND = { light: '#f2f4f8', dark: '#1d2636' } as const;
/** WCAG 2.2, 1.4.3 (AA). */
const ENOUGH = 4.5;

/** The brand's colour, moved towards black or white until words in it can be read on the theme's ground. */
export function accent(colour: string, theme: keyof typeof GROUND): Accent {
  const ground = GROUND[theme];
  const away = theme === 'light' ? '#000000' : '#ffffff';
  let chosen = colour;
  for (let share = 0.05; contrast(chosen, ground) < ENOUGH && share <= 1; share += 0.05) {
    chosen = mixed(colour, away, share);
  }
  const onAccent = contrast(chosen, '#ffffff') >= contrast(chosen, '#0b1220') ? '#ffffff' : '#0b1220';
  return { accent: chosen, onAccent };
}

/** The contrast of two colours (WCAG 2.2, "contrast ratio"), 1 to 21. */
export function contrast(one: string, other: string): number {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [red, green, blue] = channels(colour).map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function mixed(colour: string, other: string, share: number): string {
  const others = channels(other);
  const both = channels(colour).map((channel, index) =>
    Math.round(channel * (1 - share) + (others[index] ?? 0) * share),
  );
  return `#${both.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
}

function channels(colour: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
}

function hex(colour: string): string | null {
  const text = colour.trim().toLowerCase();
  if (/^#[0-9a-f]{6}$/.test(text)) return text;
  return /^#[0-9a-f]{3}$/.test(text) ? text.replace(/[0-9a-f]/g, '$&$&') : null;
}

function isOurs(logo: string, origin: string): boolean {
  if (/^data:image\//i.test(logo)) return true;
  try {
    return new URL(logo, origin).origin === origin;
  } catch {
    return false;
  }
}
