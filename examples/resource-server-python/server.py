"""A resource server with two resources: a balance for whoever is logged in, and payments for whoever just proved who they are.

    COUNTERSIGN_URL=http://127.0.0.1:8420 COUNTERSIGN_APPLICATION=app_… PORT=8431 python3 server.py
"""

import json
import os
from wsgiref.simple_server import WSGIRequestHandler, make_server

from countersign import Guard, Need, is_about

port = int(os.environ.get("PORT", "8431"))
origin = os.environ.get("ORIGIN", f"http://127.0.0.1:{port}")
guard = Guard(os.environ["COUNTERSIGN_URL"], [os.environ["COUNTERSIGN_APPLICATION"]], origin)


def answer(start_response, status, body):
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps(body).encode()]


def balance(environ, start_response):
    return answer(start_response, "200 OK", {"balance": 4200, "of": environ["countersign.claims"]["sub"]})


def payments(environ, start_response):
    payment = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
    # The assertion is for this payment: amount and payee are what the person saw and proved.
    if not is_about(environ["countersign.claims"], "payment.send", payment):
        return answer(start_response, "403 Forbidden", {"error": "that is not what was proved"})
    return answer(start_response, "200 OK", {"paid": payment})


ROUTES = {
    ("GET", "/balance"): guard.protect(balance, Need()),
    ("POST", "/payments"): guard.protect(payments, Need(level="aal2", max_age=300, action="payment.send", bound=True)),
}


def application(environ, start_response):
    route = ROUTES.get((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
    return route(environ, start_response) if route else answer(start_response, "404 Not Found", {})


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


if __name__ == "__main__":
    with make_server("127.0.0.1", port, application, handler_class=Quiet) as server:
        print(f"listening on {origin}", flush=True)
        server.serve_forever()
