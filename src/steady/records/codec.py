"""
Receipts and decisions as bytes.

A decision becomes RFC 8785 JSON (`canonical.py`), the form that replay compares. A receipt becomes MessagePack whose
`request` and `journal` are JSON texts: floats, big integers and Unicode come back as they were, bytes stay bytes.
"""

import json
from fractions import Fraction
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct, structs

from steady.errors import RecordError
from steady.records.canonical import canonical
from steady.types import Decision, Entry, Receipt, Request

_PLAIN = frozenset((str, int, bool, type(None)))


def _to_text(value: Any) -> str:
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    msg = f"{type(value).__name__} can't be kept in a record."
    raise TypeError(msg)


def _from_text(kind: type, value: Any) -> Any:
    if kind is Fraction and isinstance(value, str):
        return Fraction(value)
    msg = f"{value!r} is no {kind.__name__}."
    raise ValueError(msg)


_sorted = msgspec.json.Encoder(enc_hook=_to_text, order="sorted")
_json = msgspec.json.Encoder(enc_hook=_to_text)
_decision = msgspec.json.Decoder(Decision, dec_hook=_from_text)
_request = msgspec.json.Decoder(Request, dec_hook=_from_text)
_journal = msgspec.json.Decoder(tuple[Entry, ...], dec_hook=_from_text)


def decision_bytes(decision: Decision) -> bytes:
    """
    Return a decision as RFC 8785 JSON: equal bytes for equal decisions, anywhere. Fractions are "n/d" text.

    Where every value in the released choices is a str, int, bool or None and every key is ASCII, msgspec's sorted
    encoding is those bytes (keys that are ASCII sort alike by code point and by UTF-16 unit); else `canonical` is used,
    which also says what happens to lone surrogates and big integers.

    Raises:
        ValueError: If a choice holds a float that is not finite, or what JSON does not have.
    """
    if all(map(_easy, decision.choices)):
        try:
            return _sorted.encode(decision)
        except UnicodeEncodeError:  # a lone surrogate
            pass
    return canonical(msgspec.to_builtins(decision, enc_hook=_to_text))


def _easy(value: Any) -> bool:
    """Return whether msgspec's sorted encoding of `value` is surely RFC 8785."""
    kind = type(value)
    if kind in _PLAIN:
        return True
    if kind is dict:
        for key, item in value.items():
            if type(key) is not str or not key.isascii():
                return False
            if type(item) is not str and not _easy(item):
                return False
        return True
    return kind in (list, tuple) and all(map(_easy, value))


def decode_decision(data: bytes) -> Decision:
    """Return the decision that `decision_bytes` wrote. Raises RecordError for what is none of this version's."""
    decision: Decision = _decoded(_decision, data, "decision")
    return decision


class Ref(NamedTuple):
    """A text of a request's messages that is stored apart, by content."""

    message: int  # its index
    part: int  # the index of the content part; -1: the content is the text
    hash: bytes  # sha256 of the text in UTF-8


class _Packed(Struct, frozen=True, array_like=True):
    """A receipt as it lies in MessagePack. Fields are only ever added, at the end and with a default."""

    id: str
    created: float
    tenant: str
    policy: str
    policy_hash: str
    policy_bytes: bytes
    decision_version: int
    request: bytes | None
    request_hash: str
    journal: bytes | None
    decision: bytes
    decision_hash: str
    usage_returned: tuple[int, int]
    usage_total: tuple[int, int]
    refs: tuple[Ref, ...] = ()


_pack = msgspec.msgpack.Encoder()
_unpack = msgspec.msgpack.Decoder(_Packed)


