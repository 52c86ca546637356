import { Heading } from '../../screens/heading';
import { Icon } from '../../screens/icon';
import type { Entry } from '../kept/database';
import { useLocale, useWords } from '../words/context';

/** What was asked so far, and what came of it. */
export function History({ entries, onLeave }: { entries: readonly Entry[]; onLeave: () => void }) {
  const words = useWords();
  return (
    <>
      <Heading>{words.historyTitle}</Heading>
      <p className="intro">{entries.length === 0 ? words.historyEmpty : words.historyNote}</p>
      <ul className="entries">
        {entries.map((entry) => (
          <li key={entry.id}>
            <One entry={entry} />
          </li>
        ))}
      </ul>
      <div className="ways">
        <button type="button" className="link" onClick={onLeave}>
          {words.back}
        </button>
      </div>
    </>
  );
}

function One({ entry }: { entry: Entry }) {
  const words = useWords();
  const locale = useLocale();
  const when = new Date(entry.at).toLocaleString(locale, { dateStyle: 'medium', timeStyle: 'short' });
  const good = entry.outcome === 'approved';
  const bad = entry.outcome === 'reported' || entry.outcome === 'mismatched';
  return (
    <>
      <Icon name={good ? 'good' : 'stop'} className={good ? 'entry-good' : bad ? 'entry-bad' : ''} />
      <div>
        <p className="entry-what">
          {entry.application} · {entry.action}
        </p>
        {entry.shown.length > 0 && <p>{entry.shown.map(([name, said]) => `${name}: ${said}`).join(' · ')}</p>}
        <p className="hint">
          <span className={good ? 'line good' : bad ? 'line bad' : 'line'}>
            {words.history[entry.outcome]}
          </span>
          {` · ${when}${entry.from ? ` · ${entry.from}` : ''}`}
        </p>
        <p className="hint">{entry.account}</p>
      </div>
    </>
  );
}
