import { useEffect } from 'react';

import { kindOf, type Flow } from '../flow/flow';
import type { Page } from '../flow/page';
import { goBack, outcome } from '../flow/return';
import { useWords } from '../words/context';
import { Heading } from './heading';
import { Icon } from './icon';

/** Milliseconds for reading what happened, before the way back is taken by itself. */
const PAUSE = 1500;
/** After what there is something to read. */
const READ: readonly string[] = ['proved', 'enrolled', 'approved', 'rejected'];

export function Done({ page, flow }: { page: Page; flow: Flow }) {
  const words = useWords();
  const to = page.returnTo;
  const came =
    outcome(to) ??
    (
      {
        enroll: 'enrolled',
        challenge: 'proved',
        security: 'left',
        sign_in: 'signedIn',
        // What came of it stands in the way back, which there always is.
        task: 'left',
      } as const
    )[page.purpose];
  const kind = kindOf(flow);
  const title = {
    proved: words.provedTitle,
    signedIn: words.signedInTitle,
    enrolled: words.enrolledTitles[kind],
    left: words.leftTitle,
    approved: words.decided.approve,
    rejected: words.decided.reject,
    cancelled: words.cancelledTitle,
  }[came];
  const text = {
    proved: null,
    signedIn: null,
    enrolled: words.enrolledTexts[kind],
    left: words.leftText,
    approved: words.decidedText,
    rejected: words.decidedText,
    cancelled: words.cancelledText,
  }[came];

  useEffect(() => {
    if (to) return goBack(to, window, READ.includes(came) ? PAUSE : 0);
    return undefined;
  }, [to, came]);

  return (
    <div className="ending">
      <Icon
        name={came === 'cancelled' ? 'stop' : 'good'}
        className={came === 'cancelled' ? 'sign' : 'sign good'}
      />
      <Heading>{title}</Heading>
      {text && <p className="intro">{text}</p>}
      <p role="status">{to ? words.goingBack(page.application) : words.closeWindow(page.application)}</p>
      {to && (
        <a className="button quiet" href={to.href} rel="noreferrer">
          {words.goBackTo(page.application)}
        </a>
      )}
    </div>
  );
}