def encode(receipt: Receipt, refs: tuple[Ref, ...] = ()) -> bytes:
    """Return a receipt as bytes. The client's Authorization header is never part of them."""
    packed = _Packed(
        receipt.id,
        receipt.created,
        receipt.tenant,
        receipt.policy,
        receipt.policy_hash,
        receipt.policy_bytes,
        receipt.decision_version,
        None if receipt.request is None else encode_request(receipt.request),
        receipt.request_hash,
        None if receipt.journal is None else as_json(receipt.journal),
        receipt.decision,
        receipt.decision_hash,
        receipt.usage_returned,
        receipt.usage_total,
        refs,
    )
    return _pack.encode(packed)


def decode(data: bytes) -> Receipt:
    """Return the receipt that `encode` wrote. Raises RecordError for anything else."""
    return decode_with_refs(data)[0]


def decode_with_refs(data: bytes) -> tuple[Receipt, tuple[Ref, ...]]:
    """Return what `encode` was given. Raises RecordError for anything else."""
    try:
        packed = _unpack.decode(data)
    except (msgspec.DecodeError, ValueError) as error:
        msg = f"A receipt can't be read: {error}"
        raise RecordError(msg) from error
    fields = structs.asdict(packed)
    refs = fields.pop("refs")
    fields["request"] = None if packed.request is None else _decoded(_request, packed.request, "request")
    fields["journal"] = None if packed.journal is None else _decoded(_journal, packed.journal, "journal")
    return Receipt(**fields), refs


def encode_request(request: Request) -> bytes:
    """Return a request as JSON, without the client's Authorization header."""
    if request.authorization is not None:
        request = structs.replace(request, authorization=None)
    return as_json(request)


def as_json(value: Any) -> bytes:
    """Return any of Steady's nouns as JSON. Text that has no UTF-8 (lone surrogates) is kept as escapes."""
    try:
        return _json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(value, enc_hook=_to_text)).encode("ascii")


def _decoded(decoder: msgspec.json.Decoder[Any], data: bytes, what: str) -> Any:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, ValueError) as error:
        try:  # msgspec refuses escaped lone surrogates, the standard library reads them
            return msgspec.convert(json.loads(data), decoder.type, dec_hook=_from_text)
        except (msgspec.ValidationError, ValueError):
            msg = f"A receipt's {what} can't be read: {error}"
            raise RecordError(msg) from error


def hashed(text: str) -> str:
    """Return `sha256:HEX` of a text; "" stays "" (there is nothing to hide, and what is absent stays visible)."""
    return f"sha256:{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}" if text else ""


def without_content(receipt: Receipt) -> Receipt:
    """
    Return a receipt that keeps no content: what `record: hashes` stores.

    The request and the journal go. In the decision, the released choices become {"sha256": ...} of their canonical
    JSON, and each text that can quote an answer (reasons, errors, edits, JSON pointers, the interval of a number)
    becomes `sha256:...`. Actions, slots, spans, shares, notes and the disclosure stay. `request_hash` and
    `decision_hash` stay those of the full content. The hashes are not keyed: short, guessable content (a label, a
    number) can be confirmed by one who already suspects it.
    """
    return structs.replace(receipt, request=None, journal=None, decision=_hide(receipt.decision))


def _hide(decision: bytes) -> bytes:
    full = decode_decision(decision)
    agreement = structs.replace(
        full.agreement,
        fields=tuple((hashed(pointer), share) for pointer, share in full.agreement.fields),
        low=full.agreement.low and hashed(full.agreement.low),
        high=full.agreement.high and hashed(full.agreement.high),
        spread=full.agreement.spread and hashed(full.agreement.spread),
    )
    verdicts = tuple(
        structs.replace(
            verdict,
            reason=hashed(verdict.reason),
            error=hashed(verdict.error),
            edits=tuple(edit._replace(text=hashed(edit.text)) for edit in verdict.edits),
        )
        for verdict in full.verdicts
    )
    choices = tuple({"sha256": sha256(canonical(choice)).hexdigest()} for choice in full.choices)
    hidden = structs.replace(full, reason=hashed(full.reason), choices=choices, agreement=agreement, verdicts=verdicts)
    return decision_bytes(hidden)
