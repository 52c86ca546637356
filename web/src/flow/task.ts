/** What a workflow asks people to decide. */

import { instant, list, optionalText, record, text, type Clock } from './edge';

export interface Asked {
  /** `open`, or what came of it. */
  readonly state: string;
  readonly workflow: string;
  readonly step: string;
  /** The step that may leave people with nothing to prove by, once this is approved. */
  readonly releases: string | null;
  /** Whom it is about, as the application calls them, and what they are called on screens; and who started it. */
  readonly about: string | null;
  readonly name: string | null;
  /** What somebody wrote. */
  readonly message: string | null;
  readonly requester: string | null;
  /** What whoever approves has to have seen. */
  readonly evidence: readonly string[];
  /** Whether a verdict takes a proof. */
  readonly isProved: boolean;
  readonly quorum: number;
  readonly approvals: number;
  /** Milliseconds of this machine's clock. */
  readonly until: number;
}

/** Reads what is asked. @throws where it is nothing */
export function askedOf(value: unknown, clock: Clock): Asked {
  const said = record(value);
  return {
    state: text(said.state),
    workflow: text(said.workflow),
    step: text(said.step),
    releases: optionalText(said.releases),
    about: optionalText(said.about),
    name: optionalText(said.display_name),
    message: optionalText(said.message),
    requester: optionalText(said.requester),
    evidence: list(said.evidence).map(text),
    isProved: said.level !== 'aal1',
    quorum: Number(said.quorum),
    approvals: Number(said.approvals),
    until: instant(said.expires_at, clock),
  };
}
