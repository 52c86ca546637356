import { same } from '../flow/flow';
import type { Kind, Way } from '../flow/page';
import { useWords } from '../words/context';
import { Icon, type IconName } from './icon';

export const ICON_OF: Readonly<Record<Kind, IconName>> = {
  webauthn: 'passkey',
  push: 'approve',
  totp: 'phone',
  hotp: 'token',
  sms: 'message',
  email: 'mail',
  backup_codes: 'codes',
};

/** All ways but the one that is taken just now, each one click away. */
export function OtherWays({
  ways,
  now,
  onPick,
}: {
  ways: readonly Way[];
  now: Way | null;
  onPick: (way: Way) => void;
}) {
  const words = useWords();
  const others = ways.filter((way) => !same(way, now));
  if (others.length === 0) return null;
  return (
    <section className="others" aria-labelledby="others">
      <h2 id="others">{words.otherWays}</h2>
      <ul>
        {others.map((way) => (
          <li key={`${way.kind} ${way.authenticatorId ?? ''}`}>
            <button type="button" className="other" onClick={() => onPick(way)}>
              <Icon name={ICON_OF[way.kind]} />
              <span className="other-words">
                <span className="other-name">{words.kinds[way.kind]}</span>
                {(way.to ?? way.label) && <span className="other-to">{way.to ?? way.label}</span>}
              </span>
              <Icon name="arrow" />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
