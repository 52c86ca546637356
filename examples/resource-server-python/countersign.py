"""Lets in whoever shows an assertion of Countersign that is good enough; tells everybody else what is wanted (RFC 9470).

A middleware for WSGI, and `Guard.check` for anything else. Needs PyJWT and cryptography (Debian: python3-jwt, python3-cryptography).
"""

import base64
import hashlib
import json
import threading
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass

import jwt
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

TYP = "countersign-assertion+jwt"
LEVELS = ["aal1", "aal2", "aal3"]
REQUIRED = ["iss", "aud", "sub", "jti", "iat", "nbf", "exp", "auth_time", "acr", "amr", "action", "action_hash"]
# What would have a header say where its key is, or how it is to be read.
STRANGE = ["crit", "b64", "jku", "x5u", "x5c", "zip", "enc"]
# Members of a key that make it a secret.
PRIVATE = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]

LEEWAY = 5  # seconds by which clocks may differ
PROOF_LIFETIME = 60  # seconds that a proof of possession is good for
FRESH = 600  # seconds after which keys are fetched anew
STALE = 24 * 3600  # seconds after which keys are good for nothing
COOL_DOWN = 30  # seconds between two tries to fetch them
MAX_KEYS_BYTES = 64 * 1024
MAX_TOKEN_BYTES = 16 * 1024
MOST_PROOFS = 100_000


@dataclass(frozen=True)
class Need:
    """What a resource wants, beyond an assertion at all."""

    level: str | None = None  # the level, at least
    max_age: int | None = None  # how long ago the proof may have been given, in seconds
    action: str | None = None  # what has to have been proved or allowed
    bound: bool = False  # only what is bound to a key


class Refused(Exception):
    """Why a request is not let in: a status and the value of WWW-Authenticate."""

    def __init__(self, error=None, description="", scheme="Bearer", status=401):
        super().__init__(description or error or "no assertion")
        self.error, self.description, self.scheme, self.status = error, description, scheme, status

    def challenge(self, need):
        said = []
        if self.error:
            said += [f'error="{self.error}"', f'error_description="{self.description}"']
        if need.level:
            said.append(f'acr_values="{" ".join(LEVELS[LEVELS.index(need.level):])}"')
        if need.max_age is not None:
            said.append(f'max_age="{need.max_age}"')
        if self.scheme == "DPoP":
            said.append('algs="ES256 EdDSA"')
        return f"{self.scheme} {', '.join(said)}".rstrip()


