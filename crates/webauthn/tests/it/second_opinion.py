"""Judges WebAuthn responses with Yubico's fido2: JSON in at stdin, JSON out at stdout."""

import json
import sys

from fido2.attestation import Attestation
from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    AttestationConveyancePreference,
    PublicKeyCredentialCreationOptions,
    PublicKeyCredentialRequestOptions,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    UserVerificationRequirement,
)

ORIGINS = ["https://login.example.org", "https://old.example", "https://example.com:8443"]


def verify_attestation(attestation_object, client_data_hash):
    statement = Attestation.for_type(attestation_object.fmt)()
    statement.verify(attestation_object.att_stmt, attestation_object.auth_data, client_data_hash)


def server():
    return Fido2Server(
        PublicKeyCredentialRpEntity(id="example.org", name="Example"),
        attestation=AttestationConveyancePreference.DIRECT,
        verify_attestation=verify_attestation,
        verify_origin=lambda origin: origin in ORIGINS,
    )


def judge(case):
    options, response = case["options"], case["response"]
    state = {"challenge": options["challenge"], "user_verification": UserVerificationRequirement.REQUIRED}
    try:
        if "registration" not in case:
            # Read as a client reads them, so that options which it would not take are noticed.
            PublicKeyCredentialCreationOptions.from_dict(options)
            server().register_complete(state, response)
        else:
            PublicKeyCredentialRequestOptions.from_dict(options)
            known = RegistrationResponse.from_dict(case["registration"])
            known = known.response.attestation_object.auth_data.credential_data
            server().authenticate_complete(state, [known], response)
    except Exception as error:  # whatever it is, it is a refusal
        return f"{type(error).__name__}: {error}"
    return None


def begin(wanted):
    user = PublicKeyCredentialUserEntity(
        id=websafe_decode(wanted["user"]), name="ana@example.org", display_name="Ana"
    )
    creation, _ = server().register_begin(user)
    request, _ = server().authenticate_begin()
    return {"creation": plain(dict(creation)["publicKey"]), "request": plain(dict(request)["publicKey"])}


def plain(value):
    """Options as JSON has them."""
    if isinstance(value, bytes):
        return websafe_encode(value)
    if hasattr(value, "items"):
        return {key: plain(member) for key, member in dict(value).items()}
    if isinstance(value, (list, tuple)):
        return [plain(member) for member in value]
    return value


question = json.load(sys.stdin)
if "judge" in question:
    answer = {"judged": [judge(case) for case in question["judge"]]}
else:
    answer = begin(question["begin"])
json.dump(answer, sys.stdout)
