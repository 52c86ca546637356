import { isWeak } from '../flow/flow';
import type { FactorKind } from '../flow/page';
import { useWords } from '../words/context';
import { knowsPasskeys } from '../webauthn/ceremony';
import { Cancel } from './cancel';
import { Heading } from './heading';
import { Icon } from './icon';
import { Notice } from './notice';
import { ICON_OF } from './other-ways';
import type { ScreenProps } from './props';

/** What has to be typed before it can be set up. */
export const TYPED: readonly FactorKind[] = ['sms', 'email', 'hotp'];

/** Which factor to set up: the strongest first, each with why and for whom. */
export function Choose({ flow, page, actions }: ScreenProps) {
  const words = useWords();
  return (
    <>
      <Heading>{words.chooseTitle}</Heading>
      <p className="intro">{words.chooseIntro(page.application)}</p>
      <Notice notice={flow.notice} retry={actions.retry} />
      <h2>{words.chooseLegend}</h2>
      {page.factors.length === 0 && <p>{words.noFactors}</p>}
      <Factors factors={page.factors} flow={flow} actions={actions} />
      {page.factors.includes('totp') && <p className="hint">{words.chooseHelp}</p>}
      <div className="ways">
        <Cancel actions={actions} />
      </div>
    </>
  );
}

/** Something weak was set up: what could follow at once. */
export function Stronger({ flow, page, actions }: ScreenProps) {
  const words = useWords();
  return (
    <>
      <Heading>{words.strongerTitle}</Heading>
      <p className="intro">{words.strongerText}</p>
      <p className="intro">{words.strongerAfter}</p>
      <Notice notice={flow.notice} retry={actions.retry} />
      <Factors factors={page.factors} flow={flow} actions={actions} />
      <div className="ways">
        <button type="button" className="link" aria-disabled={flow.asking} onClick={actions.finish}>
          {words.notNow}
        </button>
      </div>
    </>
  );
}

interface FactorsProps extends Pick<ScreenProps, 'flow' | 'actions'> {
  factors: readonly FactorKind[];
}

function Factors({ factors, flow, actions }: FactorsProps) {
  const words = useWords();
  const offered = factors.filter((kind) => kind !== 'webauthn' || knowsPasskeys());
  return (
    <>
      <ul className="choices">
        {offered.map((kind, place) => (
          <li key={kind}>
            <button
              type="button"
              className="choice"
              aria-disabled={flow.asking}
              onClick={() => (TYPED.includes(kind) ? actions.want(kind) : actions.begin(kind))}
            >
              <Icon name={ICON_OF[kind]} className="choice-icon" />
              <span className="choice-words">
                <span className="choice-name">
                  {words.factors[kind].name}
                  {place === 0 && offered.length > 1 && <span className="tag">{words.recommended}</span>}
                  {isWeak(kind) && offered.length > 1 && <span className="tag weak">{words.weaker}</span>}
                </span>
                <span className="choice-why">{words.factors[kind].why}</span>
                <span className="choice-whom">{words.factors[kind].whom}</span>
              </span>
              <Icon name="arrow" />
            </button>
          </li>
        ))}
      </ul>
      <p className="hint" role="status">
        {flow.asking ? words.loading : ''}
      </p>
    </>
  );
}
