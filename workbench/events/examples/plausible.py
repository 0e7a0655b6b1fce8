"""Values that look right for a field's name or format, from mimesis."""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cached_property

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PLACES = ("Harbour", "Mill", "Castle", "Station", "Market")
_REASONS: list[tuple[set[str], tuple[str, ...]]] = [
    ({"payment", "card", "charge", "authorization", "authorisation"},
     ("insufficient funds", "card expired", "limit exceeded", "card blocked")),
    ({"stock", "inventory", "reservation", "item"}, ("out of stock", "no longer sold")),
    ({"shipment", "shipping", "delivery", "parcel"},
     ("wrong address", "nobody at home", "damaged on the way")),
    ({"order", "return", "returned", "refund", "cancelled", "canceled"},
     ("changed my mind", "found it cheaper", "ordered by mistake")),
]  # fmt: skip
"""What an event is about, by its name → why such things happen."""
_ANY_REASON = ("by request", "not possible now", "a rule was not met")
PERSON = {
    "customer", "person", "user", "owner", "author", "recipient", "payer", "name", "holder",
}  # fmt: skip
GIVEN = {"first", "given", "forename"}
FAMILY = {"last", "surname", "family"}


class Plausible:
    """Texts and numbers by the name of their field. The same seed gives the same ones.

    Parameters
    ----------
    seed, now
        As for :class:`Examples`.
    about
        The event type's name.

    Attributes
    ----------
    emails
        The e-mail addresses that were made for this payload.
    """

    def __init__(self, seed: int, now: datetime, about: str = "") -> None:
        from mimesis import Generic, Locale

        self._make = Generic(Locale.EN, seed=seed)
        self._rng = random.Random(seed)
        self._now = now
        self._about = words_of(about)
        self.emails: set[str] = set()
        self._next_id = self._rng.randrange(1_000, 900_000)

    def next_payload(self) -> None:
        """Another payload begins: its ids are new ones."""
        self.emails.clear()
        self._next_id += 1

    # --- numbers --------------------------------------------------------------------------

    def range(self, name: str) -> tuple[float, float]:
        """What numbers of that name usually lie between."""
        words = words_of(name)
        for about, low, high in _RANGES:
            if words & about:
                return low, high
        if words & _IDS:
            return self._next_id, self._next_id
        return 1, 200

    # --- texts ----------------------------------------------------------------------------

    def texts(self, name: str, form: str | None) -> Iterator[str]:
        """Texts for a field, the most plausible first; some may not be of the format."""
        words = words_of(name)
        made = self._formats.get(form or "")
        if made:
            yield from (text for text in made(words) if text)
            return
        for about, make in self._names:
            if words & about:
                yield from make(words)
        if not words & _PROSE:
            yield f"{' '.join(_WORDS.findall(name)).lower() or 'text'} {self._rng.randint(1, 99)}"

    def kind(self, name: str) -> set[str] | None:
        """What a field of that name is taken for, such as ``PERSON``; ``None``: it is not known."""
        words = words_of(name)
        return next((about for about, _ in self._names if words & about), None)

    def word(self) -> str:
        """A plain word in small letters."""
        return re.sub("[^a-z]", "", self._make.text.word().lower()) or "word"

    @cached_property
    def _formats(self) -> dict[str, Callable[[set[str]], list[str]]]:
        internet, host = self._make.internet, self._hosts
        return {
            "date-time": lambda w: [f"{self._moment(w).isoformat().replace('+00:00', 'Z')}"],
            "date": lambda w: [str(self._moment(w).date())],
            "time": lambda w: [f"{self._moment(w):%H:%M:%S}Z"],
            "duration": lambda _: [f"PT{self._rng.randint(1, 59)}M"],
            "uuid": lambda _: [str(uuid.UUID(int=self._rng.getrandbits(128), version=4))],
            "email": lambda _: [self._email(), "ada@example.org", "a@b.co"],
            "idn-email": lambda _: [self._email(), "a@b.co"],
            "hostname": lambda _: host(),
            "idn-hostname": lambda _: host(),
            "ipv4": lambda _: [f"192.0.2.{self._rng.randint(1, 254)}"],
            "ipv6": lambda _: [f"2001:db8::{self._rng.randint(1, 9_999):x}"],
            "uri": lambda _: self._links(),
            "url": lambda _: self._links(),
            "iri": lambda _: self._links(),
            "uri-reference": lambda _: [f"/{self.word()}/{self._next_id}", *self._links()],
            "iri-reference": lambda _: [f"/{self.word()}/{self._next_id}", *self._links()],
            "uri-template": lambda _: ["https://example.org/orders/{order_id}", "/{id}"],
            "json-pointer": lambda _: [f"/{self.word()}/0", "/a", ""],
            "relative-json-pointer": lambda _: [f"1/{self.word()}", "0"],
            "regex": lambda _: ["^[A-Z]{3}$", "a"],
            "decimal": self._decimals,
            "user-agent": lambda _: [internet.user_agent()],
        }

    @cached_property
    def _names(self) -> list[tuple[set[str], Callable[[set[str]], list[str]]]]:
        person, place, money = self._make.person, self._make.address, self._make.finance
        pick = self._rng.choice
        return [
            ({"email", "mail"}, lambda _: [self._email()]),
            ({"iban"}, lambda _: [self._iban()]),
            ({"bic", "swift"}, lambda _: ["DEUTDEFF", "DEUTDEFFXXX"]),
            ({"isbn"}, lambda _: [self._make.code.isbn()]),
            ({"ean", "gtin", "barcode"}, lambda _: [self._make.code.ean()]),
            ({"sku", "article"}, lambda _: [f"{self.word()[:3].upper()}-{self._digits(4)}"]),
            ({"currency"}, lambda _: [pick(("EUR", "USD", "GBP", "CHF"))]),
            ({"country"}, lambda _: [place.country_code(), place.country()]),
            ({"city", "town"}, lambda _: [place.city()]),
            ({"zip", "postcode", "postal", "plz"}, lambda _: [self._digits(5), place.postal_code()]),
            ({"region", "province"}, lambda _: [place.state(), place.state(abbr=True)]),
            ({"phone", "mobile", "telephone", "tel", "fax"}, lambda _: [self._phone()]),
            ({"url", "uri", "link", "website", "href"}, lambda _: self._links()),
            ({"ip", "ipv"}, lambda _: [f"192.0.2.{self._rng.randint(1, 254)}"]),
            ({"host", "hostname", "domain"}, lambda _: self._hosts()),
            ({"uuid", "guid"}, self._formats["uuid"]),
            ({"hash", "checksum", "digest", "sha", "token", "secret"}, lambda _: [self._hex()]),
            ({"card"}, lambda _: [self._make.payment.credit_card_number()]),
            (_IDS, lambda words: [self._id(words)]),
            (_MONEY, self._decimals),
            ({"quantity", "qty", "count"}, lambda _: [str(self._rng.randint(1, 5))]),
            ({"at", "time", "timestamp", "when"}, self._formats["date-time"]),
            ({"date", "birthday", "dob", "on"}, self._formats["date"]),
            (GIVEN, lambda _: [person.first_name()]),
            (FAMILY, lambda _: [person.last_name()]),
            ({"username", "login", "handle", "nickname"}, lambda _: [person.username("l_d")]),
            ({"company", "merchant", "vendor", "supplier", "organisation", "organization", "carrier"},
             lambda _: [money.company()]),
            ({"street", "address", "line"}, lambda _: [self._street()]),
            ({"product", "item"}, lambda _: [self._product()]),
            ({"bank"}, lambda _: [money.bank()]),
            (PERSON, lambda _: [person.full_name(), person.first_name()]),
            ({"job", "occupation", "profession"}, lambda _: [person.occupation()]),
            ({"nationality"}, lambda _: [person.nationality()]),
            ({"language", "lang"}, lambda _: ["en", "English"]),
            ({"locale"}, lambda _: ["en-GB", "en"]),
            ({"timezone", "tz"}, lambda _: ["Europe/Berlin"]),
            ({"agent", "browser"}, lambda _: [self._make.internet.user_agent()]),
            ({"color", "colour"}, lambda _: [self._make.text.color().lower()]),
            ({"version"}, lambda _: [f"1.{self._rng.randint(0, 9)}.0"]),
            ({"status", "state"}, lambda _: ["new"]),
            ({"reason", "why", "cause"}, lambda _: [pick(self._reasons)]),
            ({"note", "comment", "description", "message", "text", "title", "subject"},
             lambda _: [f"{self.word().capitalize()} {self.word()} {self.word()}."]),
        ]  # fmt: skip

    @property
    def _reasons(self) -> tuple[str, ...]:
        found = (reasons for about, reasons in _REASONS if self._about & about)
        return next(found, _ANY_REASON)

    def _moment(self, words: set[str]) -> datetime:
        seconds = self._rng.randint(0, 30 * 86_400)
        if words & {"birth", "birthday", "dob", "born"}:
            return self._now - timedelta(days=self._rng.randint(20 * 365, 70 * 365))
        if words & {"due", "expires", "expiry", "until", "deadline", "scheduled", "end", "valid"}:
            return self._now + timedelta(seconds=seconds)
        return self._now - timedelta(seconds=seconds)

    def _email(self) -> str:
        first = re.sub("[^a-z]", "", self._make.person.first_name().lower()) or "ada"
        last = re.sub("[^a-z]", "", self._make.person.last_name().lower()) or "lovelace"
        made = f"{first}.{last}@example.{self._rng.choice(('org', 'com', 'net'))}"
        self.emails.add(made)
        return made

    def _decimals(self, words: set[str]) -> list[str]:
        if words & {"rate", "percent", "percentage", "ratio", "share"}:
            return [f"0.{self._rng.randint(1, 99):02}"]
        cents = self._rng.choice((0, 50, 90, 95, 99, self._rng.randint(0, 99)))
        return [f"{self._rng.randint(5, 200)}.{cents:02}", "1.5", "1"]

    def _iban(self) -> str:
        """A German one, with the check digits of ISO 13616."""
        account = self._digits(18)
        return f"DE{98 - int(account + '131400') % 97:02}{account}"

    def _id(self, words: set[str]) -> str:
        about = [word for word in words - _IDS if word.isalpha()]
        return f"{min(about)[0] if about else 'n'}-{self._next_id}"

    def _hosts(self) -> list[str]:
        return [f"{self.word()}.example.org", "a.co"]

    def _links(self) -> list[str]:
        return [f"https://example.org/{self.word()}/{self._next_id}", "https://a.co"]

    def _street(self) -> str:
        return f"{self._rng.choice(_PLACES)} Road {self._rng.randint(1, 120)}"

    def _product(self) -> str:
        return f"{self._make.text.color().lower()} {self._rng.choice(_PRODUCTS)}"

    def _phone(self) -> str:
        return f"+49 30 {self._digits(7)}"

    def _digits(self, n: int) -> str:
        return str(self._rng.randint(1, 9)) + "".join(
            str(self._rng.randint(0, 9)) for _ in range(n - 1)
        )

    def _hex(self) -> str:
        return f"{self._rng.getrandbits(256):064x}"


