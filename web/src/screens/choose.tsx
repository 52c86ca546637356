import { useWords } from '../words/context';
import { Cancel } from './cancel';
import { Heading } from './heading';
import { Icon } from './icon';
import { Notice } from './notice';
import type { ScreenProps } from './props';

/** Which factor to set up: the strongest first, each with one line why. */
export function Choose({ flow, page, actions }: ScreenProps) {
  const words = useWords();
  return (
    <>
      <Heading>{words.chooseTitle}</Heading>
      <p className="intro">{words.chooseIntro(page.application)}</p>
      <Notice notice={flow.notice} retry={actions.retry} />
      <h2>{words.chooseLegend}</h2>
      {page.factors.length === 0 && <p>{words.noFactors}</p>}
      <ul className="choices">
        {page.factors.map((kind, place) => (
          <li key={kind}>
            <button
              type="button"
              className="choice"
              aria-disabled={flow.asking}
              onClick={() => actions.begin(kind)}
            >
              <Icon name="phone" className="choice-icon" />
              <span className="choice-words">
                <span className="choice-name">
                  {words.factors[kind].name}
                  {place === 0 && page.factors.length > 1 && <span className="tag">{words.recommended}</span>}
                </span>
                <span className="choice-why">{words.factors[kind].why}</span>
              </span>
              <Icon name="arrow" />
            </button>
          </li>
        ))}
      </ul>
      <p className="hint" role="status">
        {flow.asking ? words.preparing : ''}
      </p>
      {page.factors.includes('totp') && <p className="hint">{words.chooseHelp}</p>}
      <div className="ways">
        <Cancel actions={actions} />
      </div>
    </>
  );
}
