/**
 * A bank that asks Countersign before it does anything that matters. Read it from the top: first the one question that it asks before each errand,
 * then what is the bank's own.
 *
 * @typedef {import('./web.js').Request} Request
 * @typedef {import('./web.js').Answer} Answer
 * @typedef {import('./bank.js').Customer} Customer
 * @typedef {import('./countersign.js').Question} Question
 * @typedef {import('./countersign.js').Decision} Decision
 * @typedef {{ id: string, user: string, customer: Customer, token: string, admitted: boolean, grace: string | null,
 *   away: Map<string, Away>, trail: Asked[] }} Session what a cookie stands for; `id` and `user` are Countersign's
 * @typedef {{ page: string, after: (request: Request, done: boolean) => Answer | Promise<Answer> }} Away a browser that is on a page of Countersign's
 * @typedef {{ action: string, context?: () => Record<string, string | number>, allowed: (decision: Decision) => Answer | Promise<Answer>,
 *   left: () => Answer | Promise<Answer>, challenge?: string }} Errand something to be done; `left` is what comes when its customer gives it up
 * @typedef {{ at: Date, question: Question, decision: Decision | null, trouble: string }} Asked
 * @typedef {(request: Request, session: Session) => Answer | Promise<Answer>} Inside
 */

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { Bank, PAYEES, terms } from './bank.js';
import { Countersign, Problem, claims } from './countersign.js';
import { panel } from './panel.js';
import { passedThrough } from './passthrough.js';
import { steal } from './thief.js';
import * as view from './views.js';
import { cookie, file, page, redirect, routed } from './web.js';

const PORT = Number(process.env.PORT ?? 8080);
const ORIGIN = `http://localhost:${PORT}`;
const COUNTERSIGN = process.env.COUNTERSIGN_URL ?? 'http://127.0.0.1:8420';
const HOUR = 60 * 60;
/** How much is remembered of a session: pages that its browser is on, decisions, and what its owner should know. */
const MOST = 20;

const mfa = new Countersign(COUNTERSIGN, process.env.COUNTERSIGN_KEY ?? '');
const bank = await Bank.open(new Date());
/** Who is logged in, by what the cookie says. @type {Map<string, Session>} */
const sessions = new Map();
/** Countersign's ids of browsers, by what the cookie says and whose they are. @type {Map<string, string>} */
const devices = new Map();

// The question, and what follows from the answer

/**
 * Does an errand if the session may do it now. Where something has to be proved first it sends the browser there, and asks again when it is back.
 * @param {Request} request @param {Session} session @param {Errand} errand @returns {Promise<Answer>}
 */
async function attempt(request, session, errand) {
  const context = errand.context?.() ?? {};
  /** @type {Question} */
  const question = {
    action: errand.action,
    context,
    shown: Object.keys(context),
    // From where it is asked now: this is what tells a stolen cookie from its owner.
    address: request.address,
    user_agent: request.userAgent,
    ...(errand.challenge && { challenge_id: errand.challenge }),
  };
  const decision = await decided(session, question);
  const again =
    (/** @type {string} */ challenge) => (/** @type {Request} */ request, /** @type {boolean} */ done) =>
      done ? attempt(request, session, { ...errand, challenge }) : errand.left();
  switch (decision?.outcome) {
    case 'allow':
      return errand.allowed(decision);
    case 'step_up':
      // Without a challenge it is the log-in itself that is too old.
      if (!decision.challenge) return logOut(request, session);
      return leave(
        session,
        { purpose: 'challenge', challenge_id: decision.challenge.id },
        again(decision.challenge.id),
      );
    case 'enroll':
      return leave(session, { purpose: 'enroll', session_id: session.id }, again(''));
    default:
      return page(view.refused(session, decision, await panelOf(session)), 403);
  }
}

/**
 * What Countersign says; null where what was proved was proved for something else.
 * @param {Session} session @param {Question} question @returns {Promise<Decision | null>}
 */
async function decided(session, question) {
  /** @type {Asked} */
  const asked = { at: new Date(), question, decision: null, trouble: '' };
  try {
    const decision = await mfa.decide(session.id, question);
    session.trail = [{ ...asked, decision }, ...session.trail].slice(0, MOST);
    if (decision.notify.includes('owner')) tellOwner(session.customer, { at: asked.at, question }, decision);
    return decision;
  } catch (error) {
    if (
      !(error instanceof Problem) ||
      !question.challenge_id ||
      !['conflict', 'challenge-over'].includes(error.type)
    )
      throw error;
    session.trail = [{ ...asked, trouble: error.message }, ...session.trail].slice(0, MOST);
    return null;
  }
}

/**
 * Tells a customer that a session of theirs is used elsewhere, until it is proved there that it is them.
 * @param {Customer} customer @param {import('./bank.js').Notice} notice @param {Decision} decision
 */
