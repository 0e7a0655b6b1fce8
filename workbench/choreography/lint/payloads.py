"""Rules about what an event carries: personal data, and how much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from workbench.choreography.fields import Field, fields_of, parts_of
from workbench.choreography.lint.rule import Found, rule
from workbench.choreography.lint.words import words

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography
    from workbench.events import EventType

LARGE = 100_000
"""Bytes: a tenth of what Kafka takes in one message by default."""

_FORMATS = {"email", "idn-email", "ipv4", "ipv6"}
_NAMES = (
    "email e_mail mail_address phone phone_number telephone telephone_number mobile_number msisdn"
    " fax_number first_name last_name given_name family_name middle_name maiden_name full_name"
    " surname forename customer_name user_name username contact_name recipient_name sender_name"
    " holder_name account_holder card_holder cardholder employee_name patient_name payee_name"
    " payer_name birth_date date_of_birth birthday birthdate dob place_of_birth"
    " address address_line street street_name postcode postal_code zip_code zip"
    " iban card_number credit_card pan cvv cvc ssn social_security_number national_id passport"
    " passport_number tax_id driving_licence driver_license ip ip_address ip_addr"
    " geolocation gender ethnicity religion"
)
"""How the names of personal fields end."""
_ENDINGS = [name.split("_") for name in _NAMES.split()]
_NO_PERSON = {"contract", "host", "mac", "memory", "product", "server", "service", "wallet", "web"}
"""What has an address (an IP address, too) and is nobody."""


@rule("personal-data", "warning")
def personal_data(design: Choreography) -> Iterator[Found]:
    """A field looks like personal data and is not marked.

    Events are copied to every consumer, kept for long and hard to delete: whoever must answer a
    request for erasure, or set a channel's retention, has to know where people's data are.

    A field is reported by its format (`email`, `ipv4`, `ipv6`) or by how its name ends: e-mail,
    phone, parts of a name, address, date of birth, IBAN, card number, national ids, IP address. A
    boolean, such as `email_verified`, is none. Nested fields and references are followed; of an
    object that looks personal, its fields are not reported too.

    Mark it in its schema, `"x-personal-data": true`; a mark on an object, or on the whole schema,
    holds for all that is in it. `"x-personal-data": false` says that it only looks so. In pydantic:
    `Field(json_schema_extra={"x-personal-data": True})`. Or leave it out of the event, and let
    consumers that need it ask for it by id.
    """
    for name, event_type in design.event_types.items():
        reported: set[str] = set()
        for field in fields_of(event_type):
            path = field.path
            inside = any(path[:n] in reported for n, letter in enumerate(path) if letter in ".[")
            if field.personal is None and not inside and _looks_personal(field, event_type):
                reported.add(path)
                yield Found(
                    f"{name}.{path}",
                    f"{name}.{path} looks like personal data: mark it in its schema, "
                    '"x-personal-data": true (or false, if it is none).',
                )


def _looks_personal(field: Field, event_type: EventType) -> bool:
    shapes = [field.schema, *_branches(field.schema, event_type)]
    types = {kind for shape in shapes for kind in _types(shape)} - {"null"}
    if types == {"boolean"}:
        return False
    if any(shape.get("format") in _FORMATS for shape in shapes):
        return True
    found = words(field.name)
    if not found or not _NO_PERSON.isdisjoint(found):
        return False
    singular = [[*found[:-1], found[-1].removesuffix(plural)] for plural in ("", "s", "es")]
    return any(ends[-len(name) :] == name for ends in singular for name in _ENDINGS)


def _branches(schema: Mapping[str, Any], event_type: EventType) -> list[Mapping[str, Any]]:
    """The alternatives and the entries of a field's schema: pydantic's ``str | None``, a list."""
    below = (event_type.resolve(part) for _, _, part in parts_of(schema))
    return [part for part in below if isinstance(part, Mapping)]


def _types(schema: Mapping[str, Any]) -> list[str]:
    kinds = schema.get("type", [])
    return [kinds] if isinstance(kinds, str) else list(kinds)


@rule("large-payload", "warning")
def large_payload(design: Choreography) -> Iterator[Found]:
    """A payload may be too large for a message.

    Kafka refuses a message above 1 MB unless told otherwise, and each consumer pays for each byte
    whether it needs it or not.

    An event type is reported if its schema's own bounds (`maxLength`, `maxItems`) allow more than
    100 kB, counting a byte a letter and ten bytes for anything without a bound; or if a field embeds
    a file (`contentEncoding: base64`, `format: byte` or `binary`) without a `maxLength` below that.
    Texts and lists without bounds are usual, and not reported.

    Keep the file in a store and let the event carry its address and hash; lower the bounds; send
    one event for each entry.
    """
    for name, event_type in design.event_types.items():
        for field in fields_of(event_type):
            if _embeds(field.schema, event_type):
                yield Found(
                    f"{name}.{field.path}",
                    f"{name}.{field.path} embeds a file of any size: let the event carry its "
                    "address instead.",
                )
        size = _Sizes(event_type).of(event_type.schema)
        if size > LARGE:
            yield Found(
                name,
                f"{name} may have {size / 1000:,.0f} kB by the bounds of its schema: more than "
                f"{LARGE // 1000} kB are too much for an event.",
            )


def _embeds(schema: Mapping[str, Any], event_type: EventType) -> bool:
    return any(
        (shape.get("contentEncoding") == "base64" or shape.get("format") in {"byte", "binary"})
        and _bound(shape, "maxLength", LARGE + 1) > LARGE
        for shape in [schema, *_branches(schema, event_type)]
    )


class _Sizes:
    """How many bytes the values of a schema may have, by its bounds."""

    _MAX_DEPTH = 30
    _NO_BOUND = 10

    def __init__(self, event_type: EventType) -> None:
        self._event_type = event_type
        self._known: dict[int, int] = {}

    def of(self, schema: Any, depth: int = 0) -> int:
        if depth > self._MAX_DEPTH or not isinstance(schema, Mapping):
            return self._NO_BOUND
        if id(schema) not in self._known:
            self._known[id(schema)] = self._NO_BOUND  # for one that contains itself
            self._known[id(schema)] = self._measured(self._event_type.resolve(schema), depth)
        return self._known[id(schema)]

    def _measured(self, schema: Mapping[str, Any], depth: int) -> int:
        fields = schema.get("properties")
        fields = fields if isinstance(fields, Mapping) else {}
        size = sum(len(name) + 5 + self.of(child, depth + 1) for name, child in fields.items())
        size = max(size, _bound(schema, "maxLength", self._NO_BOUND))
        branches = [self.of(part, depth + 1) for _, step, part in parts_of(schema) if not step]
        entries = [self.of(part, depth + 1) for _, step, part in parts_of(schema) if step == "[]"]
        if entries:
            size = max(size, _bound(schema, "maxItems", 1) * max(entries))
        return max([size, *branches])


def _bound(schema: Mapping[str, Any], name: str, otherwise: int) -> int:
    bound = schema.get(name)
    return bound if isinstance(bound, int) else otherwise
