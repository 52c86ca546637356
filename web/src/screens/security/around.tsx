/** What is around a person's authenticators: sessions, devices, and what happened. */

import { isolated } from '../../format';
import type { Device, Happened, Session } from '../../flow/overview';
import type { SecurityWords } from '../../words/security/catalogue';
import { Icon } from '../icon';
import { moment } from './date';
import type { PartProps } from './overview';

export function Sessions({
  sessions,
  words,
  ask,
  change,
  asking,
}: PartProps & { sessions: readonly Session[] }) {
  const others = sessions.filter((session) => !session.current);
  const name = (session: Session) => session.device ?? words.otherSession;
  const out = (what: 'signOut' | 'signOutOthers', of: string, body: Record<string, unknown>) => {
    const { title, ...said } = words.sure[what];
    ask({ ...said, title: title(isolated(of)), grave: false, yes: () => change('security/sign-out', body) });
  };
  return (
    <section aria-labelledby="sessions">
      <h2 id="sessions">{words.sessions}</h2>
      <ul className="items">
        {sessions.map((session) => (
          <li key={session.id} className="item line-item">
            <div className="item-words">
              <p className="item-name">
                <bdi>{name(session)}</bdi>
                {session.current && <span className="tag">{words.thisSession}</span>}
              </p>
              <p className="hint">{words.since(moment(session.createdAt))}</p>
            </div>
            {!session.current && (
              <button
                type="button"
                className="button quiet small"
                aria-disabled={asking}
                aria-label={`${words.signOut}: ${name(session)}`}
                onClick={() => out('signOut', name(session), { session_id: session.id })}
              >
                {words.signOut}
              </button>
            )}
          </li>
        ))}
      </ul>
      {others.length > 0 && (
        <button
          type="button"
          className="button quiet spaced"
          aria-disabled={asking}
          onClick={() => out('signOutOthers', '', {})}
        >
          {words.signOutOthers}
        </button>
      )}
    </section>
  );
}

export function Devices({ devices, words }: { devices: readonly Device[]; words: SecurityWords }) {
  if (devices.length === 0) return null;
  return (
    <section aria-labelledby="devices">
      <h2 id="devices">{words.devices}</h2>
      <ul className="items">
        {devices.map((device) => (
          <li key={device.id} className="item line-item">
            <p className="item-name">
              <bdi>{device.name || device.kind}</bdi>
              {device.current && <span className="tag">{words.thisDevice}</span>}
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What of it looks like somebody else's doing. */
const ALARMING = ['authenticator.rejected', 'authenticator.fraud_reported', 'authenticator.lost'];

/** What has words for people; the rest of the log is for administrators. */
export function Activity({ activity, words }: { activity: readonly Happened[]; words: SecurityWords }) {
  const told = activity.filter(({ kind }) => kind in words.events);
  return (
    <section aria-labelledby="activity">
      <h2 id="activity">{words.activity}</h2>
      {told.length === 0 ? (
        <p className="hint">{words.noActivity}</p>
      ) : (
        <>
          <ol className="happened">
            {told.map(({ at, kind, facts }) => (
              <li key={`${at} ${kind} ${facts.join(' ')}`}>
                <Icon name={ALARMING.includes(kind) ? 'bad' : 'clock'} />
                <div>
                  <p>{words.events[kind]}</p>
                  <p className="hint">{[moment(at), ...facts].join(' · ')}</p>
                </div>
              </li>
            ))}
          </ol>
          <p className="hint spaced">{words.notYou}</p>
        </>
      )}
    </section>
  );
}