function tellOwner(customer, notice, { outcome }) {
  const others = customer.notices.filter(
    ({ question }) => question.user_agent !== notice.question.user_agent,
  );
  customer.notices = outcome === 'allow' ? others : [notice, ...customer.notices].slice(0, MOST);
}

/**
 * Sends the browser to a page of Countersign's; what comes when it is back.
 * @param {Session} session @param {import('./countersign.js').Wanted} wanted @param {Away['after']} after
 */
async function leave(session, wanted, after) {
  const state = randomBytes(9).toString('base64url');
  const { id, url } = await mfa.page({ ...wanted, return_url: `${ORIGIN}/back`, state });
  session.away.set(state, { page: id, after });
  for (const oldest of [...session.away.keys()].slice(0, -MOST)) session.away.delete(oldest);
  return redirect(url);
}

/** Where browsers come from such a page: first to show whose they are, then when all is done. @param {Request} request */
async function back(request) {
  const { page: opened = '', code, state = '' } = request.query;
  const session = sessionOf(request);
  if (code) {
    // By its cookie, and by nothing in the address: whoever followed somebody else's link gets no further.
    const { url } = await mfa.redeem(opened, code, session?.id ?? null);
    return redirect(url);
  }
  const away = session?.away.get(state);
  if (!session || !away) return redirect('/account');
  // Anybody can write `outcome=proved` into an address, so it is Countersign who is asked.
  const { state: became } = await mfa.became(away.page);
  if (became === 'open') return redirect('/account');
  session.away.delete(state);
  return away.after(request, became === 'proved' || became === 'enrolled');
}

// Logging in and out

/** @param {Request} request */
async function logIn(request) {
  const customer = await bank.whose(request.form.name ?? '', request.form.password ?? '');
  if (!customer) return page(view.logIn('That is not right. Try again.'), 403);
  const before = sessionOf(request);
  if (before) await logOut(request, before);
  const { id: user } = await mfa.user(customer.id, customer.name);
  const browser = request.cookies['__Host-browser'] ?? randomBytes(16).toString('base64url');
  const device = await deviceOf(browser, user, request.userAgent);
  const { address, userAgent: user_agent } = request;
  const { id } = await mfa.logIn({ user_id: user, device_id: device, address, user_agent });
  const token = randomBytes(32).toString('base64url');
  /** @type {Session} */
  const session = { id, user, customer, token, admitted: false, grace: null, away: new Map(), trail: [] };
  sessions.set(token, session);
  const answer = await attempt(request, session, {
    action: 'login',
    allowed: ({ grace_ends }) => {
      Object.assign(session, { admitted: true, grace: grace_ends });
      return redirect('/account');
    },
    left: () => logOut(request, session),
  });
  const cookies = [cookie('session', token, 8 * HOUR), cookie('browser', browser, 365 * 24 * HOUR)];
  return { ...answer, headers: { ...answer.headers, 'Set-Cookie': cookies } };
}

/** The device that a browser is to Countersign: by a cookie, for each customer. @param {string} browser @param {string} user @param {string} agent */
async function deviceOf(browser, user, agent) {
  const key = `${browser} ${user}`;
  const id = devices.get(key) ?? (await mfa.device(user, view.browserName(agent))).id;
  devices.set(key, id);
  return id;
}

/** @type {Inside} */
async function logOut(_, session) {
  // Here first: whatever comes of the rest, this cookie opens nothing any more.
  sessions.delete(session.token);
  await mfa.logOut(session.id).catch(isOver);
  return redirect('/login', [cookie('session', '', 0)]);
}

/** What somebody does who was told that their session is used elsewhere. @type {Inside} */
async function logOutEverywhere(request, session) {
  session.customer.notices = [];
  const theirs = [...sessions.values()].filter(({ customer }) => customer === session.customer);
  await Promise.all(theirs.map((one) => logOut(request, one)));
  return redirect('/login', [cookie('session', '', 0)]);
}

// The account and its payments

/** @type {Inside} */
async function account(_, session) {
  const [{ ended_at }, { items }] = await Promise.all([
    mfa.session(session.id),
    mfa.authenticators(session.user),
  ]);
  // Ended elsewhere: on the page where people look after their sign-in, say.
  if (ended_at) throw new Problem(410, { type: '/problems/session-over' });
  const ways = items.filter(({ state }) => state === 'active').map(({ kind }) => kind);
  return page(view.account(session, PAYEES, ways, await panelOf(session)));
}

/** @type {Inside} */
async function newPayment(request, session) {
  const wanted = terms(request.form);
  if (!wanted || wanted.cents > session.customer.cents) {
    return page(
      view.mistaken(session, 'A payment takes a payee, and an amount that is there.', await panelOf(session)),
      422,
    );
  }
  return pay(
    request,
    session,
    bank.prepare(session.customer, wanted, view.browserName(request.userAgent), new Date()),
  );
}