_PRODUCTS = ("lamp", "chair", "kettle", "bicycle", "notebook", "umbrella")
_IDS = {"id", "ids", "key", "no", "number", "nr", "ref", "reference", "code"}
_MONEY = {
    "amount", "total", "price", "cost", "fee", "balance", "tax", "discount", "sum", "value",
    "rate", "percent", "percentage", "subtotal", "vat", "revenue", "limit",
}  # fmt: skip
_PROSE = {"note", "comment", "description", "message", "reason"}
_RANGES: list[tuple[set[str], float, float]] = [
    ({"quantity", "qty", "count", "items", "units", "attempts", "attempt", "pieces"}, 1, 5),
    ({"age"}, 18, 80),
    ({"percent", "percentage"}, 1, 100),
    ({"rate", "ratio", "share", "score", "probability", "confidence"}, 0.01, 0.99),
    ({"latitude", "lat"}, 35, 60),
    ({"longitude", "lon", "lng"}, -10, 30),
    ({"year"}, 2000, 2026),
    ({"month"}, 1, 12),
    ({"day"}, 1, 28),
    ({"hour"}, 0, 23),
    ({"minute", "second"}, 0, 59),
    ({"timestamp", "epoch"}, 1_790_000_000, 1_795_000_000),
    ({"ms", "millis", "duration", "latency"}, 5, 900),
    ({"port"}, 1024, 65535),
]


def words_of(name: str) -> set[str]:
    """The words of a field's name: ``orderId`` and ``order_id`` are both ``order`` and ``id``."""
    return {word.lower() for word in _WORDS.findall(name)}
