/**
 * What the bank asks of Countersign, and nothing else that it could ask. Each call is one request with the bank's API key; whatever is not a
 * 2xx is thrown, so that nothing is allowed by mistake.
 *
 * @typedef {'allow' | 'step_up' | 'enroll' | 'deny'} Outcome
 * @typedef {{ id: string, outcome: Outcome, challenge: { id: string } | null, notify: string[],
 *   grace_ends: string | null, assertion: string | null, decided_by: string | null, need: Need | null, enroll: string[],
 *   reasons: Reason[], signals: Signal[], risk: Risk }} Decision
 * @typedef {{ level?: string, aal: string, factors: string[], max_age?: number, login: boolean }} Need
 * @typedef {{ rule: string, effect: string, place: { file: string, line: number }, description?: string, leads_to: Outcome, fired: boolean }} Reason
 * @typedef {{ name: string, value: unknown, weight: number, explanation: string }} Signal
 * @typedef {{ score: number, band: string, score_at_worst: number, band_at_worst: string }} Risk
 * @typedef {{ action: string, context: Record<string, unknown>, shown: string[], address: string, user_agent: string,
 *   challenge_id?: string }} Question
 * @typedef {{ purpose: 'challenge', challenge_id: string } | { purpose: 'enroll' | 'security', session_id: string }} Wanted
 * @typedef {{ id: string, at: string, kind: string, data: Record<string, unknown> }} Event
 */

/** An error that Countersign answered (RFC 9457). */
export class Problem extends Error {
  /** @param {number} status @param {{ type?: string, title?: string, detail?: string }} said */
  constructor(status, said) {
    super(said.detail ?? said.title ?? `Countersign answered ${status}`);
    this.type = (said.type ?? '').replace('/problems/', '');
  }
}

export class Countersign {
  #url;
  #key;

  /** @param {string} url @param {string} key */
  constructor(url, key) {
    this.#url = url;
    this.#key = key;
  }

  /** Makes one of the bank's customers known. @param {string} id @param {string} name @returns {Promise<{ id: string }>} */
  user(id, name) {
    return this.#ask('PUT', `/v1/users/by-external-id/${encodeURIComponent(id)}`, { display_name: name });
  }

  /** Makes a browser of theirs known, to be known again by. @param {string} user @param {string} name @returns {Promise<{ id: string }>} */
  device(user, name) {
    return this.#ask('POST', `/v1/users/${user}/devices`, { name, kind: 'browser' });
  }

  /**
   * Tells of a log-in: the password was right.
   * @param {{ user_id: string, device_id: string, address: string, user_agent: string }} from
   * @returns {Promise<{ id: string }>}
   */
  logIn(from) {
    return this.#ask('POST', '/v1/sessions', { ...from, amr: ['pwd'] });
  }

  /** @param {string} session */
  logOut(session) {
    return this.#ask('DELETE', `/v1/sessions/${session}`);
  }

  /** @param {string} session @returns {Promise<{ ended_at: string | null }>} */
  session(session) {
    return this.#ask('GET', `/v1/sessions/${session}`);
  }

  /** May this session do this now? @param {string} session @param {Question} question @returns {Promise<Decision>} */
  decide(session, question) {
    return this.#ask('POST', `/v1/sessions/${session}/decide`, question);
  }

  /**
   * Makes a page on which a person proves or enrolls something.
   * @param {Wanted & { return_url: string, state: string }} wanted
   * @returns {Promise<{ id: string, url: string }>}
   */
  page(wanted) {
    return this.#ask('POST', '/v1/pages', wanted);
  }

  /**
   * Says whose browser opened a page; null where it has no session here.
   * @param {string} page @param {string} code @param {string | null} session
   * @returns {Promise<{ url: string }>}
   */
  redeem(page, code, session) {
    return this.#ask('POST', `/v1/pages/${encodeURIComponent(page)}/redeem`, { code, session_id: session });
  }

  /** What became of a page. @param {string} page @returns {Promise<{ state: string }>} */
  became(page) {
    return this.#ask('GET', `/v1/pages/${page}`);
  }

  /** What a customer has to prove something with. @param {string} user @returns {Promise<{ items: { kind: string, state: string }[] }>} */
  authenticators(user) {
    return this.#ask('GET', `/v1/users/${user}/authenticators`);
  }

  /** What happened with a customer, the newest first. @param {string} user @returns {Promise<{ items: Event[] }>} */
  events(user) {
    return this.#ask('GET', `/v1/events?order=desc&limit=14&user_id=${user}`);
  }

  /** @param {string} method @param {string} path @param {object} [body] @returns {Promise<any>} */
  async #ask(method, path, body) {
    const answer = await fetch(this.#url + path, {
      method,
      headers: { Authorization: `Bearer ${this.#key}`, 'Content-Type': 'application/json' },
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Problem(answer.status, parsed(text));
    return text === '' ? null : JSON.parse(text);
  }
}

/**
 * What an assertion says. The bank has it from Countersign itself, a moment ago; whoever gets one in another way checks its signature first, as
 * docs/guide/integrating.md shows.
 * @param {string} assertion @returns {{ acr: string, amr: string[], auth_time: number, action_hash: string }}
 */
export function claims(assertion) {
  return JSON.parse(Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString());
}

/** What stands between may answer what is no JSON. @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
