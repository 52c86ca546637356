import { useCallback, useState } from 'react';

import type { SecurityVerb } from '../../flow/server';
import type { SecurityWords } from '../../words/security/catalogue';
import { useWords } from '../../words/context';
import { Heading } from '../heading';
import { Icon } from '../icon';
import { Notice } from '../notice';
import type { ScreenProps } from '../props';
import { Activity, Devices, Sessions } from './around';
import { HeldOne } from './held';
import { Sure, type Question } from './sure';

/** What each part of the page is given. */
export interface PartProps {
  readonly words: SecurityWords;
  readonly asking: boolean;
  /** Does something that can be undone. */
  readonly change: (verb: SecurityVerb, body?: Record<string, unknown>) => void;
  /** Asks first, as it cannot be undone. */
  readonly ask: (question: Question) => void;
}

export function Overview({ flow, page, actions, words }: ScreenProps & { words: SecurityWords }) {
  const common = useWords();
  const [question, ask] = useState<Question | null>(null);
  const { overview } = page;
  const close = useCallback(() => ask(null), []);
  const change: PartProps['change'] = (verb, body) => actions.change(verb, body);
  const part: PartProps = { words, asking: flow.asking, change, ask };
  const done = flow.changed && !flow.notice ? words.changed[flow.changed] : '';
  if (!overview) return null;
  return (
    <>
      <Heading>{words.title}</Heading>
      <p className="intro">{words.intro(page.application)}</p>
      <p className={done ? 'changed' : 'unseen'} role="status">
        {done && <Icon name="good" />}
        {done}
      </p>
      <Notice notice={flow.notice} retry={actions.retry} />
      <section aria-labelledby="held">
        <h2 id="held">{words.held}</h2>
        {overview.authenticators.length === 0 ? (
          <p className="hint">{words.noneHeld}</p>
        ) : (
          <ul className="items">
            {overview.authenticators.map((held) => (
              <HeldOne key={held.id} held={held} tellsAll={overview.tellsAll} {...part} />
            ))}
          </ul>
        )}
        <button
          type="button"
          className="button spaced"
          aria-disabled={flow.asking}
          onClick={() => change('security/add')}
        >
          {words.add}
        </button>
        {!overview.mayChange && <p className="hint spaced">{words.askedFirst}</p>}
      </section>
      <Sessions sessions={overview.sessions} {...part} />
      <Devices devices={overview.devices} words={words} />
      {overview.tellsAll && <Activity activity={overview.activity} words={words} />}
      <div className="ways">
        <button type="button" className="link" aria-disabled={flow.asking} onClick={actions.finish}>
          {common.goBackTo(page.application)}
        </button>
      </div>
      {question && <Sure question={question} keep={words.keep} onClose={close} />}
    </>
  );
}
