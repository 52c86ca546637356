"""An application that pays for its user: is told what is wanted, has the session stepped up, and goes on.

    COUNTERSIGN_URL=… COUNTERSIGN_KEY=csk_… SESSION=ses_… RESOURCE=http://127.0.0.1:8431 python3 client.py
"""

import json
import os
import re
import time
import urllib.error
import urllib.request
import uuid

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from countersign import compact, sha256

COUNTERSIGN, KEY = os.environ["COUNTERSIGN_URL"], os.environ["COUNTERSIGN_KEY"]
SESSION, RESOURCE = os.environ["SESSION"], os.environ["RESOURCE"]
PAYMENT = {"amount": 5000, "payee": "Hanna Weiß"}

# The key that the assertion is bound to: whoever steals the assertion alone has nothing.
key = ec.generate_private_key(ec.SECP256R1())
jwk = {name: value for name, value in json.loads(ECAlgorithm.to_jwk(key.public_key())).items() if name in ("crv", "kty", "x", "y")}


def send(method, url, body, headers):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        return error.code, error.headers, json.loads(error.read() or b"{}")


def countersign(path, body):
    status, _, answer = send("POST", COUNTERSIGN + path, body, {"Authorization": f"Bearer {KEY}"})
    if status != 200:
        raise SystemExit(f"{path}: {status} {answer}")
    return answer


def decide(**wanted):
    question = {"action": "payment.send", "context": PAYMENT, "cnf": {"jkt": sha256(compact(jwk).encode())}, **wanted}
    return countersign(f"/v1/sessions/{SESSION}/decide", question)


def pay(assertion):
    url = f"{RESOURCE}/payments"
    claims = {"jti": str(uuid.uuid4()), "htm": "POST", "htu": url, "iat": int(time.time()), "ath": sha256(assertion.encode())}
    proof = jwt.encode(claims, key, algorithm="ES256", headers={"typ": "dpop+jwt", "jwk": jwk})
    return send("POST", url, PAYMENT, {"Authorization": f"DPoP {assertion}", "DPoP": proof})


status, headers, answer = pay(decide()["assertion"])
challenge = headers.get("WWW-Authenticate", "")
print(status, challenge, flush=True)
if status == 401 and 'error="insufficient_user_authentication"' in challenge:
    # What the resource server wants is handed on as it stands.
    said = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    wanted = {"acr_values": said["acr_values"], "max_age": int(said["max_age"])}
    decision = decide(**wanted)
    if decision["outcome"] == "step_up":
        code = input("Code: ")
        countersign(f"/v1/challenges/{decision['challenge']['id']}/verify", {"code": code})
        decision = decide(**wanted)
    status, _, answer = pay(decision["assertion"])
print(status, json.dumps(answer, ensure_ascii=False), flush=True)
