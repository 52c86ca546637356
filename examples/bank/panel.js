/**
 * What just happened, as Countersign tells it: the last decision with its reasons and signals, those before it, and the events. For whoever wants to
 * understand; no bank shows it to its customers.
 *
 * @typedef {import('./server.js').Asked} Asked
 * @typedef {import('./countersign.js').Decision} Decision
 * @typedef {import('./countersign.js').Event} Event
 */

import { claims } from './countersign.js';
import { html } from './html.js';
import { FACTORS } from './views.js';

/** @type {Record<Decision['outcome'], { name: string, why: string }>} */
const VERDICTS = {
  allow: { name: 'Allowed', why: 'What the session has proved is enough.' },
  step_up: { name: 'Confirm first', why: 'Something has to be proved before this may be done.' },
  enroll: { name: 'Enroll first', why: 'There is nothing yet that could be asked for.' },
  deny: { name: 'Refused', why: 'This may not be done.' },
};

/** @param {Asked[]} trail @param {Event[]} events the newest first, both */
export function panel([last, ...before], events) {
  return html`<h2>What just happened</h2>
    <p class="hint">Countersign’s side. No bank shows this to its customers.</p>
    ${last && decision(last)}
    ${
      before.length > 0 &&
      html`<details>
        <summary>Decisions before</summary>
        <ul class="earlier">
          ${before.slice(0, 8).map(earlier)}
        </ul>
      </details>`
    }
    <h3>Events</h3>
    <ol class="events">
      ${events.map(event)}
    </ol>`;
}

/** @param {Asked} asked */
function decision({ at, question, decision, trouble }) {
  const { action, context } = question;
  const about = Object.entries(context).map(
    ([name, value]) => html`<span class="chip">${name} <b>${String(value)}</b></span>`,
  );
  return html`<section class="decision">
    <p class="question"><time>${clock(at)}</time> May this session do <code>${action}</code>?</p>
    ${about.length > 0 && html`<p class="about">${about}</p>`}
    ${decision ? answered(decision) : notFor(trouble)}
  </section>`;
}

/** @param {Decision} decision */
function answered(decision) {
  const { name, why } = VERDICTS[decision.outcome];
  const graced = decision.grace_ends
    ? `Nothing enrolled yet; it goes on until ${decision.grace_ends.slice(0, 10)}.`
    : why;
  return html`<p class="verdict ${decision.outcome}"><b>${name}</b> <span>${graced}</span></p>
    ${reasons(decision)} ${wanted(decision)} ${signals(decision)} ${evidence(decision)}`;
}

/** @param {string} trouble */
function notFor(trouble) {
  return html`<p class="verdict deny">
      <b>Refused</b> <span>What was proved was proved for something else.</span>
    </p>
    <p class="trouble">${trouble}</p>`;
}

/** What a rule comes to by itself. @param {import('./countersign.js').Reason} reason @param {boolean} inGrace */
function comesTo({ rule, effect, leads_to }, inGrace) {
  if (effect === 'notify') return 'tells';
  if (inGrace && rule.startsWith('mfa_enforcement')) return 'in grace';
  return { allow: 'met', step_up: 'asks', enroll: 'asks', deny: 'refuses' }[leads_to];
}

/** What a rule is for: what it says itself, or what the lines of the enforcement file mean. @param {import('./countersign.js').Reason} reason */
function purpose({ rule, description }) {
  if (description) return description;
  if (rule === 'mfa_enforcement') return 'Everybody has a second factor, once in a session';
  return `Asked for anew where ${rule.replace('mfa_enforcement.', '')} was noticed`;
}

/** @param {Decision} decision */
function reasons({ reasons, decided_by, grace_ends }) {
  const fired = reasons.filter((reason) => reason.fired);
  return (
    fired.length > 0 &&
    html`<h3>Rules that fired</h3>
      <ul class="rules">
        ${fired.map(
          (reason) =>
            html`<li class="${reason.rule === decided_by && 'decisive'}">
              <code>${reason.rule}</code>
              <span class="leads ${reason.leads_to}">${comesTo(reason, grace_ends !== null)}</span>
              <span class="why">${purpose(reason)}</span>
              <span class="place">${reason.place.file}:${reason.place.line}</span>
            </li>`,
        )}
      </ul>`
  );
}

/** @param {Decision} decision */
function wanted({ need, enroll }) {
  const kinds = (need?.factors ?? enroll).map((kind) => FACTORS[kind] ?? kind);
  if (kinds.length === 0) return false;
  const once = need?.max_age === 0 && ' made for this alone';
  return html`<h3>What would do</h3>
    <p>
      ${kinds.join(', ')}${need && html`<span class="quiet">, to <code>${need.aal}</code>${once}</span>`}
    </p>`;
}

/** @param {Decision} decision */
function signals({ signals, risk }) {
  const raised = signals.filter(({ value }) => value !== null);
  const unknown = signals.filter(({ value }) => value === null);
  return html`<h3>Risk</h3>
    <p class="risk ${risk.band}">
      <svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
        <rect width="${risk.score}" height="1" />
      </svg>
      <span><b>${risk.score}</b> of 100, ${risk.band}</span>
    </p>
    <ul class="signals">
      ${raised.map(({ name, weight, explanation }) => html`<li><code>${name}</code> <b>${weight}</b><span class="why">${explanation}</span></li>`)}
    </ul>
    ${unknown.length > 0 && html`<p class="quiet small">Could not be told: ${unknown.map(({ name }) => name).join(', ')}</p>`}`;
}

/** @param {Decision} decision */
function evidence({ assertion }) {
  if (!assertion) return false;
  const { acr, amr, auth_time, action_hash } = claims(assertion);
  const said = {
    acr,
    amr: amr.join(' '),
    auth_time: clock(new Date(auth_time * 1000)),
    action_hash: `${action_hash.slice(0, 16)}…`,
  };
  return html`<h3>Signed assertion</h3>
    <dl class="claims">
      ${Object.entries(said).map(
        ([name, value]) =>
          html`<dt>${name}</dt>
            <dd>${value}</dd>`,
      )}
    </dl>`;
}

/** @param {Asked} asked */
function earlier({ at, question, decision }) {
  const outcome = decision?.outcome ?? 'deny';
  return html`<li>
    <time>${clock(at)}</time> <code>${question.action}</code>
    <span class="leads ${outcome}">${VERDICTS[outcome].name}</span>
  </li>`;
}

/** @param {Event} event */
function event({ at, kind, data }) {
  const more = [data.action, data.outcome, data.kind, data.reason, data.purpose].filter(
    (fact) => typeof fact === 'string',
  );
  const tone = /rejected|refused|lost|revoked|fraud|denied/.test(kind)
    ? 'bad'
    : /verified|activated|confirmed/.test(kind)
      ? 'good'
      : '';
  return html`<li class="${tone}">
    <time>${clock(new Date(at))}</time>
    <code>${kind}</code> ${more.length > 0 && html`<span class="quiet">${more.join(' · ')}</span>`}
  </li>`;
}

/** @param {Date} at */
const clock = (at) => at.toLocaleTimeString('en-GB');
