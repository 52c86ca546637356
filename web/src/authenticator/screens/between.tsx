import { Heading } from '../../screens/heading';
import { Icon } from '../../screens/icon';
import type { Actions } from '../use-authenticator';
import { useWords } from '../words/context';

/** The app has enrolled, and the page beside it has not shown its number yet. */
export function Connecting({ actions }: { actions: Actions }) {
  const words = useWords();
  return (
    <div className="ending">
      <span className="spinner large" />
      <Heading>{words.waitTitle}</Heading>
      <p className="intro" role="status">
        {words.waitText}
      </p>
      <button type="button" className="link subdued" onClick={actions.dismiss}>
        {words.cancel}
      </button>
    </div>
  );
}

export function Broken() {
  const words = useWords();
  return (
    <div className="ending">
      <Icon name="bad" className="sign" />
      <Heading>{words.brokenTitle}</Heading>
      <p className="intro">{words.brokenText}</p>
    </div>
  );
}
