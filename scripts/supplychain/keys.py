"""Keys and signatures: DSSE envelopes over ECDSA P-256, which cosign and other tools of the trade can check too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey

from scripts.errors import UserError
from scripts.host import parsing
from scripts.host.files import write_whole
from scripts.host.paths import state_folder

PAYLOAD = "application/vnd.in-toto+json"


class BadSignature(Exception):
    """An attestation that proves nothing, and why."""


def private_file() -> Path:
    """Return where the signing key is kept; the public one lies beside it."""
    return state_folder("signing", "signing.key")


def public_file() -> Path:
    """Return where the public key is kept that belongs to the signing key."""
    return private_file().with_suffix(".pub")


def ensure() -> Path:
    """Return the signing key's file, made at first use, readable by its owner only.

    Raises UserError where the public key is there alone: what the lost one signed is checked by it, and by whoever has
    a copy of it, and a new pair would take its place.
    """
    file, beside = private_file(), public_file()
    if not file.is_file() and beside.is_file():
        text = f"the signing key {file} is gone, and its public key {beside} is there"
        raise UserError(text, f"put {file.name} back; or remove {beside.name} too, and everything is signed anew")
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)  # the public key alone would leave it open
        made = generate_private_key(SECP256R1())
        write_whole(file, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), mode=0o600)
    if not beside.is_file():
        write_whole(beside, _signer(file).public_key.keyval["public"].encode())
    return file


def _signer(file: Path) -> CryptoSigner:
    """Return who signs with a key. Raises UserError if it cannot be used."""
    try:
        key = load_pem_private_key(file.read_bytes(), None)
        return CryptoSigner(key, SSlibKey.from_crypto(key.public_key()))
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        raise UserError(f"{file}: no usable signing key", "restore it, or remove it to have a new one made") from None


def read_public(file: Path) -> EllipticCurvePublicKey:
    """Return the public key in a PEM file. Raises UserError if there is none, or one of another kind."""
    try:
        key = load_pem_public_key(file.read_bytes())
    except OSError:
        raise UserError(
            f"no public key in {file}", "make one: invoke security.sign; or name it: security.publicKey"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise UserError(f"{file}: no public key in PEM") from None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise UserError(f"{file}: not an ECDSA key on the curve P-256", "make one: cosign generate-key-pair")
    return key


def sign(statement: Mapping[str, Any], file: Path) -> str:
    """Return the statement in a signed envelope, as JSON. Raises UserError if the key cannot be used."""
    signer = _signer(file)
    envelope = Envelope(json.dumps(statement, sort_keys=True).encode(), PAYLOAD, {})
    envelope.sign(signer)
    return json.dumps(envelope.to_dict(), indent=1) + "\n"


def verify_envelope(text: str, public: EllipticCurvePublicKey) -> dict[str, Any]:
    """Return the statement in an envelope, or in the bundle that cosign wraps one in, if this key signed it.

    Raises BadSignature saying what is wrong with it.
    """
    try:
        data = parsing.from_json(text)
        data = data.get("dsseEnvelope", data)
        # A key id is a hint that nobody has to give; what counts is whether the key fits.
        signatures = [{"sig": item["sig"], "keyid": f"signature {n}"} for n, item in enumerate(data["signatures"])]
        envelope = Envelope.from_dict({**data, "signatures": signatures})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadSignature("it is no signed envelope") from None
    try:
        envelope.verify([SSlibKey.from_crypto(public, keyid=name) for name in envelope.signatures], 1)
    except (VerificationError, ValueError):
        raise BadSignature("its signature is not of the trusted key, or it was altered") from None
    if envelope.payload_type != PAYLOAD:
        raise BadSignature(f"it holds {envelope.payload_type}, not an in-toto statement")
    try:
        statement = parsing.from_json(envelope.payload)
    except ValueError:
        statement = None
    if not isinstance(statement, dict):
        raise BadSignature("what it holds is no statement")
    return statement