/** @param {Request} request @param {Session} session @param {import('./bank.js').Payment} payment */
async function pay(request, session, payment) {
  let asked = payment.terms;
  const there = redirect(`/payments/${payment.id}`);
  return attempt(request, session, {
    action: 'payment',
    // As the payment stands when it is asked about; what was proved for another amount or payee is refused then.
    context: () => {
      asked = payment.terms;
      return { amount: asked.cents / 100, payee: asked.payee };
    },
    // What was decided about is what is sent.
    allowed: (decision) => {
      bank.send(session.customer, payment, asked, claims(decision.assertion ?? ''), new Date());
      return there;
    },
    left: () => there,
  });
}

/** @type {Inside} */
async function showPayment(request, session) {
  return page(view.payment(session, paymentOf(request, session), await panelOf(session)));
}

/** @type {Inside} */
function changePayment(request, session) {
  const payment = paymentOf(request, session);
  const wanted = terms(request.form);
  if (wanted && payment.state === 'waiting') payment.terms = wanted;
  return redirect(`/payments/${payment.id}`);
}

/** @type {Inside} */
function withdrawPayment(request, session) {
  const payment = paymentOf(request, session);
  if (payment.state === 'waiting') payment.state = 'withdrawn';
  return redirect('/account');
}

/** @param {Request} request @param {Session} session */
function paymentOf(request, session) {
  const found = session.customer.payments.find(({ id }) => id === request.id);
  if (!found) throw new NotFound();
  return found;
}

// What protects it

/** @type {Inside} */
function protect(request, session) {
  return attempt(request, session, {
    action: 'protect',
    allowed: () => leave(session, { purpose: 'enroll', session_id: session.id }, toAccount),
    left: toAccount,
  });
}

/** @type {Inside} */
function security(request, session) {
  return attempt(request, session, {
    action: 'security',
    allowed: () => leave(session, { purpose: 'security', session_id: session.id }, toAccount),
    left: toAccount,
  });
}

const toAccount = () => redirect('/account');

// What happened, for this is a bank to learn from

/** @param {Session} session */
async function panelOf(session) {
  return panel(session.trail, (await mfa.events(session.user)).items);
}

/** @type {Inside} */
async function thief(_, session) {
  return page(view.thief(session, await steal(ORIGIN, session.token), await panelOf(session)));
}

// Routes

class NotFound extends Error {}

/** @param {Request} request */
const sessionOf = (request) => sessions.get(request.cookies['__Host-session'] ?? '');

/** For whoever got in, and nobody else. @param {Inside} handler */
function inside(handler) {
  return (/** @type {Request} */ request) => {
    const session = sessionOf(request);
    return session?.admitted ? handler(request, session) : redirect('/login');
  };
}

/** A session that is over already cannot be ended. @param {unknown} error */
function isOver(error) {
  if (!(error instanceof Problem && error.type === 'session-over')) throw error;
}

/** Whatever went wrong: nothing was done. @param {Request} request @param {unknown} error */
function failed(request, error) {
  if (error instanceof NotFound) return page(view.nothingHere(), 404);
  const type = error instanceof Problem ? error.type : '';
  if (type === 'session-over') {
    sessions.delete(request.cookies['__Host-session'] ?? '');
    return redirect('/login', [cookie('session', '', 0)]);
  }
  if (type === 'page-opened-elsewhere') return page(view.openedElsewhere(), 403);
  console.error(error);
  return page(view.notNow(), 503);
}

/** @param {string} name @param {string} type */
function asset(name, type) {
  const bytes = readFileSync(new URL(`public/${name}`, import.meta.url));
  return () => file(bytes, type);
}

const answer = routed(
  ORIGIN,
  {
    'GET /': () => redirect('/account'),
    'GET /login': () => page(view.logIn('')),
    'POST /login': logIn,
    'POST /logout': inside(logOut),
    'POST /logout/everywhere': inside(logOutEverywhere),
    'GET /account': inside(account),
    'POST /payments': inside(newPayment),
    'GET /payments/:id': inside(showPayment),
    'POST /payments/:id': inside(changePayment),
    'POST /payments/:id/confirm': inside((request, session) =>
      pay(request, session, paymentOf(request, session)),
    ),
    'POST /payments/:id/withdraw': inside(withdrawPayment),
    'POST /protect': inside(protect),
    'POST /security': inside(security),
    'GET /back': back,
    'GET /panel': inside(async (_, session) => page(await panelOf(session))),
    'POST /thief': inside(thief),
    'GET /style.css': asset('style.css', 'text/css; charset=utf-8'),
    'GET /live.js': asset('live.js', 'text/javascript; charset=utf-8'),
    'GET /logo.svg': asset('logo.svg', 'image/svg+xml'),
  },
  failed,
);

createServer((incoming, outgoing) => {
  if (!passedThrough(COUNTERSIGN, incoming, outgoing)) void answer(incoming, outgoing);
}).listen(PORT, '127.0.0.1', () => console.log(`The bank is open at ${ORIGIN}`));
