import { useId, useRef, useState, type FormEvent } from 'react';

import { isolated } from '../../format';
import { KINDS, type Kind } from '../../flow/page';
import type { Held } from '../../flow/overview';
import { useWords } from '../../words/context';
import { Icon } from '../icon';
import { ICON_OF } from '../other-ways';
import { day } from './date';
import type { PartProps } from './overview';

/** From how many backup codes on it is time for new ones. */
const FEW = 3;

/** One of a person's authenticators, and what can be done with it. */
export function HeldOne({ held, tellsAll, ...part }: PartProps & { held: Held; tellsAll: boolean }) {
  const { words } = part;
  const common = useWords();
  const kind = (KINDS as readonly string[]).includes(held.kind) ? (held.kind as Kind) : null;
  const kindName = kind === 'backup_codes' ? common.backupList : kind && common.kinds[kind];
  const name = held.label ?? kindName ?? held.kind;
  const used = held.lastUsedAt === null ? words.neverUsed : words.used(day(held.lastUsedAt));
  const few = held.codesLeft !== null && held.codesLeft <= FEW;
  return (
    <li className="item">
      <div className="item-head">
        <Icon name={kind ? ICON_OF[kind] : 'lock'} />
        <div className="item-words">
          <p className="item-name">
            <bdi>{name}</bdi>
            {held.state !== 'active' && (
              <span className="tag weak">
                {words.states[held.state as keyof typeof words.states] ?? held.state}
              </span>
            )}
          </p>
          {held.label && kindName && <p className="hint">{kindName}</p>}
          {held.to && <p className="hint">{held.to}</p>}
          {held.codesLeft !== null && (
            <p className={few ? 'hint few' : 'hint'}>
              {words.codesLeft(String(held.codesLeft))}
              {few && ` · ${words.codesFew}`}
            </p>
          )}
          <p className="hint">
            {words.added(day(held.createdAt))}
            {tellsAll && ` · ${used}`}
          </p>
        </div>
      </div>
      <details className="item-change">
        <summary>
          {words.change} <span className="unseen">{name}</span>
        </summary>
        {held.kind === 'backup_codes' ? (
          <NewCodes {...part} />
        ) : (
          <Changes held={held} name={name} {...part} />
        )}
      </details>
    </li>
  );
}

function NewCodes({ words, ask, change, asking }: PartProps) {
  const { title, ...said } = words.sure.codes;
  const yes = () => change('security/backup-codes');
  return (
    <div className="item-ways">
      <button
        type="button"
        className="button quiet small"
        aria-disabled={asking}
        onClick={() => ask({ ...said, title: title(), grave: false, yes })}
      >
        {words.newCodes}
      </button>
    </div>
  );
}

/** What cannot be undone with an authenticator, in the order of its weight. */
const GRAVE = ['replace', 'lost', 'remove'] as const;

function Changes({ held, name, words, ask, change, asking }: PartProps & { held: Held; name: string }) {
  const body = { authenticator_id: held.id };
  return (
    <>
      <Rename held={held} words={words} asking={asking} change={change} />
      <div className="item-ways">
        {GRAVE.filter((what) => what !== 'lost' || held.state !== 'lost').map((what) => {
          const { title, ...said } = words.sure[what];
          const yes = () => change(`security/${what}`, body);
          return (
            <button
              key={what}
              type="button"
              className="button quiet small"
              aria-disabled={asking}
              onClick={() => ask({ ...said, title: title(isolated(name)), grave: what !== 'replace', yes })}
            >
              {words[what]}
            </button>
          );
        })}
      </div>
    </>
  );
}

function Rename({
  held,
  words,
  asking,
  change,
}: Pick<PartProps, 'words' | 'asking' | 'change'> & { held: Held }) {
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [label, setLabel] = useState(held.label ?? '');

  function save(event: FormEvent) {
    event.preventDefault();
    const wanted = label.trim();
    if (wanted === '' || asking) field.current?.focus();
    else change('security/rename', { authenticator_id: held.id, label: wanted });
  }

  return (
    <form className="rename" onSubmit={save} noValidate>
      <label htmlFor={id}>{words.name}</label>
      <p className="hint" id={`${id}-hint`}>
        {words.nameHint}
      </p>
      <div className="rename-line">
        <input
          ref={field}
          id={id}
          className="text-line"
          type="text"
          autoComplete="off"
          maxLength={64}
          value={label}
          aria-describedby={`${id}-hint`}
          onChange={(event) => setLabel(event.target.value)}
        />
        <button type="submit" className="button quiet small" aria-disabled={asking}>
          {words.save}
        </button>
      </div>
    </form>
  );
}
