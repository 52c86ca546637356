"""A real SMTP server on loopback (aiosmtpd), for tests: takes mail, and refuses it as servers do.

    smtp_server.py plain|starttls|tls [CERTIFICATE KEY] [USER PASSWORD]

Prints the port it listens on, then each mail it took as one line of JSON. Who is written to decides what happens:
full@ has a full mailbox, over@ is over quota, unknown@ is nobody, grey@ is to be asked again later, broken@ breaks the
server, slow@ answers after a minute. A line of standard input, `USER ANSWER`, has one more refused so, `USER slow` one more answer
after a minute, and `USER` none any more; that it is so from then on is printed as `{"from_now_on": USER}`, and whenever one of
these is written to, `{"asked": USER}`. Ends when its standard input does.
"""
import asyncio
import json
import ssl
import sys
import threading

from aiosmtpd.smtp import SMTP, AuthResult

REFUSALS = {
    "full": "552 5.2.2 Mailbox full, dear {}",
    "over": "452 4.2.2 Over quota",
    "unknown": "550 5.1.1 {}: no such user here",
    "grey": "450 4.7.1 Greylisted",
    "broken": "451 4.3.0 Broken",
}
# Those that standard input spoke of.
TOLD = set()
OUTPUT = threading.Lock()


def say(what):
    with OUTPUT:
        print(json.dumps(what), flush=True)


def told():
    for line in sys.stdin:
        user, _, answer = line.strip().partition(" ")
        if answer:
            REFUSALS[user] = answer
        else:
            REFUSALS.pop(user, None)
        TOLD.add(user)
        say({"from_now_on": user})


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        user = address.split("@")[0]
        if user in TOLD:
            say({"asked": user})
        if user == "slow" or REFUSALS.get(user) == "slow":
            await asyncio.sleep(60)
        if user in REFUSALS:
            return REFUSALS[user].format(address)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        say({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": server.transport.get_extra_info("ssl_object") is not None,
            "login": bool(session.authenticated),
            "content": envelope.content.decode("utf-8", "replace"),
        })
        return "250 2.0.0 Taken"


async def main(mode, arguments):
    context = None
    if mode != "plain":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(arguments.pop(0), arguments.pop(0))
    login = tuple(word.encode() for word in arguments)

    def authenticate(server, session, envelope, mechanism, data):
        return AuthResult(success=(data.login, data.password) == login, handled=False)

    def session():
        starttls = mode == "starttls"
        return SMTP(
            Handler(),
            hostname="mail.test",
            tls_context=context if starttls else None,
            require_starttls=starttls,
            auth_required=bool(login),
            auth_require_tls=starttls,
            authenticator=authenticate if login else None,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(session, "127.0.0.1", 0, ssl=context if mode == "tls" else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    # Whoever started this is gone once its input ends.
    await loop.run_in_executor(None, told)


asyncio.run(main(sys.argv[1], sys.argv[2:]))