class Guard:
    """One for a program: it knows the keys, and which proofs of possession were seen.

    `issuer` is Countersign's public_url, `audiences` are the applications whose assertions are accepted, `origin` is where clients reach
    this server: set it, and never take it from a request.
    """

    def __init__(self, issuer, audiences, origin, clock=time.time):
        url = urllib.parse.urlsplit(issuer)
        if url.scheme != "https" and url.hostname not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError("whoever is on the way could change the keys: the issuer has to be https")
        self.issuer, self.audiences, self.origin, self.clock = issuer, set(audiences), origin.rstrip("/"), clock
        self.keys, self.fetched_at, self.tried_at = {}, None, None
        self.fetching, self.lock, self.seen = threading.Lock(), threading.Lock(), {}

    def protect(self, app, need):
        """WSGI: calls `app` with what the assertion says in `environ["countersign.claims"]`."""

        def guarded(environ, start_response):
            path = urllib.parse.quote(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""))
            authorization, proof = environ.get("HTTP_AUTHORIZATION"), environ.get("HTTP_DPOP")
            try:
                claims = self.check(environ["REQUEST_METHOD"], path, authorization, proof, need)
            except Refused as refused:
                headers = [("Content-Length", "0"), ("Cache-Control", "no-store")]
                if refused.status == 401:
                    start_response("401 Unauthorized", [*headers, ("WWW-Authenticate", refused.challenge(need))])
                else:
                    start_response("503 Service Unavailable", [*headers, ("Retry-After", "1")])
                return []
            environ["countersign.claims"] = claims
            return app(environ, start_response)

        return guarded

    def check(self, method, path, authorization, proof, need):
        """What the assertion of a request says; Refused where it is not let in."""
        scheme, _, token = (authorization or "").partition(" ")
        scheme = {"bearer": "Bearer", "dpop": "DPoP"}.get(scheme.lower())
        if not scheme:
            raise Refused(scheme="DPoP" if need.bound else "Bearer")
        token = token.strip()
        try:
            claims = self.claims(token)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
            raise Refused("invalid_token", "the assertion is not accepted", scheme) from None
        self.possession(claims, scheme, token, method, path, proof, need)
        lacking = self.lacking(claims, need)
        if lacking:
            scheme = "DPoP" if "jkt" in claims.get("cnf", {}) else "Bearer"
            raise Refused("insufficient_user_authentication", lacking, scheme)
        return claims

    def claims(self, token):
        header = header_of(token)
        if header.get("typ") != TYP or header.get("alg") != "ES256" or any(name in header for name in [*STRANGE, "jwk"]):
            raise ValueError
        claims = signed_by(token, self.key(header["kid"]), "ES256")
        now = self.clock()
        if any(name not in claims for name in REQUIRED):
            raise ValueError
        if claims["iss"] != self.issuer or not isinstance(claims["aud"], str) or claims["aud"] not in self.audiences:
            raise ValueError
        if max(claims["nbf"], claims["iat"], claims["auth_time"]) > now + LEEWAY or now >= claims["exp"]:
            raise ValueError
        if claims["acr"] not in LEVELS:
            raise ValueError
        # A binding of a kind that is not known is never taken for none.
        if "cnf" in claims and set(claims["cnf"]) != {"jkt"} and set(claims["cnf"]) != {"x5t#S256"}:
            raise ValueError
        return claims

    def possession(self, claims, scheme, token, method, path, proof, need):
        jkt = claims.get("cnf", {}).get("jkt")
        if "cnf" not in claims and scheme == "Bearer" and not need.bound:
            return
        # A client certificate is known to whoever ends TLS, and to no WSGI server: what is bound to one is refused here.
        if not jkt or scheme != "DPoP":
            raise Refused("invalid_token", "the assertion has to be shown with the key that it is bound to", "DPoP")
        try:
            shown, jti, until = self.proof(proof or "", method, path, token)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
            raise Refused("invalid_dpop_proof", "the proof of possession is not accepted", "DPoP") from None
        if shown != jkt:
            raise Refused("invalid_token", "the assertion has to be shown with the key that it is bound to", "DPoP")
        if not self.is_first((shown, jti), until):
            raise Refused("invalid_dpop_proof", "the proof of possession came before", "DPoP")

    def proof(self, proof, method, path, token):
        """Checks a proof of possession (RFC 9449 §4.3): the key's thumbprint, the proof's name and when it is over."""
        header = header_of(proof)
        jwk, alg = header["jwk"], header.get("alg")
        if header.get("typ") != "dpop+jwt" or any(name in header for name in [*STRANGE, "kid"]) or any(name in jwk for name in PRIVATE):
            raise ValueError
        kind = (alg, jwk.get("kty"), jwk.get("crv"))
        if kind == ("ES256", "EC", "P-256"):
            key, members = ECAlgorithm.from_jwk(json.dumps(jwk)), ["crv", "kty", "x", "y"]
        elif kind == ("EdDSA", "OKP", "Ed25519"):
            key, members = OKPAlgorithm.from_jwk(json.dumps(jwk)), ["crv", "kty", "x"]
        else:
            raise ValueError
        claims = signed_by(proof, key, alg)
        if claims["htm"] != method or canonical(claims["htu"]) != canonical(self.origin + path):
            raise ValueError
        if claims["ath"] != sha256(token.encode()):
            raise ValueError
        now, made = self.clock(), claims["iat"]
        if made > now + LEEWAY or now >= made + PROOF_LIFETIME or not 0 < len(claims["jti"]) <= 256:
            raise ValueError
        return sha256(compact({name: jwk[name] for name in members}).encode()), claims["jti"], made + PROOF_LIFETIME

    def is_first(self, proof, until):
        with self.lock:
            now = self.clock()
            if len(self.seen) >= MOST_PROOFS:
                self.seen = {name: end for name, end in self.seen.items() if end > now}
            if self.seen.get(proof, 0) > now or len(self.seen) >= MOST_PROOFS:
                return False
            self.seen[proof] = until
            return True

    def lacking(self, claims, need):
        if need.level and LEVELS.index(claims["acr"]) < LEVELS.index(need.level):
            return "a different authentication level is required"
        if need.max_age is not None and self.clock() - claims["auth_time"] > need.max_age + LEEWAY:
            return "more recent authentication is required"
        if need.action and need.action != claims["action"]:
            return "authentication for this action is required"
        return None

    def key(self, kid):
        """A key that assertions are signed with. While none can be fetched, those that are known serve for a day."""
        now = self.clock()

        def since(at):
            return float("inf") if at is None or at > now else now - at

        def is_wanted():
            wait = 1 if self.fetched_at is None else COOL_DOWN
            return (kid not in self.keys or since(self.fetched_at) >= FRESH) and since(self.tried_at) >= wait

        # Who has a key goes on with it while somebody fetches others; who has none waits.
        if is_wanted() and self.fetching.acquire(blocking=kid not in self.keys):
            try:
                if is_wanted():
                    self.keys, self.fetched_at = self.published(), now
            except (OSError, ValueError, KeyError, TypeError):
                pass  # What is known stays.
            finally:
                self.tried_at = now
                self.fetching.release()
        if since(self.fetched_at) >= STALE:
            raise Refused(status=503)
        return self.keys[kid]

    def published(self):
        url = self.issuer.rstrip("/") + "/.well-known/jwks.json"
        with OPENER.open(url, timeout=5) as answer:
            text = answer.read(MAX_KEYS_BYTES + 1)
        if len(text) > MAX_KEYS_BYTES:
            raise ValueError
        keys = [key for key in json.loads(text)["keys"] if (key.get("kty"), key.get("crv")) == ("EC", "P-256")]
        return {key["kid"]: ECAlgorithm.from_jwk(json.dumps(key)) for key in keys if key.get("use", "sig") == "sig"}


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """Keys come from where they are said to be, and from nowhere else."""

    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(NoRedirects, urllib.request.ProxyHandler({}))


