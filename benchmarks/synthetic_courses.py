"""What may happen in a synthetic log: orders, step by step, and sign-ups, answered side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

Steps = tuple[tuple[str, int], ...]
"""Event types, each with the place of its cause among these; -1: it has none."""


@dataclass(frozen=True)
class Course:
    """What may happen in a flow."""

    share: float
    """Of all flows."""
    steps: Steps
    """Causes stand before their effects."""


@dataclass(frozen=True)
class Traffic:
    """Flows of one kind, who emits what, and how the events of a flow follow each other."""

    services: Mapping[str, str]
    """Event type → who emits it."""
    courses: tuple[Course, ...]
    """What they are to end as."""
    stuck: tuple[Course, ...]
    """Where some of them stop. No other course has as many steps, so their length tells them."""
    without_flow: str
    """The type of events that belong to no flow."""
    side_by_side: bool = False
    """Whether each effect has a time of its own after its cause; else a flow is one line, as the
    steps stand."""
    delays: Mapping[str, float] = field(default_factory=dict)
    """Event type → mean time after its cause, in milliseconds, if not the usual one."""

    @property
    def all_courses(self) -> tuple[Course, ...]:
        return self.courses + self.stuck

    @property
    def ending_well(self) -> Traffic:
        """The same, of which none stops."""
        return replace(self, stuck=())


_PAID = (("OrderPlaced", -1), ("StockReserved", 0), ("PaymentReceived", 1), ("InvoiceSent", 2))
_DECLINED = (("OrderPlaced", -1), ("StockReserved", 0), ("PaymentDeclined", 1))
_DELIVERED = (*_PAID, ("OrderShipped", 2), ("OrderDelivered", 4))

ORDERS = Traffic(
    services={
        "OrderPlaced": "shop",
        "StockReserved": "inventory",
        "OutOfStock": "inventory",
        "PaymentReceived": "billing",
        "PaymentDeclined": "billing",
        "PaymentRetried": "billing",
        "InvoiceSent": "documents",
        "OrderShipped": "shipping",
        "OrderDelivered": "shipping",
        "OrderReturned": "shipping",
        "PaymentRefunded": "billing",
        "StockReleased": "inventory",
        "OrderCompleted": "shop",
        "OrderCancelled": "shop",
        "PriceChanged": "catalogue",
    },
    courses=(
        Course(0.72, (*_DELIVERED, ("OrderCompleted", 5))),
        Course(0.08, (("OrderPlaced", -1), ("OutOfStock", 0), ("OrderCancelled", 1))),
        Course(0.08, (*_DECLINED, ("StockReleased", 2), ("OrderCancelled", 2))),
        Course(
            0.05,
            (*_DELIVERED, ("OrderReturned", 5), ("PaymentRefunded", 6), ("StockReleased", 6)),
        ),
        Course(
            0.04,
            (
                *_DECLINED,
                ("PaymentRetried", 2),
                ("PaymentReceived", 3),
                ("InvoiceSent", 4),
                ("OrderShipped", 4),
                ("OrderDelivered", 6),
                ("OrderCompleted", 7),
            ),
        ),
    ),
    stuck=(
        Course(0.02, _DECLINED[:2]),  # no payment, and no refusal of one
        Course(0.01, _PAID),  # never shipped
    ),
    without_flow="PriceChanged",
)

_SIGNED_UP = (
    ("UserSignedUp", -1),
    ("VerificationEmailSent", 0),
    ("ContactAdded", 0),
    ("ContactEnriched", 2),
    ("SignUpCounted", 0),
    ("RiskAssessed", 0),
    ("ProfileCreated", 0),
    ("AvatarDrawn", 6),
    ("TrialStarted", 0),
)
_VERIFIED = (
    *_SIGNED_UP,
    ("VerificationLinkOpened", 1),
    ("EmailVerified", 9),
    ("AccountActivated", 10),
    ("WelcomeEmailSent", 11),
    ("ActivationCounted", 11),
    ("ContactConfirmed", 10),
    ("NewsletterSubscribed", 10),
)
_BOUNCED = (
    *_SIGNED_UP,
    ("VerificationEmailBounced", 1),
    ("AccountClosed", 9),
    ("ContactErased", 9),
)

SIGN_UPS = Traffic(
    services={
        "UserSignedUp": "website",
        "VerificationEmailSent": "verification",
        "VerificationLinkOpened": "mailbox",
        "VerificationEmailBounced": "mailbox",
        "EmailVerified": "verification",
        "AccountActivated": "accounts",
        "AccountClosed": "accounts",
        "ContactAdded": "crm",
        "ContactEnriched": "enrichment",
        "ContactConfirmed": "crm",
        "ContactErased": "crm",
        "SignUpCounted": "analytics",
        "ActivationCounted": "analytics",
        "RiskAssessed": "risk",
        "ProfileCreated": "profiles",
        "AvatarDrawn": "pictures",
        "TrialStarted": "billing",
        "WelcomeEmailSent": "letters",
        "NewsletterSubscribed": "letters",
        "PageViewed": "website",
    },
    courses=(Course(0.87, _VERIFIED), Course(0.1, _BOUNCED)),
    stuck=(
        Course(0.02, _VERIFIED[:11]),  # verified, and nobody answers
        Course(0.01, tuple(step for step in _VERIFIED if step[0] != "ContactConfirmed")),
    ),
    without_flow="PageViewed",
    side_by_side=True,
    delays={
        "SignUpCounted": 5,
        "RiskAssessed": 60,
        "AvatarDrawn": 40,
        "ContactEnriched": 100,
        "VerificationLinkOpened": 30_000,
        "VerificationEmailBounced": 2_000,
    },
)
