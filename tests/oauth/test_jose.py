"""Public keys of clients (RFC 7517, RFC 7638)."""

import contextlib
import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, OKPKey, thumbprint
from joserfc.util import int_to_base64, urlsafe_b64decode, urlsafe_b64encode

from appanage.oauth.jose import (
    CLIENT_ALGORITHMS,
    LONGEST,
    Malformed,
    UnusableKey,
    json_object,
    labels_of,
    public_key_of,
    read_public_key,
)
from appanage.profiles import COMMERCIAL, FEDRAMP, PROFILES
from support.keys import KEYS, ClientKey, public, signed

EC, P384, RSA, ED = KEYS["ES256"], KEYS["ES384"], KEYS["PS256"], KEYS["EdDSA"]
NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)

JSON: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()) | st.just({})
)
MEMBERS = st.sampled_from(["kty", "crv", "x", "y", "n", "e", "kid", "use", "key_ops", "alg"])


def pem(native: Any) -> str:
    text: bytes = native.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return text.decode()


def private_pem(native: Any, form: PrivateFormat = PrivateFormat.PKCS8, password: bytes = b"") -> str:
    protection = BestAvailableEncryption(password) if password else NoEncryption()
    text: bytes = native.private_bytes(Encoding.PEM, form, protection)
    return text.decode()


