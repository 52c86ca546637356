import { useEffect, useState } from 'react';

import { clock } from '../format';
import { useWords } from '../words/context';
import { Icon } from './icon';

/** How long the key can be seen. Seen by the second, read out once, a minute before. */
export function CountDown({ until, onOver }: { until: number; onOver: () => void }) {
  const words = useWords();
  const [left, setLeft] = useState(() => until - Date.now());

  useEffect(() => {
    const tick = () => {
      setLeft(until - Date.now());
      if (Date.now() >= until) onOver();
    };
    tick();
    const timer = setInterval(tick, 1000);
    return () => clearInterval(timer);
  }, [until, onOver]);

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