def is_about(claims, action, context):
    """Whether this is what was proved or allowed: the action, and everything that it was about."""
    digest = hashlib.sha256()
    for part in ["countersign action v1", claims["jti"], claims["sub"], claims.get("sid", ""), action, compact(context)]:
        digest.update(len(part.encode()).to_bytes(8, "big") + part.encode())
    return claims["action"] == action and claims["action_hash"] == encode(digest.digest())


def header_of(token):
    """The header of a token that is written in the one way that there is: three parts, each base64url without padding."""
    parts = token.split(".")
    if len(token) > MAX_TOKEN_BYTES or len(parts) != 3:
        raise ValueError
    if any(encode(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) != part for part in parts):
        raise ValueError
    return jwt.get_unverified_header(token)


def signed_by(token, key, alg):
    """What a token says, if the key signed it; times and names are held against what is wanted by whoever asks."""
    unchecked = dict.fromkeys(["verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_iss"], False)
    claims = jwt.decode(token, key, algorithms=[alg], options={"verify_signature": True, **unchecked})
    times = [claims.get(name, 0) for name in ["iat", "nbf", "exp", "auth_time"]]
    if any(isinstance(value, bool) or not isinstance(value, int) for value in times):
        raise ValueError
    return claims


def canonical(url):
    """A URL without query and fragment, and without what says nothing (RFC 3986 §6.2)."""
    url = urllib.parse.urlsplit(url)
    default = {"https": 443, "http": 80}[url.scheme]
    port = "" if url.port in (None, default) else f":{url.port}"
    return f"{url.scheme}://{url.hostname}{port}{url.path or '/'}"


def compact(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256(data):
    return encode(hashlib.sha256(data).digest())


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