def certificate(native: ec.EllipticCurvePrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "app")])
    made = (
        x509.CertificateBuilder(name, name, native.public_key(), 1, NOW, NOW + timedelta(days=1))
        .sign(native, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )
    return made.decode()


# Where nothing is narrowed.
read = partial(read_public_key, algorithms=CLIENT_ALGORITHMS)
key_of = partial(public_key_of, algorithms=CLIENT_ALGORITHMS)


def rsa_jwk(bits: int, exponent: int = 65537) -> dict[str, Any]:
    """Of the right size, and of no use to anybody."""
    return {"kty": "RSA", "n": int_to_base64((1 << (bits - 1)) + 1), "e": int_to_base64(exponent)}


@pytest.mark.parametrize(
    ("key", "algorithm", "label"),
    [
        pytest.param(EC, "ES256", "EC P-256", id="EC P-256"),
        pytest.param(P384, "ES384", "EC P-384", id="EC P-384"),
        pytest.param(RSA, "PS256", "RSA 2048", id="RSA"),
        pytest.param(ED, "EdDSA", "Ed25519", id="Ed25519"),
    ],
)
def test_a_key_reads_the_same_in_every_form(key: ClientKey, algorithm: str, label: str):
    """CRED-06."""
    jwk = public(key)
    expected = key_of(jwk)
    forms = [json.dumps(jwk), f"\n {json.dumps(jwk)} \n", json.dumps({"keys": [jwk]}), pem(key.public_key)]

    assert (expected.algorithm, expected.label, expected.kid) == (algorithm, label, None)
    assert expected.jwk == jwk
    assert expected.thumbprint == thumbprint(jwk)
    assert [read(form) for form in forms] == [expected] * 4


def test_the_thumbprint_is_that_of_the_rfc():
    """RFC 7638 §3.1; its example is an RSA key marked for RS256."""
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWK"
        "RXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMic"
        "AtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3"
        "XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    key = key_of({"kty": "RSA", "n": modulus, "e": "AQAB", "kid": "2011-04-29"})

    assert key.thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_a_certificate_is_read_for_its_key():
    private = ec.generate_private_key(ec.SECP256R1())

    assert read(certificate(private)) == read(pem(private.public_key()))


def test_what_is_kept_of_a_key_reads_back_and_holds_nothing_else():
    given_jwk = public(
        EC, kid="k1", use="sig", key_ops=["verify"], alg="ES256", ext=True, x5u="https://a.test/"
    )
    key = key_of(given_jwk)

    assert set(key.jwk) == {"kty", "crv", "x", "y", "kid"}
    assert key.kid == "k1"
    assert key_of(key.jwk) == key
    assert key.thumbprint == key_of(public(EC)).thumbprint


@pytest.mark.parametrize("member", ["x", "n"])
def test_zeros_in_front_of_a_number_make_no_other_key(member: str):
    """RFC 7518 §6.3.1.1 knows of libraries that write one."""
    jwk = public(EC if member == "x" else RSA)
    padded = urlsafe_b64encode(b"\0" + urlsafe_b64decode(jwk[member].encode())).decode()

    assert key_of({**jwk, member: padded}) == key_of(jwk)


PRIVATE_KEYS = [
    pytest.param(json.dumps(EC.as_dict(private=True)), id="EC JWK"),
    pytest.param(json.dumps(RSA.as_dict(private=True)), id="RSA JWK"),
    pytest.param(json.dumps(ED.as_dict(private=True)), id="Ed25519 JWK"),
    pytest.param(json.dumps({"keys": [EC.as_dict(private=True)]}), id="key set"),
    pytest.param(json.dumps({"keys": [public(EC), EC.as_dict(private=True)]}), id="second of a key set"),
    pytest.param(json.dumps(public(EC) | {"d": None}), id="empty private member"),
    pytest.param(json.dumps({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA", "priv": "AA"}), id="AKP"),
    pytest.param(private_pem(EC.private_key), id="PKCS 8"),
    pytest.param(private_pem(EC.private_key, PrivateFormat.TraditionalOpenSSL), id="SEC 1"),
    pytest.param(private_pem(RSA.private_key, PrivateFormat.TraditionalOpenSSL), id="PKCS 1"),
    pytest.param(private_pem(EC.private_key, PrivateFormat.OpenSSH), id="OpenSSH"),
    pytest.param(private_pem(EC.private_key, password=b"secret"), id="encrypted"),
    pytest.param(pem(EC.public_key) + private_pem(EC.private_key), id="both halves"),
    pytest.param(private_pem(EC.private_key) + "x" * LONGEST, id="very long"),
]


@pytest.mark.parametrize("pasted", PRIVATE_KEYS)
def test_a_private_key_is_refused_firmly(pasted: str):
    with pytest.raises(UnusableKey, match=r"^That is a private key\. Keep it secret, make a new pair"):
        read(pasted)


def changed(key: ClientKey, **members: Any) -> str:
    return json.dumps(public(key, **members))


@pytest.mark.parametrize(
    ("pasted", "advice"),
    [
        pytest.param("", "neither a JWK", id="nothing"),
        pytest.param("hello", "neither a JWK", id="a word"),
        pytest.param('{"kty": "EC"', "neither a JWK", id="broken JSON"),
        pytest.param("[]", "neither a JWK", id="a list"),
        pytest.param('"EC"', "neither a JWK", id="a JSON text"),
        pytest.param('{"kty":"EC","kty":"RSA"}', "neither a JWK", id="a repeated name"),
        pytest.param("[" * 8000, "neither a JWK", id="deep nesting"),
        pytest.param('{"a":' * 1600, "neither a JWK", id="deep nesting of objects"),
        pytest.param("\ud800", "neither a JWK", id="half a surrogate pair"),
        pytest.param("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me@host", "neither a JWK", id="an SSH key"),
        pytest.param("{}", "kind of key", id="an empty object"),
        pytest.param("x" * (LONGEST + 1), "too long", id="too long"),
        pytest.param('{"keys": []}', "one key at a time", id="an empty key set"),
        pytest.param('{"keys": {}}', "one key at a time", id="a key set of the wrong type"),
        pytest.param('{"keys": [1]}', "one key at a time", id="a key set without keys"),
        pytest.param(json.dumps({"keys": [public(EC), public(ED)]}), "one key at a time", id="two keys"),
        pytest.param(pem(EC.public_key) + pem(ED.public_key), "one key at a time", id="two PEM blocks"),
        pytest.param("-----BEGIN PUBLIC KEY-----", "Export it again", id="a cut PEM block"),
        pytest.param(pem(EC.public_key).replace("MFk", "MFz"), "Export it again", id="a damaged PEM block"),
        pytest.param(
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "Export it", id="a bad cert"
        ),
        pytest.param(json.dumps(OctKey.generate_key(256).as_dict()), "symmetric key", id="a symmetric key"),
        pytest.param('{"kty": "oct"}', "symmetric key", id="a symmetric key without its value"),
        pytest.param(json.dumps(public(ECKey.generate_key("P-521"))), "kind of key", id="P-521"),
        pytest.param(json.dumps(public(ECKey.generate_key("secp256k1"))), "kind of key", id="secp256k1"),
        pytest.param(json.dumps(public(OKPKey.generate_key("X25519"))), "kind of key", id="X25519"),
        pytest.param(json.dumps(public(OKPKey.generate_key("Ed448"))), "kind of key", id="Ed448"),
        pytest.param(changed(EC, kty="XX"), "kind of key", id="an unknown type"),
        pytest.param(changed(EC, kty=["EC"]), "kind of key", id="a type that is a list"),
        pytest.param(changed(EC, crv="P-999"), "kind of key", id="an unknown curve"),
        pytest.param(changed(EC, crv={"P-256": 1}), "kind of key", id="a curve that is an object"),
        pytest.param(changed(EC, crv="P-384"), "incomplete or damaged", id="another curve than its point"),
        pytest.param(pem(ed448.Ed448PrivateKey.generate().public_key()), "kind of key", id="Ed448 in PEM"),
        pytest.param(
            pem(ec.generate_private_key(ec.BrainpoolP256R1()).public_key()),
            "kind of key",
            id="Brainpool in PEM",
        ),
        pytest.param(
            pem(ec.generate_private_key(ec.SECP521R1()).public_key()),
            "kind of key",
            id="P-521 in PEM",
        ),
        pytest.param(json.dumps(rsa_jwk(2047)), "wrong length", id="RSA too short"),
        pytest.param(json.dumps(rsa_jwk(8193)), "wrong length", id="RSA too long"),
        pytest.param(
            pem(rsa.RSAPublicNumbers(65537, (1 << 1023) + 1).public_key()),
            "wrong length",
            id="RSA too short in PEM",
        ),
        pytest.param(changed(RSA, n=5), "wrong length", id="a modulus that is a number"),
        pytest.param(changed(RSA, n="!"), "wrong length", id="a modulus that is no base64url"),
        pytest.param(json.dumps(rsa_jwk(2048, 3)), "exponent", id="RSA with exponent 3"),
        pytest.param(json.dumps(rsa_jwk(2048, (1 << 2046) + 1)), "exponent", id="RSA with a long exponent"),
        pytest.param(json.dumps({"kty": "EC", "crv": "P-256", "x": "AA"}), "incomplete", id="no y"),
        pytest.param(changed(EC, y="AAAA"), "incomplete or damaged", id="a point off the curve"),
        pytest.param(changed(EC, x=1), "incomplete or damaged", id="a coordinate that is a number"),
        pytest.param(changed(EC, x=""), "incomplete or damaged", id="an empty coordinate"),
        pytest.param(changed(EC, x=public(EC)["x"] + "="), "incomplete or damaged", id="padding"),
        pytest.param(changed(ED, x="AAAA"), "incomplete or damaged", id="Ed25519 too short"),
        pytest.param(changed(EC, use="enc"), "not meant for signatures", id="use enc"),
        pytest.param(changed(EC, use=["sig"]), "not meant for signatures", id="use of the wrong type"),
        pytest.param(
            changed(EC, key_ops=["deriveKey"]), "not meant for signatures", id="key_ops without verify"
        ),
        pytest.param(changed(EC, key_ops="verify"), "not meant for signatures", id="key_ops that is a text"),
        pytest.param(changed(RSA, alg="RS256"), "names another algorithm", id="RS256"),
        pytest.param(changed(EC, alg="HS256"), "names another algorithm", id="HS256"),
        pytest.param(changed(EC, alg="ES384"), "names another algorithm", id="ES384 on P-256"),
        pytest.param(changed(EC, alg=None), "names another algorithm", id="no algorithm by name"),
        pytest.param(changed(EC, alg=["ES256"]), "names another algorithm", id="a list of algorithms"),
        pytest.param(changed(EC, kid=1), '"kid"', id="kid that is a number"),
        pytest.param(changed(EC, kid=""), '"kid"', id="an empty kid"),
        pytest.param(changed(EC, kid="a\0b"), '"kid"', id="kid with NUL"),
        pytest.param(changed(EC, kid="a" * 257), '"kid"', id="kid too long"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused_with_advice(pasted: str, advice: str):
    """CRED-06, TOK-04."""
    with pytest.raises(UnusableKey) as refused:
        read(pasted)

    assert advice in str(refused.value)


@given(st.text())
def test_what_is_said_about_a_text_never_repeats_it(pasted: str):
    with pytest.raises(UnusableKey) as refused:
        read(f"canary {pasted}")

    assert "canary" not in str(refused.value)


@given(st.sampled_from([EC, RSA, ED]), MEMBERS, JSON)
def test_no_json_does_more_than_be_refused(key: ClientKey, member: str, value: Any):
    with contextlib.suppress(UnusableKey):
        key_of({**public(key), member: value})


@pytest.mark.parametrize(
    ("key", "algorithms"),
    [
        pytest.param(EC, ["PS256"], id="EC where only RSA is accepted"),
        pytest.param(RSA, ["ES256", "EdDSA"], id="RSA where it is not accepted"),
        pytest.param(P384, ["ES256"], id="P-384 where only P-256 is accepted"),
        pytest.param(EC, [], id="nothing is accepted"),
        pytest.param(EC, ["none", "HS256"], id="only what no client may use"),
    ],
)
def test_a_stricter_profile_narrows_the_kinds(key: ClientKey, algorithms: list[str]):
    """GOV-02."""
    with pytest.raises(UnusableKey, match="kind of key is not accepted"):
        read_public_key(json.dumps(public(key)), algorithms=algorithms)


def test_every_profile_accepts_a_part_of_what_is_possible():
    """GOV-02."""
    assert all(set(one.client_algorithms) <= set(CLIENT_ALGORITHMS) for one in PROFILES.values())
    assert COMMERCIAL.client_algorithms == CLIENT_ALGORITHMS


def test_what_is_possible_in_a_stricter_profile_is_told():
    """GOV-02."""
    with pytest.raises(UnusableKey, match=r"Use one of these: EC P-256, EC P-384, RSA\.$"):
        read_public_key(json.dumps(public(ED)), algorithms=FEDRAMP.client_algorithms)

    assert labels_of(FEDRAMP.client_algorithms) == ["EC P-256", "EC P-384", "RSA"]
    assert "Ed25519" in labels_of(COMMERCIAL.client_algorithms)


def test_a_key_signs_with_the_name_that_the_profile_knows():
    """RFC 9864."""
    assert key_of(public(ED)).algorithm == "EdDSA"
    assert public_key_of(public(ED), algorithms=["Ed25519"]).algorithm == "Ed25519"


@pytest.mark.parametrize("algorithm", CLIENT_ALGORITHMS)
@pytest.mark.parametrize("name", ["ES256", "ES384", "PS256", "EdDSA"])
def test_a_key_verifies_with_its_own_algorithm_only(name: str, algorithm: str):
    """TOK-03: RFC 8725 §3.1. No library warns about it either."""
    message, _, signature = signed({}, {}, KEYS[name], name).rpartition(".")
    is_its_own = algorithm == name or {algorithm, name} == {"EdDSA", "Ed25519"}
    found = key_of(public(KEYS[name])).verifies(
        message.encode(), urlsafe_b64decode(signature.encode()), algorithm=algorithm
    )

    assert found == is_its_own


@pytest.mark.parametrize(
    "algorithm", ["none", "HS256", "RS256", "PS384", "ES512", "ES256K", "Ed448", "", "es256"]
)
def test_no_other_algorithm_verifies_anything(algorithm: str):
    """TOK-03."""
    for name in ("ES256", "ES384", "PS256", "EdDSA"):
        assert not key_of(public(KEYS[name])).verifies(b"", b"", algorithm=algorithm)


@given(st.binary(max_size=300), st.sampled_from(["ES256", "ES384", "PS256", "EdDSA"]))
def test_no_bytes_are_a_signature(signature: bytes, name: str):
    assert not key_of(public(KEYS[name])).verifies(b"message", signature, algorithm=name)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"1", id="a number"),
        pytest.param(b'{"a":1,"a":1}', id="a repeated name"),
        pytest.param(b'{"b":{"a":1,"a":2}}', id="a repeated name inside"),
        pytest.param(b'{"a":"\xff"}', id="not UTF-8"),
        pytest.param('{"a":1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'\xef\xbb\xbf{"a":1}', id="a byte order mark"),
        pytest.param(b'{"a":1} {}', id="something behind"),
        pytest.param(b'{"a":' + b"9" * 5000 + b"}", id="a number of 5000 digits"),
        pytest.param(b'{"a":' + b"[" * 100_000, id="deep nesting"),
    ],
)
def test_only_one_plain_json_object_is_read(text: bytes):
    """TOK-04; RFC 7515 §4: no name twice."""
    with pytest.raises(Malformed):
        json_object(text)
