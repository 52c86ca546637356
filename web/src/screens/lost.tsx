import { useWords } from '../words/context';
import { Heading } from './heading';
import { Icon } from './icon';
import type { ScreenProps } from './props';

/** The person has none of the ways any more: what still helps. */
export function Lost({ page, actions, flow }: ScreenProps) {
  const words = useWords();
  const codes = page.ways.find((way) => way.kind === 'backup_codes');
  return (
    <>
      <Heading>{words.lostTitle}</Heading>
      {codes && (
        <section className="step">
          <h2>{words.lostCodesTitle}</h2>
          <p className="hint">{words.lostCodes}</p>
          <button type="button" className="button spaced" onClick={() => actions.pick(codes)}>
            <Icon name="codes" />
            {words.useBackupCode}
          </button>
        </section>
      )}
      <section className="step">
        <h2>{words.lostAskTitle}</h2>
        <p className="hint">{words.lostAsk(page.application)}</p>
        <button
          type="button"
          className="button quiet spaced"
          aria-disabled={flow.asking}
          onClick={actions.cancel}
        >
          {words.goBackTo(page.application)}
        </button>
      </section>
      <div className="ways">
        <button type="button" className="link" onClick={() => actions.lose(false)}>
          {words.backToWays}
        </button>
      </div>
    </>
  );
}
