/**
 * What customers see. Each view is a whole document; `panel` is what stands beside it.
 *
 * @typedef {import('./server.js').Session} Session
 * @typedef {import('./bank.js').Payment} Payment
 * @typedef {import('./bank.js').Entry} Entry
 * @typedef {import('./html.js').Html} Html
 * @typedef {import('./html.js').Part} Part
 */

import { html } from './html.js';

/** @param {string} title @param {Session | null} session @param {Part} content @param {Part} [panel] */
function document(title, session, content, panel) {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · Riverside Savings Bank</title>
        <link rel="icon" href="/logo.svg" />
        <link rel="stylesheet" href="/style.css" />
        ${panel && html`<script type="module" src="/live.js"></script>`}
      </head>
      <body>
        <header class="top">
          <a class="brand" href="/account"
            ><img src="/logo.svg" alt="" width="32" height="32" />Riverside Savings Bank</a
          >
          ${
            session?.admitted &&
            html`<span class="who">${session.customer.name}</span>
              <form method="post" action="/logout"><button class="plain">Log out</button></form>`
          }
        </header>
        <div class="${panel ? 'both' : 'alone'}">
          <main>${content}</main>
          ${panel && html`<aside class="panel" aria-label="What just happened">${panel}</aside>`}
        </div>
      </body>
    </html>`;
}

/** @param {string} trouble */
export function logIn(trouble) {
  const demo = [
    ['ana', 'harbour-lantern-27'],
    ['ben', 'velvet-compass-64'],
  ];
  return document(
    'Log in',
    null,
    html`<section class="card narrow">
      <h1>Good to see you</h1>
      <p class="quiet">Log in to your account.</p>
      ${trouble && html`<p class="alert" role="alert">${trouble}</p>`}
      <form method="post" action="/login" class="stack">
        <label
          >Name <input name="name" autocomplete="username" autocapitalize="none" required autofocus
        /></label>
        <label
          >Password <input name="password" type="password" autocomplete="current-password" required
        /></label>
        <button>Log in</button>
      </form>
      <dl class="demo">
        <dt>To play with</dt>
        ${demo.map(([name, password]) => html`<dd><code>${name}</code> <code>${password}</code></dd>`)}
      </dl>
    </section>`,
  );
}

/** @param {Session} session @param {string[]} payees @param {string[]} ways kinds of authenticators in use @param {Part} panel */
export function account(session, payees, ways, panel) {
  const { customer } = session;
  const waiting = customer.payments.filter(({ state }) => state === 'waiting');
  const factors = ways.filter((kind) => kind !== 'backup_codes' && kind !== 'browser');
  return document(
    'Your account',
    session,
    html`${customer.notices.length > 0 && alarm(customer.notices.slice(0, 3))}
      <section class="balance" data-balance="${money(customer.cents)}">
        <p>Everyday account</p>
        <h1>${amount(customer.cents)}</h1>
        <p><span class="number">${customer.account}</span></p>
      </section>
      ${factors.length === 0 ? unprotected(session.grace) : protectedBy(factors)} ${waiting.map(waits)}
      <section class="card">
        <h2>Send money</h2>
        <form method="post" action="/payments" class="send">
          <label>To <input name="payee" list="payees" maxlength="60" autocomplete="off" required /></label>
          <label
            >Amount <input name="amount" inputmode="decimal" autocomplete="off" placeholder="0.00" required
          /></label>
          <button>Send</button>
          <datalist id="payees">
            ${[...payees, customer.id === 'ana' ? 'Ben Okafor' : 'Ana Reyes'].map((name) => html`<option value="${name}"></option>`)}
          </datalist>
        </form>
        <p class="quiet small">Up to 1,000.00 goes out at once. More is confirmed by you, each time.</p>
      </section>
      <section class="card">
        <h2>Lately</h2>
        <ul class="entries">
          ${customer.entries.slice(0, 8).map(entry)}
        </ul>
      </section>
      ${playThief()}`,
    panel,
  );
}

/** @param {import('./bank.js').Notice[]} notices */
function alarm(notices) {
  return html`<section class="card alarm" role="alert">
    <h2>Somebody else is using your session</h2>
    <ul>
      ${notices.map(notice)}
    </ul>
    <p>None of it was confirmed, so none of it was done.</p>
    <form method="post" action="/logout/everywhere"><button class="danger">Log out everywhere</button></form>
  </section>`;
}

/** @param {import('./bank.js').Notice} notice */
function notice({ at, question }) {
  const { amount: sum, payee } = question.context;
  const wanted = payee
    ? html`send <b>${money(Number(sum) * 100)}</b> to <b>${String(payee)}</b>`
    : html`change how you sign in`;
  return html`<li>
    ${moment(at)}: <b>${browserName(question.user_agent)}</b> at ${question.address} wanted to ${wanted}.
  </li>`;
}

/** @param {string | null} grace */
function unprotected(grace) {
  const until = grace && new Date(grace).toLocaleDateString('en-GB', { day: 'numeric', month: 'long' });
  return html`<section class="card nudge">
    <h2>Your password is all that stands between</h2>
    <p>
      Add a second step: a passkey on this device, which cannot be phished, or an app on your phone.
      ${until && html`<span class="quiet">You can go on without until ${until}.</span>`}
    </p>
    <form method="post" action="/protect"><button>Protect my account</button></form>
  </section>`;
}

/** @param {string[]} factors */
function protectedBy(factors) {
  const names = [...new Set(factors)].map((kind) => FACTORS[kind] ?? kind).join(', ');
  return html`<section class="card safe">
    <p><b>Protected</b> <span class="quiet">by ${names}</span></p>
    <form method="post" action="/security"><button class="plain">Sign-in and security</button></form>
    <form method="post" action="/security"><button class="plain">I lost my phone</button></form>
  </section>`;
}

/** @param {Payment} payment */
function waits(payment) {
  return html`<section class="card waits">
    <h2>Waiting for you</h2>
    <p>
      <a href="/payments/${payment.id}"
        ><b>${money(payment.terms.cents)}</b> to <b>${payment.terms.payee}</b></a
      >
    </p>
    <p class="quiet small">Asked for by ${payment.by}, ${moment(payment.at)}</p>
    <div class="row">
      <form method="post" action="/payments/${payment.id}/confirm"><button>Confirm</button></form>
      <form method="post" action="/payments/${payment.id}/withdraw">
        <button class="plain">Withdraw</button>
      </form>
    </div>
  </section>`;
}

/** @param {Entry} entry */
function entry({ at, what, note, cents, payment }) {
  const initials = what.split(' ').map((word) => word[0]);
  const name = payment ? html`<a href="/payments/${payment.id}">${what}</a>` : what;
  return html`<li>
    <span class="initials" data-hue="${(what.length * 5) % 6}" aria-hidden="true"
      >${initials.slice(0, 2).join('')}</span
    >
    <span class="what"><b>${name}</b><span class="quiet small">${note} · ${day(at)}</span></span>
    <span class="cents ${cents > 0 && 'in'}">${cents > 0 ? '+' : '−'}${money(Math.abs(cents))}</span>
  </li>`;
}

function playThief() {
  return html`<section class="card try">
    <h2>Play the thief</h2>
    <p class="quiet">
      Somebody copied your cookie and uses it with a program of their own. What can they do?
    </p>
    <form method="post" action="/thief"><button class="plain">Steal my cookie</button></form>
  </section>`;
}

/** @param {Session} session @param {import('./thief.js').Step[]} steps @param {Part} panel */
export function thief(session, steps, panel) {
  return document(
    'The thief',
    session,
    html`<section class="card">
      <h1>What the thief sees</h1>
      <p class="quiet">The commands work in your terminal, too: the thief is there, and you are here.</p>
      <ol class="steps">
        ${steps.map(
          ({ command, answer }) =>
            html`<li>
              <pre><code>${command}</code></pre>
              <p><b>${answer}.</b></p>
            </li>`,
        )}
      </ol>
      <p>
        A stolen cookie shows what is not asked about. For everything else the bank says from where it is
        asked, and Countersign takes no proof that was given anywhere else. You have been told: see your
        account.
      </p>
      <p><a class="button" href="/account">Back to my account</a></p>
    </section>`,
    panel,
  );
}

/** @param {Session} session @param {Payment} payment @param {Part} panel */
export function payment(session, payment, panel) {
  const { state, terms, evidence } = payment;
  const heading = { waiting: 'Not sent yet', sent: 'On its way', withdrawn: 'Withdrawn' }[state];
  return document(
    heading,
    session,
    html`<section class="card receipt ${state}">
        <span class="mark" aria-hidden="true"></span>
        <h1>${heading}</h1>
        <p class="sum">${amount(terms.cents)}</p>
        <dl>
          <div>
            <dt>To</dt>
            <dd>${terms.payee}</dd>
          </div>
          <div>
            <dt>From</dt>
            <dd>${session.customer.account}</dd>
          </div>
          <div>
            <dt>When</dt>
            <dd>${moment(payment.at)}</dd>
          </div>
          ${evidence && confirmation(payment, evidence)}
        </dl>
        <p><a class="button" href="/account">Back to my account</a></p>
      </section>
      ${state === 'waiting' && change(payment)}`,
    panel,
  );
}

/** @param {Payment} payment @param {import('./bank.js').Evidence} evidence */
function confirmation(payment, { acr, amr, auth_time, action_hash }) {
  const anew = auth_time * 1000 >= payment.at.getTime() - 1000;
  const said = anew ? 'By you, for this payment alone' : 'Nothing was asked: you proved enough before';
  return html`<div>
      <dt>Confirmed</dt>
      <dd>${said}</dd>
    </div>
    <div>
      <dt>Evidence</dt>
      <dd>
        <code>${acr}</code> <code>${amr.join(' ')}</code>
        <code title="${action_hash}">#${action_hash.slice(0, 10)}…</code>
      </dd>
    </div>`;
}

/** @param {Payment} payment */
function change({ id, terms }) {
  return html`<section class="card">
    <h2>Change it</h2>
    <form method="post" action="/payments/${id}" class="send">
      <label>To <input name="payee" maxlength="60" value="${terms.payee}" required /></label>
      <label
        >Amount <input name="amount" inputmode="decimal" value="${(terms.cents / 100).toFixed(2)}" required
      /></label>
      <button class="plain">Save</button>
    </form>
    <div class="row">
      <form method="post" action="/payments/${id}/confirm"><button>Confirm and send</button></form>
      <form method="post" action="/payments/${id}/withdraw"><button class="plain">Withdraw</button></form>
    </div>
  </section>`;
}

/** @param {Session} session @param {import('./countersign.js').Decision | null} decision @param {Part} panel */
export function refused(session, decision, panel) {
  const why = decision
    ? 'This may not be done from here.'
    : 'What you confirmed is not what would have been sent: it was changed after you were asked. Look at it, and confirm it again if it is right.';
  return message(session, 'Nothing was done', why, panel);
}

/** @param {Session} session @param {string} what @param {Part} panel */
export function mistaken(session, what, panel) {
  return message(session, 'That is no payment', what, panel);
}

/** @param {Session | null} session @param {string} title @param {string} text @param {Part} [panel] */
function message(session, title, text, panel) {
  return document(
    title,
    session,
    html`<section class="card narrow">
      <h1>${title}</h1>
      <p>${text}</p>
      <p><a class="button" href="/account">To my account</a></p>
    </section>`,
    panel,
  );
}

export function openedElsewhere() {
  return message(
    null,
    'Not in this browser',
    'That link was made for somebody else’s browser. If you were doing something here, begin again.',
  );
}

export function notNow() {
  return message(null, 'Not now', 'Something does not work at the moment. Nothing was done.');
}

export function nothingHere() {
  return message(null, 'Nothing here', 'There is no such page.');
}

/** @type {Record<string, string>} */
export const FACTORS = {
  webauthn: 'passkey',
  push: 'approval on your phone',
  totp: 'authenticator app',
  hotp: 'hardware token',
  sms: 'text message',
  email: 'e-mail',
  backup_codes: 'backup codes',
  browser: 'remembered browser',
};

/** What a browser is called among people. @param {string} agent */
export function browserName(agent) {
  const found = (/** @type {[RegExp, string][]} */ names, /** @type {string} */ other) =>
    names.find(([mark]) => mark.test(agent))?.[1] ?? other;
  if (!agent.startsWith('Mozilla/')) return agent.split('/')[0]?.slice(0, 40) || 'A program';
  const name = found(
    [
      [/Edg/, 'Edge'],
      [/Firefox|FxiOS/, 'Firefox'],
      [/Chrom|CriOS/, 'Chrome'],
      [/Safari/, 'Safari'],
    ],
    'A browser',
  );
  const system = found(
    [
      [/iPhone|iPad/, 'iOS'],
      [/Android/, 'Android'],
      [/Windows/, 'Windows'],
      [/Mac OS/, 'macOS'],
      [/Linux/, 'Linux'],
    ],
    '',
  );
  return system ? `${name} on ${system}` : name;
}

/** `1,234.50` @param {number} cents */
export function money(cents) {
  return (cents / 100).toLocaleString('en', { minimumFractionDigits: 2 });
}

/** The same, large, with small hundredths. @param {number} cents */
function amount(cents) {
  const [whole, part] = money(cents).split('.');
  return html`${whole}<small>.${part}</small>`;
}

/** @param {Date} at */
const day = (at) => at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' });
/** @param {Date} at */
const moment = (at) =>
  at.toLocaleString('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
