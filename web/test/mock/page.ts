/** A hosted page as the server keeps it, in memory. */

import type { Authenticator, Kind, Person } from './people.ts';

export interface Wish {
  purpose: 'challenge' | 'enroll' | 'security' | 'sign_in' | 'task';
  application?: string;
  returnUrl?: string;
  state?: string;
  action?: string;
  shown?: Record<string, unknown>;
  brand?: unknown;
  /** Milliseconds, as all here. */
  lifetime?: number;
  viewLifetime?: number;
  promptLifetime?: number;
  resendAfter?: number;
  /** What the person has, used last first. */
  has?: Kind[];
  /** Somebody whom other pages are for as well. */
  person?: Person;
  /** What can be enrolled, strongest first. */
  factors?: Kind[];
  /** Whether changes need no proof any more. */
  mayChange?: boolean;
  /** Whether browsers are remembered here. */
  remembers?: boolean;
  /** Made for another browser than the one that opens it. */
  handedOn?: boolean;
  /** What is asked, where it is another task than usual. */
  task?: Partial<Task>;
  /** Seals for another authenticator than it says. */
  sealsWrongly?: boolean;
}

/** What a workflow asks. */
export interface Task {
  state: string;
  workflow: string;
  step: string;
  releases: string | null;
  about: string | null;
  display_name: string | null;
  message: string | null;
  requester: string | null;
  evidence: string[];
  level: string;
  quorum: number;
  approvals: number;
  expires_at: string;
}

export interface Prompt {
  id: string;
  kind: Kind;
  authenticator: Authenticator | null;
  state: 'open' | 'denied';
  expires: number;
  resendAt: number | null;
  to: string | null;
  number: string | null;
  code: string | null;
  challenge: string | null;
  sends: number;
}

export interface Enrollment {
  id: string;
  kind: Kind;
  secret: string | null;
  prompt: Prompt;
  to: string | null;
  recipientKey: string;
  viewUntil: number;
  /** Whether the app has come by the link. */
  came: boolean;
}

export type Body = Record<string, unknown>;
export type Step =
  'redeem' | 'prove' | 'choose' | 'view' | 'backup_codes' | 'stronger' | 'overview' | 'decide' | 'done';

export interface Page {
  id: string;
  token: string;
  wish: Wish;
  /** Where its server is, which it leads back to unless it was told otherwise. */
  origin: string;
  redeemed: boolean;
  person: Person;
  expires: number;
  browser: string | null;
  step: Step;
  prompt: Prompt | null;
  enrollment: Enrollment | null;
  codes: string[];
  wrong: number;
  outcome: string | null;
  trusted: boolean;
  /** On a person's own page: what comes after the proof, and which authenticator the new one replaces. */
  pending: { verb: string; body: Body } | null;
  replaces: string | null;
  /** What was said to a task. */
  verdict: 'approve' | 'reject' | null;
  weak: boolean;
  waiters: (() => void)[];
  /** What a remembered browser was asked to sign. */
  asked: { id: string; browser: string; bytes: Uint8Array<ArrayBuffer> } | null;
}
