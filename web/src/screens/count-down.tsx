import { useEffect } from 'react';

import { clock } from '../format';
import { useWords } from '../words/context';
import { Icon } from './icon';
import { useLeft } from './use-left';

/** How long the key can be seen. Seen by the second, read out once, a minute before. */
export function CountDown({ until, onOver }: { until: number; onOver: () => void }) {
  const words = useWords();
  const left = useLeft(until);

  useEffect(() => {
    if (left <= 0) onOver();
  }, [left, onOver]);

  return (
    <>
      <p className={left < 60_000 ? 'count-down soon' : 'count-down'} role="timer" aria-live="off">
        <Icon name="clock" />
        {words.hiddenIn(clock(left / 1000))}
      </p>
      <p className="unseen" role="status">
        {left < 60_000 ? words.hiddenSoon : ''}
      </p>
    </>
  );
}
